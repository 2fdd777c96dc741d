// A map of validation images: near each other what looks alike to the network's last layer but one.
import Foundation
import Training

struct FeatureMap {
    private let evaluation: Evaluation
    private let features: [Float]
    private let plane: PrincipalPlane
    private let shown: [SamplePrediction]

    private static let (width, height, margin) = (720.0, 480.0, 12.0)
    /// Beyond these, classes get colours around the circle of hues, and beyond the other the list of them is left out.
    private static let (colours, mostListed) = (6, 30)

    /// Nil where features were not kept.
    ///
    /// - Parameter earlier: the map before: while only the head trains features are the same at each evaluation, and so is their plane.
    init?(_ evaluation: Evaluation, after earlier: FeatureMap? = nil) {
        guard let kept = evaluation.familiarity, !evaluation.hasSeveral, kept.width > 1,
            let shown = evaluation.familiarPredictions
        else { return nil }
        self.shown = shown
        self.evaluation = evaluation
        features = kept.features
        plane = earlier.flatMap { $0.features == kept.features ? $0.plane : nil } ?? PrincipalPlane(features, width: kept.width)
    }

    var html: String {
        let (xs, ys) = (plane.points.map(\.x), plane.points.map(\.y))
        let (left, low) = (xs.min() ?? 0, ys.min() ?? 0)
        // One scale both ways: distances mean the same in all directions.
        let scale = min(
            (Self.width - 2 * Self.margin) / max((xs.max() ?? 1) - left, 1e-9),
            (Self.height - 2 * Self.margin) / max((ys.max() ?? 1) - low, 1e-9))
        let height = ((ys.max() ?? 1) - low) * scale + 2 * Self.margin
        let width = ((xs.max() ?? 1) - left) * scale + 2 * Self.margin
        let circles = zip(shown, plane.points).map { prediction, point in
            let isRight = evaluation.isRight(prediction)
            let words =
                "\(evaluation.paths[prediction.sample]): \(evaluation.classes[prediction.label])"
                + (isRight ? "" : ", taken for \(evaluation.classes[prediction.predicted])")
            let (x, y) = (Self.margin + (point.x - left) * scale, height - Self.margin - (point.y - low) * scale)
            let place = String(format: "cx=\"%.1f\" cy=\"%.1f\"", x, y)
            return
                "<circle \(place) r=\"\(isRight ? 4 : 5.5)\" class=\"\(isRight ? "" : "miss ")\(colour(prediction.label).name)\"\(colour(prediction.label).style)>"
                + "<title>\(escaped(words))</title></circle>"
        }
        let wrong = shown.count { !evaluation.isRight($0) }
        let words = "\(shown.count) validation images on the plane of most variance, \(wrong) of them ringed as mistakes"
        return
            "<p>Each point is a photograph, coloured by its class; ringed ones are taken for another. Near each other lies what looks alike to the "
            + "network's head, seen on the two principal components, which hold \(Format.share(plane.share)) of the variance.</p>\n"
            + "<figure class=\"map\"><figcaption>\(legend)</figcaption><svg viewBox=\"0 0 \(Int(width.rounded(.up))) \(Int(height.rounded(.up)))\" "
            + "role=\"img\" aria-label=\"\(words)\">\n\(circles.joined(separator: "\n"))\n</svg></figure>"
    }

    private var legend: String {
        guard evaluation.classes.count <= Self.mostListed else { return "" }
        let items = evaluation.classes.enumerated().map { label, name in
            "<li><span aria-hidden=\"true\" class=\"\(colour(label).name)\"\(colour(label).style)>●</span> \(isolated(name))</li>"
        }
        return "<ul>\(items.joined())</ul>"
    }

    private func colour(_ label: Int) -> (name: String, style: String) {
        if evaluation.classes.count <= Self.colours { return ("s\(label)", "") }
        // Neighbours in the list are far apart on the circle.
        let hue = Int((Double(label) * 137.508).truncatingRemainder(dividingBy: 360))
        return ("hue", " style=\"color:hsl(\(hue) 65% 50%)\"")
    }
}
