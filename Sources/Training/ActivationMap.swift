// Where in a photograph a network saw what made it decide: class activation maps.
//
// The same arithmetic, in the same order, as the `grad-cam` package for PyTorch, to which maps are held.
import Foundation

/// How a layer's output and its gradient become a map.
package enum ActivationMapMethod: String, Sendable, CaseIterable {
    /// Selvaraju et al., "Grad-CAM" (2017): each channel counts as much as its mean gradient.
    case gradCAM = "gradcam"
    /// Jiang et al., "LayerCAM" (2021): each place of each channel counts as much as its own gradient, if that is positive. Finer, and
    /// usable for early layers.
    case layerCAM = "layercam"
}

/// How much each pixel of a square input speaks for a class: from 0 to 1.
package struct ActivationMap: Sendable, Equatable {
    package let side: Int
    /// `[side, side]`.
    package let values: [Float]

    /// - Parameters:
    ///   - activations: a layer's output for one photograph, `[height, width, channels]`.
    ///   - gradients: the gradient of the class's score with respect to it.
    ///   - side: of the network's input.
    package init(
        _ method: ActivationMapMethod, activations: UnsafeBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
        height: Int,
        width: Int, side: Int
    ) {
        let places = height * width
        let channels = activations.count / places
        precondition(
            activations.count == gradients.count && activations.count == places * channels, "a gradient is as large as its value")
        var means = [Double](repeating: 0, count: channels)
        for index in gradients.indices { means[index % channels] += Double(gradients[index]) / Double(places) }
        let small = (0..<places).map { place in
            var sum = 0.0
            for channel in 0..<channels {
                let index = place * channels + channel
                let weight: Double =
                    switch method {
                    case .gradCAM: means[channel]
                    case .layerCAM: Double(max(gradients[index], 0))
                    }
                sum += weight * Double(activations[index])
            }
            return max(Float(sum), 0)
        }
        self.side = side
        values = Self.stretched(Self.enlarged(Self.stretched(small), height: height, width: width, side: side))
    }

    /// Values from 0 to 1; all 0 where all are the same.
    private static func stretched(_ values: [Float]) -> [Float] {
        let least = values.min() ?? 0
        let extent = 1e-7 + (values.max() ?? 0) - least
        return values.map { ($0 - least) / extent }
    }

    /// Bilinear between the centres of places, and constant beyond the outermost: OpenCV's `INTER_LINEAR`.
    private static func enlarged(_ values: [Float], height: Int, width: Int, side: Int) -> [Float] {
        func places(_ length: Int) -> [(first: Int, second: Int, share: Float)] {
            (0..<side).map { pixel in
                let exact = (Float(pixel) + 0.5) * Float(length) / Float(side) - 0.5
                let first = max(0, min(length - 1, Int(exact.rounded(.down))))
                return (first, min(first + 1, length - 1), min(max(exact - Float(first), 0), 1))
            }
        }
        let (rows, columns) = (places(height), places(width))
        return rows.flatMap { row in
            columns.map { column in
                func line(_ row: Int) -> Float {
                    let (left, right) = (values[row * width + column.first], values[row * width + column.second])
                    return left + (right - left) * column.share
                }
                let (upper, lower) = (line(row.first), line(row.second))
                return upper + (lower - upper) * row.share
            }
        }
    }
}
