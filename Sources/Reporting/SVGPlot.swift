// Line plots as SVG text, for the report: no script, no library, nothing fetched.
import Foundation

/// A line plot of a few series over one axis.
struct SVGPlot {
    struct Series {
        let name: String
        /// Ascending in x.
        let points: [(x: Double, y: Double)]
        /// Few points are marked with dots, too.
        var isMarked = false
    }

    let title: String
    let horizontal: String
    let series: [Series]
    /// Shown in percent.
    var isPercent = false

    private static let (width, height) = (640.0, 280.0)
    /// The legend stands above the curves, so that none runs through it.
    private static let (left, right, top, bottom) = (52.0, 28.0, 40.0, 36.0)
    /// A perfect accuracy would leave an axis without extent.
    private static let narrowestPercentage = 0.1
    private static let pointLimit = 400

    /// An `<svg>` element with axes, grid and legend; a note where there is nothing to plot.
    var svg: String {
        let points = series.flatMap(\.points)
        guard !points.isEmpty else { return "<p>\(escaped(title)): nothing yet</p>" }
        let frame = Frame(points, isPercent: isPercent)
        // The legend of many series stands higher.
        let extra = max(0, 14 * (series.count - 2))
        var parts = [
            "<svg viewBox=\"0 \(-extra) \(Int(Self.width)) \(Int(Self.height) + extra)\" role=\"img\" aria-label=\"\(escaped(title))\">"
        ]
        for tick in Self.ticks(frame.y) {
            let y = Self.text(frame.vertical(tick))
            parts.append("<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
            parts.append("<text x=\"\(Self.left - 6)\" y=\"\(y)\" dy=\".35em\" text-anchor=\"end\">\(label(tick))</text>")
        }
        for tick in Self.ticks(frame.x) {
            parts.append(
                "<text x=\"\(Self.text(frame.horizontal(tick)))\" y=\"\(Self.height - 20)\" text-anchor=\"middle\">\(plain(tick))</text>"
            )
        }
        parts.append(
            "<text x=\"\(Self.width - Self.right)\" y=\"\(Self.height - 4)\" text-anchor=\"end\">\(escaped(horizontal))</text>")
        for (index, series) in series.enumerated() where !series.points.isEmpty { parts.append(line(series, index, frame)) }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    private func line(_ series: Series, _ index: Int, _ frame: Frame) -> String {
        let path = Self.thinned(series.points).map { "\(Self.text(frame.horizontal($0.x))),\(Self.text(frame.vertical($0.y)))" }
        var text = "<polyline class=\"s\(index)\" points=\"\(path.joined(separator: " "))\"/>"
        if series.isMarked {
            text += path.map {
                let place = $0.split(separator: ",")
                return "<circle class=\"s\(index)\" cx=\"\(place[0])\" cy=\"\(place[1])\" r=\"3\"/>"
            }.joined()
        }
        let y = 14.0 + 14 * Double(index) - Double(max(0, 14 * (self.series.count - 2)))
        return text + "<text class=\"s\(index)\" x=\"\(Self.width - Self.right - 4)\" y=\"\(y)\" text-anchor=\"end\">"
            + "\(escaped(series.name))</text>"
    }

    /// Means of neighbours where there are more points than a plot can show.
    private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > pointLimit else { return points }
        return (0..<pointLimit).map { bin in
            let part = points[points.count * bin / pointLimit..<points.count * (bin + 1) / pointLimit]
            let count = Double(part.count)
            return (part.reduce(0) { $0 + $1.x } / count, part.reduce(0) { $0 + $1.y } / count)
        }
    }

    /// The data's range, and where a number lies on the drawing.
    private struct Frame {
        let x: ClosedRange<Double>
        let y: ClosedRange<Double>

        init(_ points: [(x: Double, y: Double)], isPercent: Bool) {
            let (xs, ys) = (points.map(\.x), points.map(\.y))
            let (least, most) = (ys.min() ?? 0, ys.max() ?? 1)
            let (yLow, yHigh) = isPercent ? (min(least, 1 - SVGPlot.narrowestPercentage), 1) : (min(0, least), most)
            // From the run's beginning, so that plots below each other share their axis.
            x = 0...max(xs.max() ?? 1, 1)
            y = yLow...max(yHigh, yLow + 1e-6)
        }

        func horizontal(_ value: Double) -> Double {
            SVGPlot.left + (value - x.lowerBound) / (x.upperBound - x.lowerBound) * (SVGPlot.width - SVGPlot.left - SVGPlot.right)
        }

        func vertical(_ value: Double) -> Double {
            SVGPlot.height - SVGPlot.bottom
                - (value - y.lowerBound) / (y.upperBound - y.lowerBound) * (SVGPlot.height - SVGPlot.top - SVGPlot.bottom)
        }
    }

    /// Round numbers within a range, about five.
    private static func ticks(_ range: ClosedRange<Double>) -> [Double] {
        let raw = (range.upperBound - range.lowerBound) / 5
        let magnitude = pow(10, floor(log10(raw)))
        let step = magnitude * ([1, 2, 5, 10].first { $0 * magnitude >= raw } ?? 10)
        let (first, last) = (Int((range.lowerBound / step).rounded(.up)), Int((range.upperBound / step + 1e-9).rounded(.down)))
        return first <= last ? (first...last).map { Double($0) * step } : []
    }

    private func label(_ value: Double) -> String { isPercent ? plain(value * 100) + " %" : plain(value) }
    private func plain(_ value: Double) -> String {
        switch abs(value) {
        case 1e6...: String(format: "%.4g M", value / 1e6)
        case 1e4...: String(format: "%.4g k", value / 1e3)
        default: String(format: "%.4g", value)
        }
    }
    private static func text(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// Text for HTML and SVG, in elements and in attributes.
func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
}
