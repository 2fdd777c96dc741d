// Whether a photograph looks like those that a network was made for: what lets it say "none of these".
//
// Distance to the nearest of known photographs among the features before the head: Sun et al., "Out-of-Distribution Detection with Deep
// Nearest Neighbors" (2022).
import Foundation
internal import Tensors
package import WeightFiles

/// What the head sees of photographs that evaluation has looked at, each as a vector of length 1.
package struct Familiarity: Sendable, Equatable {
    /// Numbers of one photograph.
    package let width: Int
    /// `[count, width]`.
    package let features: [Float]
    package var count: Int { features.count / max(1, width) }

    /// Which neighbour's distance counts: the nearest one may itself be odd.
    private static let neighbour = 5
    /// Fewer photographs say nothing of a rate.
    private static let fewest = 40
    /// More say hardly more, and every one is kept with every checkpoint.
    package static let most = 1000

    /// Every so many-th of a split's images is kept.
    package static func step(ofImages count: Int) -> Int { (count + most - 1) / most }

    /// Nil for too few photographs.
    package init?(features: [Float], width: Int) {
        guard width > 0, features.count >= Self.fewest * width else { return nil }
        (self.width, self.features) = (width, features)
    }

    /// Reads what `tensors` writes; nil where a file has it not.
    package init?(_ file: WeightFile) {
        guard let shape = file.tensors[Self.name]?.shape, shape.rank == 2, let values = try? file.floats(Self.name) else {
            return nil
        }
        self.init(features: values, width: shape[1])
    }

    /// The name of the tensor of features.
    static let name = "features"

    /// From 0 to 2: one minus the cosine of the angle to a near neighbour.
    package func distance(to feature: UnsafeBufferPointer<Float>) -> Float {
        precondition(feature.count == width, "a feature is as wide as those that are known")
        return UnitVectors.normalized(feature).withUnsafeBufferPointer { distance(to: $0, without: nil) }
    }

    /// The distance beyond which lies the given share of photographs like those that are known: each is held against the others.
    package func limit(rate: Double) -> Float {
        let distances = features.withUnsafeBufferPointer { all in
            (0..<count).map { index in
                distance(to: UnsafeBufferPointer(rebasing: all[index * width..<(index + 1) * width]), without: index)
            }
        }.sorted()
        return distances[min(count - 1, Int((Double(count) * (1 - rate)).rounded(.down)))]
    }

    private func distance(to feature: UnsafeBufferPointer<Float>, without left: Int?) -> Float {
        var nearest = [Float](repeating: -.infinity, count: Self.neighbour)
        features.withUnsafeBufferPointer { all in
            for index in 0..<count where index != left {
                let cosine = UnitVectors.dot(feature, UnsafeBufferPointer(rebasing: all[index * width..<(index + 1) * width]))
                guard cosine > nearest[0] else { continue }
                nearest[0] = cosine
                nearest.sort()
            }
        }
        return 1 - nearest[0]
    }
}
