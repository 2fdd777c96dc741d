// Whether one classifier is better than another on the same photographs, or only luckier.
import Foundation
import Tensors

/// Two classifiers on the same images.
package struct PairedComparison: Sendable, Equatable {
    package let images: Int
    package let onlyFirst: Int
    package let onlySecond: Int
    /// The second's accuracy less the first's, and the interval that covers 95 of 100 paired bootstrap samples.
    package let difference: Double
    package let low: Double
    package let high: Double
    /// The probability of so uneven a split of the images on which they differ, if both were equally good (McNemar's exact test).
    package let chance: Double

    private static let samples = 10_000

    /// - Parameter hits: for each image whether the first and whether the second was right.
    package init(_ hits: [(first: Bool, second: Bool)]) {
        images = hits.count
        onlyFirst = hits.count { $0.first && !$0.second }
        onlySecond = hits.count { $0.second && !$0.first }
        let count = Double(max(images, 1))
        difference = Double(onlySecond - onlyFirst) / count
        chance = Self.binomial(min(onlyFirst, onlySecond), of: onlyFirst + onlySecond)
        // Only images on which they differ move the difference: each sample draws how many of either kind it holds.
        var random = CounterRandom(seed: 1, purpose: .sampling)
        var differences: [Double] = []
        if !hits.isEmpty {
            for _ in 0..<Self.samples {
                var sum = 0
                for _ in 0..<images {
                    let place = random.below(images)
                    if place < onlySecond { sum += 1 } else if place < onlySecond + onlyFirst { sum -= 1 }
                }
                differences.append(Double(sum) / count)
            }
        }
        differences.sort()
        (low, high) =
            differences.isEmpty ? (0, 0) : (differences[Self.samples / 40], differences[Self.samples - 1 - Self.samples / 40])
    }

    /// Whether the difference is larger than chance would explain, one time in twenty.
    package var isLargerThanChance: Bool { chance < 0.05 }

    /// Twice P(X ≤ k) of n fair coins, at most 1.
    private static func binomial(_ k: Int, of n: Int) -> Double {
        guard n > 0 else { return 1 }
        // Each term from the one before: C(n, k + 1) = C(n, k) (n − k) / (k + 1).
        var (logarithm, sum) = (-Double(n) * log(2.0), 0.0)
        for heads in 0...k {
            sum += exp(logarithm)
            logarithm += log(Double(n - heads) / Double(heads + 1))
        }
        return min(1, 2 * sum)
    }
}
