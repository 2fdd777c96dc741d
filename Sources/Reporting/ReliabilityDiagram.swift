// The report's word on how far probabilities can be believed.
import Foundation
import Training

/// A reliability diagram (Guo et al., 2017): how often the network is right over how sure it is, before and after calibration.
struct ReliabilityDiagram {
    private let plain: [TemperatureScaling.Bin]
    private let calibrated: [TemperatureScaling.Bin]?
    private let temperature: Double?

    init(_ report: EvaluationReport) {
        let predictions = report.evaluation.predictions
        let labels = predictions.map(\.label)
        temperature = report.calibration?.temperature
        plain = TemperatureScaling.reliability(predictions.map(\.probabilities), labels)
        calibrated = report.calibration.map { scaling in
            TemperatureScaling.reliability(
                predictions.map { TemperatureScaling.apply(scaling.temperature, to: $0.probabilities) }, labels)
        }
    }

    /// The diagram, and the errors in words.
    var html: String {
        var series = [SVGPlot.Series(name: "as trained", points: Self.points(plain), isMarked: true)]
        if let calibrated { series.append(.init(name: "calibrated", points: Self.points(calibrated), isMarked: true)) }
        series.append(.init(name: "perfect", points: [(0, 0), (1, 1)], look: .reference))
        let plot = SVGPlot(
            title: "Share of right answers", horizontal: "probability of the answer", series: series, isPercent: true,
            isSquare: true)
        return "<div class=\"plots\">\(plot.html)\n<p>\(words)</p></div>"
    }

    private var words: String {
        let images = plain.reduce(0) { $0 + $1.images }
        let before = Format.percent(TemperatureScaling.error(plain))
        guard let calibrated, let temperature else {
            return
                "Expected calibration error \(before) over \(Format.count(images, "validation image")); no temperature makes it better."
        }
        return
            "Expected calibration error \(before), and \(Format.percent(TemperatureScaling.error(calibrated))) with scores divided by "
            + "\(String(format: "%.2f", temperature)), which graft predict does: over the \(Format.count(images, "validation image")) on which that number "
            + "was found."
    }

    private static func points(_ bins: [TemperatureScaling.Bin]) -> [(x: Double, y: Double)] {
        bins.filter { $0.images > 0 }.map { ($0.sureness, $0.accuracy) }
    }
}
