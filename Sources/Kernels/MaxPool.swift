// Max pooling by our own loops.
internal import CVectorLoops
package import Tensors

/// The largest number under a window, and the gradient of that.
package struct MaxPool: Sendable {
    private let images: Int
    private let shape: graft_depthwise

    /// Whether our own loops do it: they take a tenth of the time of oneDNN's (`graft bench --suite kernels`, one thread of a Zen 3: the
    /// poolings of GoogLeNet, whose windows overlap, 8 ms against 102).
    package static func covers(_ geometry: WindowGeometry, _ method: PoolingMethod, _ type: ElementType) -> Bool {
        // A place in the window is told by a byte.
        method == .max && geometry.kernelHeight == geometry.kernelWidth && geometry.kernelHeight < 16
            && geometry.source[2] >= Int(graft_lane_count) && (type == .float32 || type == .bfloat16)
    }

    package init(_ geometry: WindowGeometry) {
        images = geometry.images
        shape = graft_depthwise(
            channels: geometry.source[2], in_height: geometry.source[0], in_width: geometry.source[1],
            out_height: geometry.destination[0], out_width: geometry.destination[1], kernel: geometry.kernelHeight,
            stride: geometry.stride, pad_top: geometry.padTop, pad_left: geometry.padLeft)
    }

    /// y `[images, h, w, C]` from x `[images, H, W, C]`, both of one type; what `backward` needs goes to as many `places`, unless nil.
    package func forward(
        _ x: Activations, _ y: UnsafeMutableRawPointer, places: UnsafeMutablePointer<UInt8>?, _ workers: Workers
    ) {
        workers.run(images * shape.out_height) { range in
            withUnsafePointer(to: shape) {
                graft_max_pool($0, x.base, y, places, range.lowerBound, range.upperBound, x.format)
            }
        }
    }

    /// dx from dy, both of one type, and the places that `forward` has left.
    package func backward(
        _ dy: Activations, places: UnsafePointer<UInt8>, _ dx: UnsafeMutableRawPointer, _ workers: Workers
    ) {
        workers.run(images * shape.in_height) { range in
            withUnsafePointer(to: shape) {
                graft_max_pool_gradient($0, dy.base, places, dx, range.lowerBound, range.upperBound, dy.format)
            }
        }
    }
}
