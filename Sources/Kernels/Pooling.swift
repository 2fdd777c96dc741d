// Sliding-window pooling and local response normalisation through oneDNN; pooling over a whole image by our own loops.
internal import COneDNN
internal import CVectorLoops
package import Tensors

extension PoolingMethod {
    fileprivate var code: graft_pooling {
        switch self {
        case .max: graft_max_pool
        case .averageInside: graft_average_pool_inside
        case .averagePadded: graft_average_pool_padded
        }
    }
}

extension OneDNNKernel {
    /// Roles: source, destination, and for training of max pooling the workspace that backward reads.
    package static func pooling(
        _ engine: OneDNNEngine, _ geometry: WindowGeometry, _ kind: PoolingMethod, training: Bool, type: ElementType = .float32
    ) throws -> OneDNNKernel {
        var shape = geometry.shim
        return try OneDNNKernel("pooling with \(geometry.label)", engine) {
            graft_pooling_forward(engine.handle, &shape, kind.code, training ? 1 : 0, type.shim, &$0)
        }
    }

    /// Roles: destinationGradient, sourceGradient, workspace.
    package static func poolingBackward(
        _ engine: OneDNNEngine, _ geometry: WindowGeometry, _ kind: PoolingMethod, type: ElementType = .float32
    ) throws -> OneDNNKernel {
        var shape = geometry.shim
        return try OneDNNKernel("pooling's gradient with \(geometry.label)", engine) {
            graft_pooling_backward(engine.handle, &shape, kind.code, type.shim, &$0)
        }
    }

    /// Roles: source, destination, workspace.
    package static func responseNorm(
        _ engine: OneDNNEngine, images: Int, shape: TensorShape, _ constants: ResponseNorm, training: Bool
    ) throws -> OneDNNKernel {
        var geometry = Self.pointwise(images, shape)
        return try OneDNNKernel("local response normalisation of \(images)×\(shape)", engine) {
            graft_response_norm_forward(
                engine.handle, &geometry, Int64(constants.size), constants.alpha, constants.beta, constants.k, training ? 1 : 0,
                &$0)
        }
    }

    /// Roles: source, destinationGradient, sourceGradient, workspace.
    package static func responseNormBackward(
        _ engine: OneDNNEngine, images: Int, shape: TensorShape, _ constants: ResponseNorm
    ) throws -> OneDNNKernel {
        var geometry = Self.pointwise(images, shape)
        return try OneDNNKernel("the gradient of local response normalisation of \(images)×\(shape)", engine) {
            graft_response_norm_backward(
                engine.handle, &geometry, Int64(constants.size), constants.alpha, constants.beta, constants.k, &$0)
        }
    }

    private static func pointwise(_ images: Int, _ shape: TensorShape) -> graft_geometry {
        WindowGeometry(
            images: images, source: shape, destination: shape, kernelHeight: 1, kernelWidth: 1, stride: 1, padTop: 0, padLeft: 0
        ).shim
    }
}

/// torch's adaptive average pooling: output pixel i averages input pixels ⌊i·H/h⌋ ..< ⌈(i+1)·H/h⌉.
package struct AdaptiveAveragePool: Sendable {
    /// `[H, W, C]` and `[h, w, C]` of one image.
    package let source: TensorShape
    package let destination: TensorShape

    package init(source: TensorShape, destination: TensorShape) {
        self.source = source
        self.destination = destination
    }

    private static func range(_ index: Int, _ outputs: Int, _ inputs: Int) -> Range<Int> {
        index * inputs / outputs..<((index + 1) * inputs + outputs - 1) / outputs
    }

    /// Whether the window is the whole image: then x may be bfloat16 or 8-bit, and dx bfloat16.
    package var isGlobal: Bool { destination[0] == 1 && destination[1] == 1 }

    /// y `[images, h, w, C]` in float32 from x `[images, H, W, C]`.
    package func forward(_ x: Activations, _ y: UnsafeMutablePointer<Float>, images: Int, _ workers: Workers) {
        precondition(isGlobal || x.type == .float32, "pooling to several pixels is float32")
        let (channels, pixels) = (source[2], source[0] * source[1])
        workers.run(images) { range in
            for image in range {
                let (part, to) = (x + image * source.count, y + image * destination.count)
                if isGlobal {
                    graft_pixel_sum(part.base, to, pixels, channels, x.step / Float(pixels), x.format)
                    continue
                }
                let from = part.floats
                forEachWindow { output, rows, columns in
                    let target = to + output * channels
                    target.update(repeating: 0, count: channels)
                    for row in rows {
                        for column in columns { graft_accumulate(from + (row * source[1] + column) * channels, target, channels) }
                    }
                    graft_scale(target, target, channels, 1 / Float(rows.count * columns.count))
                }
            }
        }
    }

    /// dx from dy, which is float32.
    package func backward(_ dy: UnsafePointer<Float>, _ dx: Activations, images: Int, _ workers: Workers) {
        precondition(isGlobal || dx.type == .float32, "pooling to several pixels is float32")
        let (channels, pixels) = (source[2], source[0] * source[1])
        workers.run(images) { range in
            for image in range {
                let (from, part) = (dy + image * destination.count, dx + image * source.count)
                if isGlobal {
                    graft_pixel_spread(from, part.base, pixels, channels, 1 / Float(pixels), dx.format)
                    continue
                }
                let to = part.floats
                to.update(repeating: 0, count: source.count)
                forEachWindow { output, rows, columns in
                    let share = 1 / Float(rows.count * columns.count)
                    for row in rows {
                        for column in columns {
                            let target = to + (row * source[1] + column) * channels
                            for channel in 0..<channels { target[channel] += from[output * channels + channel] * share }
                        }
                    }
                }
            }
        }
    }

    private func forEachWindow(_ body: (Int, Range<Int>, Range<Int>) -> Void) {
        for row in 0..<destination[0] {
            for column in 0..<destination[1] {
                let rows = Self.range(row, destination[0], source[0])
                body(row * destination[1] + column, rows, Self.range(column, destination[1], source[1]))
            }
        }
    }
}
