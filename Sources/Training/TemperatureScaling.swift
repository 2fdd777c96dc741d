// How far a network's probabilities can be believed, and one number that makes them more believable.
import Foundation

/// Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017): scores are divided by one number before softmax.
package struct TemperatureScaling: Sendable, Equatable, Codable {
    /// Above 1 for a network that is too sure of itself.
    package let temperature: Double
    /// The expected calibration error with and without it.
    package let errorBefore: Double
    package let errorAfter: Double

    /// Fits on an evaluation; nil where there is nothing to gain, or too little to fit on.
    ///
    /// The temperature is that of the least mean cross-entropy, which is convex in its inverse: Newton's steps, within what slopes allow.
    package init?(_ predictions: [SamplePrediction]) {
        guard predictions.count >= Self.fewest, predictions.allSatisfy({ $0.labels == nil }) else { return nil }
        let fitted = (predictions.count + Self.mostFitted - 1) / Self.mostFitted
        let images = stride(from: 0, to: predictions.count, by: fitted).map { ScoredImage(predictions[$0]) }
        var (inverse, low, high) = (1.0, 1 / Self.highest, 1 / Self.lowest)
        let before = images.reduce(0) { $0 + $1.loss(inverse: 1) }
        for _ in 0..<Self.mostSteps {
            var (slope, curvature) = (0.0, 0.0)
            for image in images { image.differentiate(inverse: inverse, &slope, &curvature) }
            if slope > 0 { high = inverse } else { low = inverse }
            let newton = inverse - slope / max(curvature, .leastNormalMagnitude)
            let next = newton > low && newton < high ? newton : (low + high) / 2
            let change = abs(next - inverse)
            inverse = next
            if change < 1e-6 * inverse { break }
        }
        let best = inverse
        guard images.reduce(0, { $0 + $1.loss(inverse: best) }) < before * 0.999 else { return nil }
        let labels = predictions.map(\.label)
        temperature = 1 / best
        errorBefore = Self.error(predictions.map(\.probabilities), labels)
        errorAfter = Self.error(predictions.map { Self.apply(1 / best, to: $0.probabilities) }, labels)
    }

    private static let (lowest, highest) = (0.05, 20.0)
    /// More images say hardly more.
    private static let mostFitted = 10_000
    private static let mostSteps = 60

    /// An image's scores, as far as softmax sees them: how far below the highest.
    private struct ScoredImage {
        private let depths: [Float]
        private let ownDepth: Double

        init(_ prediction: SamplePrediction) {
            // Log probabilities are scores but for a number an image.
            let logarithms = prediction.probabilities.map { log(max($0, 1e-30)) }
            let peak = logarithms.max() ?? 0
            depths = logarithms.map { $0 - peak }
            ownDepth = Double(depths[prediction.label])
        }

        /// Cross-entropy with the scores times `inverse`.
        func loss(inverse: Double) -> Double {
            let factor = Float(inverse)
            return log(Double(depths.reduce(Float(0)) { $0 + exp($1 * factor) })) - ownDepth * inverse
        }

        /// Adds the first two derivatives of the loss: mean less own score, and variance, by softmax.
        func differentiate(inverse: Double, _ slope: inout Double, _ curvature: inout Double) {
            let factor = Float(inverse)
            var (sum, first, second) = (Float(0), Float(0), Float(0))
            for depth in depths {
                let weight = exp(depth * factor)
                sum += weight
                first += weight * depth
                second += weight * depth * depth
            }
            let mean = Double(first / sum)
            slope += mean - ownDepth
            curvature += max(0, Double(second / sum) - mean * mean)
        }
    }

    private static let fewest = 20
    private static let bins = 15

    /// Probabilities as they would be with the scores divided by a temperature.
    package static func apply(_ temperature: Double, to probabilities: [Float]) -> [Float] {
        let powers = probabilities.map { pow(max(Double($0), 1e-30), 1 / temperature) }
        let sum = powers.reduce(0, +)
        return powers.map { Float($0 / sum) }
    }

    /// Images whose answers the network is about equally sure of.
    package struct Bin: Sendable, Equatable {
        package var images = 0
        /// Of the answers, the mean probability.
        package var sureness = 0.0
        /// The share of them that is right.
        package var accuracy = 0.0
    }

    /// What a reliability diagram shows: 15 bins of equal width, empty ones included.
    package static func reliability(_ probabilities: [[Float]], _ labels: [Int]) -> [Bin] {
        var found = [Bin](repeating: Bin(), count: bins)
        for (own, label) in zip(probabilities, labels) {
            let answer = own.indices.max { own[$0] < own[$1] } ?? 0
            let sure = Double(own[answer])
            let bin = min(bins - 1, max(0, Int((sure * Double(bins)).rounded(.up)) - 1))
            found[bin].images += 1
            found[bin].sureness += sure
            if answer == label { found[bin].accuracy += 1 }
        }
        for bin in found.indices where found[bin].images > 0 {
            found[bin].sureness /= Double(found[bin].images)
            found[bin].accuracy /= Double(found[bin].images)
        }
        return found
    }

    /// The expected calibration error: over the bins, the mean distance between how sure a network is of its answer and how often it is
    /// right, weighted by images.
    package static func error(_ probabilities: [[Float]], _ labels: [Int]) -> Double {
        error(reliability(probabilities, labels))
    }

    package static func error(_ bins: [Bin]) -> Double {
        let total = max(1, bins.reduce(0) { $0 + $1.images })
        return bins.reduce(0) { $0 + Double($1.images) * abs($1.sureness - $1.accuracy) } / Double(total)
    }
}
