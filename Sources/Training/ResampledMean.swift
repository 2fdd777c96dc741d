// A figure from several trainings on overlapping parts of one data set: its mean, and how far that may be off.
import Foundation

/// The mean over the folds of a repeated cross-validation, with an interval that knows that their training sets overlap.
///
/// The variance of the mean is (1/n + held/trained) s² (Nadeau and Bengio, "Inference for the Generalization Error", 2003), its quantiles
/// those of Student's t with n − 1 degrees of freedom.
package struct ResampledMean: Sendable, Equatable {
    package let mean: Double
    /// The ends of the interval that covers 95 of 100.
    package let low: Double
    package let high: Double
    /// s, between the trainings.
    package let deviation: Double

    /// - Parameters:
    ///   - values: of each training.
    ///   - heldShare: images held out for each image trained on.
    ///   - range: what the figure can be.
    package init(_ values: [Double], heldShare: Double, within range: ClosedRange<Double> = 0...1) {
        let count = Double(max(values.count, 1))
        let mean = values.reduce(0, +) / count
        self.mean = mean
        guard values.count > 1 else { (low, high, deviation) = (range.lowerBound, range.upperBound, 0); return }
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        deviation = variance.squareRoot()
        let reach = Self.quantile(of: values.count - 1) * (variance * (1 / count + heldShare)).squareRoot()
        (low, high) = (max(range.lowerBound, mean - reach), min(range.upperBound, mean + reach))
    }

    /// The 0.975 quantile of Student's t, by bisection of its integral.
    static func quantile(of freedom: Int) -> Double {
        var (low, high) = (1.9, 13.0)
        while high - low > 1e-9 {
            let middle = (low + high) / 2
            if tail(middle, Double(freedom)) > 0.05 { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// P(|T| > t) = I(ν / (ν + t²); ν/2, 1/2): with x = ν / (ν + t²) the regularised incomplete beta function.
    private static func tail(_ t: Double, _ freedom: Double) -> Double {
        let (a, b, x) = (freedom / 2, 0.5, freedom / (freedom + t * t))
        let logBeta = lgamma(a) + lgamma(b) - lgamma(a + b)
        let front = exp(a * log(x) + b * log(1 - x) - logBeta) / a
        // A power series with positive terms: x is at most 0.99 here.
        var (sum, term) = (1.0, 1.0)
        for step in 0..<20_000 {
            let n = Double(step)
            term *= x * (a + b + n) / (a + 1 + n)
            sum += term
            if term < 1e-15 * sum { break }
        }
        return front * sum
    }
}
