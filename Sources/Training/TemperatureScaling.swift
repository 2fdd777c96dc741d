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
    /// The temperature is that of the least mean cross-entropy, found by golden section over its logarithm.
    package init?(_ predictions: [SamplePrediction]) {
        guard predictions.count >= Self.fewest, predictions.allSatisfy({ $0.labels == nil }) else { return nil }
        // Log probabilities are scores but for a number an image, which softmax does not see.
        let scores = predictions.map { $0.probabilities.map { log(max(Double($0), 1e-30)) } }
        let labels = predictions.map(\.label)
        func loss(_ logarithm: Double) -> Double {
            let factor = exp(-logarithm)
            return zip(scores, labels).reduce(0) { sum, image in
                let scaled = image.0.map { $0 * factor }
                let peak = scaled.max() ?? 0
                return sum + log(scaled.reduce(0) { $0 + exp($1 - peak) }) + peak - scaled[image.1]
            } / Double(scores.count)
        }
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (log(0.05), log(20.0))
        var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
        var (lossLeft, lossRight) = (loss(left), loss(right))
        while high - low > 1e-4 {
            if lossLeft < lossRight {
                (high, right, lossRight) = (right, left, lossLeft)
                left = high - ratio * (high - low)
                lossLeft = loss(left)
            } else {
                (low, left, lossLeft) = (left, right, lossRight)
                right = low + ratio * (high - low)
                lossRight = loss(right)
            }
        }
        let best = (low + high) / 2
        guard loss(best) < loss(0) * 0.999 else { return nil }
        temperature = exp(best)
        errorBefore = Self.error(predictions.map(\.probabilities), labels)
        errorAfter = Self.error(predictions.map { Self.apply(exp(best), to: $0.probabilities) }, labels)
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
