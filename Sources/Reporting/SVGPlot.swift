// Line plots as SVG text, for the report: no library, nothing fetched.
import Foundation

/// A line plot of a few series over one axis.
struct SVGPlot {
    struct Series {
        let name: String
        /// Ascending in x.
        let points: [(x: Double, y: Double)]
        /// Few points are marked with dots, too.
        var isMarked = false
        var look = Look.plain
        /// The number of the colour; nil takes the series' own place.
        var colour: Int?
    }

    /// How a line stands beside the others.
    enum Look: String { case plain, faint, dashed, reference }

    let title: String
    let horizontal: String
    let series: [Series]
    /// Shown in percent.
    var isPercent = false
    /// Where something begins, in the unit of the horizontal axis, and what.
    var marks: [(x: Double, words: String)] = []
    /// Both axes run over shares, from 0 to 1.
    var isSquare = false

    private static let (width, height) = (420.0, 250.0)
    private static let (left, right, top, bottom) = (50.0, 18.0, 14.0, 36.0)
    /// A perfect accuracy would leave an axis without extent.
    private static let narrowestPercentage = 0.1
    private static let colours = 6
    /// Points of a line: more cannot be seen, and would make pages large.
    static let pointLimit = 600

    /// A `<figure>` with axes, grid and legend; a note where there is nothing to plot.
    var html: String {
        let lines = series.map { Self.thinned($0.points.filter { $0.x.isFinite && $0.y.isFinite }) }
        let points = Array(lines.joined())
        guard !points.isEmpty else { return "<figure class=\"plot\"><h3>\(escaped(title))</h3>\n<p>Nothing yet.</p></figure>" }
        let frame = isSquare ? Frame(x: 0...1, y: 0...1) : Frame(points, isPercent: isPercent)
        let shown = series.indices.filter { !lines[$0].isEmpty }
        let legend = shown.map { "<li class=\"\(kind($0)) \(series[$0].look.rawValue)\">\(escaped(series[$0].name))</li>" }
        let (right, low) = (Self.width - Self.right, Self.height - Self.bottom)
        let told = shown.map { "\(series[$0].name): \(range(lines[$0]))" }.joined(separator: "; ")
        var parts = [
            "<figure class=\"plot\"><figcaption><h3>\(escaped(title))</h3><ul>\(legend.joined())</ul></figcaption>",
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(escaped("\(title) by \(horizontal). \(told)"))\" "
                + "data-frame=\"\(Self.left) \(right) \(Self.top) \(low)\" data-x=\"\(frame.x.lowerBound) \(frame.x.upperBound)\" "
                + "data-y=\"\(frame.y.lowerBound) \(frame.y.upperBound)\" data-horizontal=\"\(escaped(horizontal))\"\(isPercent ? " data-percent" : "")>",
        ]
        for tick in Self.ticks(frame.y) {
            let y = Self.text(frame.vertical(tick))
            parts.append(
                "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(right)\" y1=\"\(y)\" y2=\"\(y)\"/><text x=\"\(Self.left - 6)\" y=\"\(y)\" "
                    + "dy=\".35em\" text-anchor=\"end\">\(label(tick))</text>")
        }
        for tick in Self.ticks(frame.x) {
            parts.append(
                "<text x=\"\(Self.text(frame.horizontal(tick)))\" y=\"\(low + 15)\" text-anchor=\"middle\">\(plain(tick))</text>")
        }
        parts.append("<text x=\"\(right)\" y=\"\(Self.height - 5)\" text-anchor=\"end\">\(escaped(horizontal))</text>")
        for mark in marks where frame.x.contains(mark.x) {
            let x = Self.text(frame.horizontal(mark.x))
            parts.append(
                "<line class=\"mark\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Self.top)\" y2=\"\(low)\"><title>\(escaped(mark.words))</title></line>"
                    + "<text x=\"\(x)\" y=\"\(Self.top - 3)\" text-anchor=\"middle\">\(escaped(mark.words))</text>")
        }
        for index in shown { parts.append(line(index, lines[index], frame)) }
        return parts.joined(separator: "\n") + "\n</svg></figure>"
    }

    private func colour(_ index: Int) -> Int { (series[index].colour ?? index) % Self.colours }

    /// What gives a line and its name their colour.
    private func kind(_ index: Int) -> String { series[index].look == .reference ? "reference" : "s\(colour(index))" }

    private func line(_ index: Int, _ points: [(x: Double, y: Double)], _ frame: Frame) -> String {
        let places = points.map { (Self.text(frame.horizontal($0.x)), Self.text(frame.vertical($0.y))) }
        let own = series[index]
        // What is faint is told by the line that smooths it.
        let name = own.look == .plain ? " data-name=\"\(escaped(own.name))\"" : ""
        // More lines than colours: those that begin them again are dashed.
        let look = own.look == .plain && index >= Self.colours ? Look.dashed : own.look
        let text =
            "<polyline class=\"\(kind(index)) \(look.rawValue)\"\(name) points=\"\(places.map { "\($0),\($1)" }.joined(separator: " "))\"/>"
        guard own.isMarked else { return text }
        return text
            + places.map { "<circle class=\"\(kind(index))\" cx=\"\($0)\" cy=\"\($1)\" r=\"2.6\"/>" }.joined()
    }

    /// From where to where a line goes, for those who hear the page.
    private func range(_ points: [(x: Double, y: Double)]) -> String {
        guard let first = points.first, let last = points.last, points.count > 1 else { return label(points[0].y) }
        return "from \(label(first.y)) to \(label(last.y))"
    }

    /// Of each piece of a line that has more points than can be seen, its lowest and its highest.
    static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > pointLimit else { return points }
        let inner = points.dropFirst().dropLast()
        let pieces = (pointLimit - 2) / 2
        let kept = (0..<pieces).flatMap { piece -> [(x: Double, y: Double)] in
            let start = inner.startIndex
            let part = inner[start + inner.count * piece / pieces..<start + inner.count * (piece + 1) / pieces]
            guard let low = part.indices.min(by: { part[$0].y < part[$1].y }),
                let high = part.indices.max(by: { part[$0].y < part[$1].y })
            else { return [] }
            return low == high ? [part[low]] : [part[min(low, high)], part[max(low, high)]]
        }
        return [points[0]] + kept + [points[points.count - 1]]
    }

    /// The data's range, and where a number lies on the drawing.
    private struct Frame {
        let x: ClosedRange<Double>
        let y: ClosedRange<Double>

        init(x: ClosedRange<Double>, y: ClosedRange<Double>) { (self.x, self.y) = (x, y) }

        init(_ points: [(x: Double, y: Double)], isPercent: Bool) {
            let (xs, ys) = (points.map(\.x), points.map(\.y))
            let (least, most) = (ys.min() ?? 0, ys.max() ?? 1)
            let (yLow, yHigh) = isPercent ? (min(least, 1 - SVGPlot.narrowestPercentage), 1) : (min(0, least), most)
            // From the run's beginning, so that plots beside each other share their axis.
            x = 0...max(xs.max() ?? 1, 1)
            y = yLow...max(yHigh, yLow + 1e-9)
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
