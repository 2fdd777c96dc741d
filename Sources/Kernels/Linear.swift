// Linear layers through OpenBLAS. Weights are `[out, in]`, row-major, as published files store them.
internal import COpenBLAS
internal import CVectorLoops

/// A linear layer over a batch: y = x · Wᵀ + b.
package struct LinearKernel: Sendable {
    package let inputs: Int
    package let outputs: Int

    package init(inputs: Int, outputs: Int) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Sets the threads of OpenBLAS, for the whole process.
    package static func setThreads(_ count: Int) { openblas_set_num_threads(Int32(count)) }

    /// y `[images, outputs]` from x `[images, inputs]`; `bias` may be missing.
    package func forward(
        _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>,
        images: Int
    ) {
        for image in 0..<images {
            if let bias {
                (y + image * outputs).update(from: bias, count: outputs)
            } else {
                (y + image * outputs).update(repeating: 0, count: outputs)
            }
        }
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(images), Int32(outputs), Int32(inputs), 1, x, Int32(inputs), weights,
            Int32(inputs), 1, y, Int32(outputs))
    }

    /// dx `[images, inputs]` = dy · W.
    package func backwardData(
        _ dy: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, images: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(images), Int32(inputs), Int32(outputs), 1, dy, Int32(outputs),
            weights,
            Int32(inputs), 0, dx, Int32(inputs))
    }

    /// dW `[outputs, inputs]` = dyᵀ · x.
    package func backwardWeights(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, images: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, Int32(outputs), Int32(inputs), Int32(images), 1, dy, Int32(outputs), x,
            Int32(inputs), 0, gradient, Int32(inputs))
    }

    /// db[o] = Σ over images of dy[image, o].
    package func backwardBias(_ dy: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, images: Int) {
        graft_column_sums(dy, gradient, images, outputs)
    }
}
