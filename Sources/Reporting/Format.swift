// Numbers as people read them.
import Foundation
package import Tensors

package enum Format {
    package static func loss(_ value: Double) -> String { String(format: "%.4f", value) }
    package static func percent(_ value: Double) -> String { String(format: "%.2f %%", value * 100) }
    /// A value of a measure: a loss as it is, anything else in percent.
    package static func figure(_ value: Double, _ measure: EvaluationMeasure) -> String {
        measure == .loss ? loss(value) : percent(value)
    }

    static func share(_ value: Double) -> String { String(format: "%.0f %%", value * 100) }
    static func rate(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }
    static func count(_ value: Int, _ noun: String) -> String { "\(value) \(noun)\(value == 1 ? "" : "s")" }

    static func seconds(_ value: Double) -> String { String(format: value < 10 ? "%.2f s" : "%.0f s", value) }

    /// 25.6 M, 4.1 k, 512.
    static func large(_ value: Int) -> String {
        switch value {
        case 1_000_000...: String(format: "%.1f M", Double(value) / 1e6)
        case 10_000...: String(format: "%.1f k", Double(value) / 1e3)
        default: "\(value)"
        }
    }

    static func bytes(_ value: Int) -> String {
        switch value {
        case 1_000_000...: String(format: "%.1f MB", Double(value) / 1e6)
        case 1_000...: String(format: "%.1f kB", Double(value) / 1e3)
        default: "\(value) B"
        }
    }

    /// 0:07, 12:30, 3:05:00.
    package static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }
}
