// The shape of a node's output, from its operation and the shapes of its inputs.
package import Tensors

/// The extent that a window leaves of an axis: floor or ceiling of (padded − window) / stride, plus one. With rounding up, a last
/// window that would start in the far padding does not count (torch and Caffe agree on that).
package func outputExtent(of extent: Int, window: Int, stride: Int, before: Int, after: Int, roundsUp: Bool) -> Int {
    let room = extent + before + after - window
    precondition(room >= 0, "a window of \(window) does not fit into \(extent) pixels with padding \(before) and \(after)")
    guard roundsUp else { return room / stride + 1 }
    let count = (room + stride - 1) / stride + 1
    return (count - 1) * stride >= extent + before ? count - 1 : count
}

extension Operation {
    /// The output's shape for one image.
    func outputShape(of inputs: [TensorShape]) -> TensorShape {
        let first = inputs.first ?? []
        switch self {
        case .input, .batchNorm, .layerNorm, .layerScale, .activation, .dropout, .stochasticDepth, .localResponseNorm,
            .channelShuffle:
            return first
        case .convolution(let window, let outputChannels, _, _): return window.outputShape(of: first, channels: outputChannels)
        case .maxPool(let window), .averagePool(let window, _): return window.outputShape(of: first, channels: first[2])
        case .adaptiveAveragePool(let height, let width): return [height, width, first[2]]
        case .flatten: return [first.count]
        case .linear(let outputs, _): return [outputs]
        case .add:
            precondition(inputs[0] == inputs[1], "cannot add \(inputs[0]) and \(inputs[1])")
            return first
        case .gate:
            precondition(inputs[1] == [1, 1, first[2]], "a gate for \(first) must be 1×1×\(first[2]), not \(inputs[1])")
            return first
        case .concatenate:
            precondition(
                inputs.allSatisfy { $0[0] == first[0] && $0[1] == first[1] }, "cannot concatenate images of unequal size")
            return [first[0], first[1], inputs.reduce(0) { $0 + $1[2] }]
        case .channelSlice(let start, let count):
            precondition(start >= 0 && start + count <= first[2], "\(first[2]) channels have no \(count) from \(start) on")
            return [first[0], first[1], count]
        }
    }
}

extension SlidingWindow {
    func outputShape(of image: TensorShape, channels: Int) -> TensorShape {
        [
            outputExtent(
                of: image[0], window: height, stride: stride, before: padding.top, after: padding.bottom, roundsUp: roundsUp),
            outputExtent(
                of: image[1], window: width, stride: stride, before: padding.left, after: padding.right, roundsUp: roundsUp),
            channels,
        ]
    }

    /// An odd window with as many zeros on all sides as let a stride of 1 keep the extent, or padded as TensorFlow's `SAME` does.
    package static func same(kernel: Int, stride: Int, over image: TensorShape, likeTensorFlow: Bool) -> SlidingWindow {
        likeTensorFlow
            ? same(kernel: kernel, stride: stride, over: image)
            : SlidingWindow(height: kernel, width: kernel, stride: stride, padding: Padding(kernel / 2))
    }

    /// A window padded as TensorFlow's `SAME` does: the output has ⌈extent / stride⌉ pixels, and the odd zero goes to the far side.
    private static func same(kernel: Int, stride: Int, over image: TensorShape) -> SlidingWindow {
        func total(_ extent: Int) -> Int { max(0, ((extent + stride - 1) / stride - 1) * stride + kernel - extent) }
        let (vertical, horizontal) = (total(image[0]), total(image[1]))
        let padding = Padding(
            top: vertical / 2, left: horizontal / 2, bottom: vertical - vertical / 2, right: horizontal - horizontal / 2)
        return SlidingWindow(height: kernel, width: kernel, stride: stride, padding: padding)
    }
}
