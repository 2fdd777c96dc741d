// Numbers with units, for people who read terminals.
internal import Foundation

/// Numbers as people read them. All prefixes are powers of 1000.
package enum Readable {
    /// A number with a fixed count of decimals: what columns need.
    package static func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }

    /// A number with about three significant digits.
    package static func short(_ value: Double) -> String {
        switch abs(value) {
        case 99.95...: fixed(value, 0)
        case 9.995...: fixed(value, 1)
        case 0.9995...: fixed(value, 2)
        case 0: "0"
        default: fixed(value, 3)
        }
    }

    /// As in `12.8 MB`.
    package static func bytes(_ count: Int) -> String { scaled(Double(count), ["B", "kB", "MB", "GB", "TB"]) }

    /// As in `25.6 M`, `512`.
    package static func count(_ count: Int) -> String { scaled(Double(count), ["", "k", "M", "G"]) }

    /// As in `63.7 %`; of nothing, 0 %.
    package static func share(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "0 %" : fixed(100 * Double(part) / Double(whole), 1) + " %"
    }

    private static func scaled(_ value: Double, _ units: [String]) -> String {
        var (value, step) = (value, 0)
        while value >= 999.5, step < units.count - 1 {
            value /= 1000
            step += 1
        }
        let number = step == 0 ? fixed(value, 0) : short(value)
        return units[step].isEmpty ? number : "\(number) \(units[step])"
    }
}
