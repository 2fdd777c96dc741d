// How a stored tensor becomes a parameter: other libraries order the axes of the same weights differently.
package import Tensors

/// A rearrangement of a tensor's elements on the way from a file into a parameter.
package enum WeightTransform: Sendable, Hashable {
    /// The elements already stand in the parameter's order; the shape may differ (a 1×1 convolution for a linear layer).
    case none
    /// `[height, width, in, out]` → `[out, in, height, width]` (Keras, convolutions).
    case hwioToOIHW
    /// `[height, width, channels, multiplier]` → `[channels · multiplier, 1, height, width]` (Keras, depthwise).
    case depthwiseHWIMToOIHW
    /// `[in, out]` → `[out, in]` (Keras, dense).
    case transpose
    /// `[height · width · channels, out]` → `[out, channels · height · width]`: a dense layer behind Keras's flatten, which runs
    /// over H, W, C where published torch weights expect C, H, W.
    case denseAfterFlatten(height: Int, width: Int, channels: Int)

    /// Rearranges all elements of a tensor of this stored shape.
    package func apply(_ values: [Float], shape: TensorShape) -> [Float] {
        precondition(values.count == shape.count, "\(values.count) values for a tensor of shape \(shape)")
        switch self {
        case .none: return values
        case .hwioToOIHW: return permuted(values, shape.extents, [3, 2, 0, 1])
        case .depthwiseHWIMToOIHW: return permuted(values, shape.extents, [2, 3, 0, 1])
        case .transpose: return permuted(values, shape.extents, [1, 0])
        case .denseAfterFlatten(let height, let width, let channels):
            return permuted(values, [height, width, channels, shape[1]], [3, 2, 0, 1])
        }
    }

    /// The shape that a file must have for a parameter of this shape.
    package func storedShape(for shape: TensorShape) -> TensorShape {
        switch self {
        case .none: shape
        case .hwioToOIHW: [shape[2], shape[3], shape[1], shape[0]]
        case .depthwiseHWIMToOIHW: [shape[2], shape[3], shape[0], 1]
        case .transpose, .denseAfterFlatten: [shape[1], shape[0]]
        }
    }
}

/// Elements in the order in which the axes `order[0]`, `order[1]`, … of the source run, outermost first.
private func permuted(_ values: [Float], _ extents: [Int], _ order: [Int]) -> [Float] {
    var strides = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * extents[axis + 1] }
    let counts = order.map { extents[$0] }
    let steps = order.map { strides[$0] }
    let (innerCount, innerStep) = (counts[counts.count - 1], steps[steps.count - 1])
    guard !values.isEmpty else { return [] }
    var result: [Float] = []
    result.reserveCapacity(values.count)
    var index = [Int](repeating: 0, count: counts.count - 1)
    var start = 0
    while result.count < values.count {
        for inner in 0..<innerCount { result.append(values[start + inner * innerStep]) }
        for axis in index.indices.reversed() {
            index[axis] += 1
            start += steps[axis]
            if index[axis] < counts[axis] { break }
            start -= counts[axis] * steps[axis]
            index[axis] = 0
        }
    }
    return result
}
