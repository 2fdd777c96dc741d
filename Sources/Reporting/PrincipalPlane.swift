// The plane on which points of many dimensions lie furthest apart: principal component analysis by subspace iteration.
import Foundation
import Tensors

struct PrincipalPlane {
    /// Where each point lies on the plane.
    let points: [(x: Double, y: Double)]
    /// The part of the variance that is seen on it.
    let share: Double

    private static let iterations = 60

    /// The same for the same features, always: the start is fixed, and so are signs.
    ///
    /// - Parameter features: `[count, width]`.
    init(_ features: [Float], width: Int) {
        let rows = features.count / max(1, width)
        var centred = features
        var total: Float = 0
        for column in 0..<width {
            var mean = 0.0
            for row in 0..<rows { mean += Double(features[row * width + column]) }
            mean /= Double(max(1, rows))
            for row in 0..<rows {
                centred[row * width + column] -= Float(mean)
                total += centred[row * width + column] * centred[row * width + column]
            }
        }
        // Any two directions do, as long as they are not those that are looked for.
        var axes = [0.7, 1.3].map { pace in (0..<width).map { Float(cos(pace * Double($0 + 1))) } }
        Self.straighten(&axes)
        for _ in 0..<Self.iterations {
            let scores = axes.map { Self.scores(centred, along: $0) }
            axes = scores.map { Self.sum(centred, width, weighted: $0) }
            Self.straighten(&axes)
        }
        let (first, second) = (Self.scores(centred, along: axes[0]), Self.scores(centred, along: axes[1]))
        func product(_ one: [Float], _ two: [Float]) -> Double { zip(one, two).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        // Within the plane, the longer way lies flat.
        let (own, other) = (product(first, first), product(second, second))
        let angle = atan2(2 * product(first, second), own - other) / 2
        let turned = zip(first, second).map { pair in
            let (x, y) = (Double(pair.0), Double(pair.1))
            return (x: cos(angle) * x + sin(angle) * y, y: cos(angle) * y - sin(angle) * x)
        }
        let (flipX, flipY) = (Self.sign(turned.map(\.x)), Self.sign(turned.map(\.y)))
        points = turned.map { ($0.x * flipX, $0.y * flipY) }
        share = total > 0 ? min(1, (own + other) / Double(total)) : 0
    }

    /// Makes the furthest point a positive one.
    private static func sign(_ values: [Double]) -> Double { (values.max { abs($0) < abs($1) } ?? 0) < 0 ? -1 : 1 }

    private static func scores(_ rows: [Float], along axis: [Float]) -> [Float] {
        let width = axis.count
        return rows.withUnsafeBufferPointer { rows in
            axis.withUnsafeBufferPointer { axis in
                stride(from: 0, to: rows.count, by: max(1, width)).map {
                    UnitVectors.dot(UnsafeBufferPointer(rebasing: rows[$0..<$0 + width]), axis)
                }
            }
        }
    }

    private static func sum(_ rows: [Float], _ width: Int, weighted weights: [Float]) -> [Float] {
        var sum = [Float](repeating: 0, count: width)
        rows.withUnsafeBufferPointer { rows in
            sum.withUnsafeMutableBufferPointer { sum in
                for (row, weight) in weights.enumerated() {
                    for column in 0..<width { sum[column] += weight * rows[row * width + column] }
                }
            }
        }
        return sum
    }

    /// Makes both of length 1, and the second upright to the first.
    private static func straighten(_ axes: inout [[Float]]) {
        func scaled(_ axis: [Float]) -> [Float] {
            let length = axis.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return length > 0 ? axis.map { $0 / length } : axis
        }
        axes[0] = scaled(axes[0])
        let along = zip(axes[0], axes[1]).reduce(0) { $0 + $1.0 * $1.1 }
        axes[1] = scaled(zip(axes[0], axes[1]).map { $1 - along * $0 })
    }
}
