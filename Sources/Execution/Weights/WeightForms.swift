// The forms in which kernels read weights.
import Kernels
import Tensors

/// What oneDNN's kernels ask for, float32 or bfloat16.
struct PackedForm: WeightForm {
    let key: WeightFormKey
    let byteCount: Int
    private let packing: OneDNNKernel
    private let channels: Int
    private let rooms: Rooms
    private let workers: Workers

    init(_ kernel: OneDNNKernel, _ geometry: WindowGeometry, folds: Bool, _ resources: ProgramResources) throws {
        key = .packed(WeightFormat(of: kernel))
        byteCount = kernel.byteCount(of: .weights)
        packing = try kernel.weightPacking(geometry)
        channels = geometry.destination[2]
        (rooms, workers) = (resources.rooms, resources.workers)
        rooms.reserve(.packingScratch, byteCount: packing.byteCount(of: .scratchpad))
        guard folds else { return }
        let columns = geometry.source[2] / geometry.groups * geometry.kernelHeight * geometry.kernelWidth
        rooms.reserve(.folded, byteCount: channels * columns * MemoryLayout<Float>.stride)
    }

    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
    {
        guard let start = plain.baseAddress else { return }
        var source = start
        if let factors {
            source = rooms[.folded].assumingMemoryBound(to: Float.self)
            Elementwise(workers).scaleRows(start, by: factors, source, rows: channels, columns: plain.count / channels)
        }
        packing.bind(.source, source)
        packing.bind(.destination, place)
        packing.bind(.scratchpad, rooms[.packingScratch])
        packing.run()
    }
}

/// Integers, as oneDNN's kernels over bytes ask for. Only frozen weights become integers.
struct IntegerForm: WeightForm {
    let key: WeightFormKey
    let byteCount: Int
    private let packing: OneDNNKernel
    private let channels: Int
    private let workers: Workers

    init(_ kernel: OneDNNKernel, _ geometry: WindowGeometry, _ workers: Workers) throws {
        key = .integers(WeightFormat(of: kernel))
        byteCount = kernel.byteCount(of: .weights)
        packing = try kernel.weightPacking(geometry, from: .int8)
        channels = geometry.destination[2]
        self.workers = workers
    }

    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
    {
        let quantized = Self.quantized(plain, factors, channels: channels, workers)
        let scratch = AlignedBuffer(byteCount: packing.byteCount(of: .scratchpad))
        packing.bind(.destination, place)
        packing.bind(.scratchpad, scratch.base)
        quantized.integers.withUnsafeBytes { integers in
            packing.bind(.source, UnsafeMutableRawPointer(mutating: integers.baseAddress))
            packing.run()
        }
    }

    /// Folded weights, rounded.
    static func quantized(
        _ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, channels: Int, _ workers: Workers
    ) -> QuantizedWeights {
        guard let start = plain.baseAddress else { preconditionFailure("a convolution has weights") }
        let columns = plain.count / channels
        guard let factors else { return QuantizedWeights(start, channels: channels, count: columns) }
        let room = AlignedBuffer(floatCount: plain.count)
        let folded = room.base.assumingMemoryBound(to: Float.self)
        Elementwise(workers).scaleRows(start, by: factors, folded, rows: channels, columns: columns)
        return withExtendedLifetime(room) { QuantizedWeights(folded, channels: channels, count: columns) }
    }
}

/// Blocks of channels, as our own depthwise loops read them.
struct DepthwiseForm: WeightForm {
    let key = WeightFormKey.depthwise
    let byteCount: Int
    private let kernel: DepthwiseKernel

    init(_ kernel: DepthwiseKernel) {
        self.kernel = kernel
        byteCount = kernel.packedCount * MemoryLayout<Float>.stride
    }

    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
    {
        guard let start = plain.baseAddress else { return }
        kernel.pack(start, scale: factors, place.assumingMemoryBound(to: Float.self))
    }
}

/// Blocks of output channels, as our own convolutions read them.
struct LaneForm: WeightForm {
    let key: WeightFormKey
    let byteCount: Int
    private let kernel: LaneConvolution

    /// - Parameter kernel: any of those that read them; they all want the same.
    init(_ kernel: LaneConvolution, isTurned: Bool) {
        key = .lanes(isTurned: isTurned)
        byteCount = kernel.packedCount * MemoryLayout<Float>.stride
        self.kernel = kernel
    }

    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
    {
        guard let start = plain.baseAddress else { return }
        kernel.pack(start, scale: factors, place.assumingMemoryBound(to: Float.self))
    }
}

/// What depthwise loops over bytes read: what one stands for on both sides is folded in. Only frozen layers are in bytes.
struct DepthwiseBytesForm: WeightForm {
    let key: WeightFormKey
    let byteCount: Int
    private let kernel: DepthwiseKernel
    private let channels: Int
    private let from, to: Float

    init(_ kernel: DepthwiseKernel, channels: Int, from: Float, to: Float) {
        key = .depthwiseBytes(from: from, to: to)
        (self.kernel, self.channels, self.from, self.to) = (kernel, channels, from, to)
        byteCount = kernel.packedCount * MemoryLayout<Float>.stride
    }

    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
    {
        guard let start = plain.baseAddress else { return }
        let scale = (0..<channels).map { (factors?[$0] ?? 1) * from / to }
        kernel.pack(start, scale: scale, place.assumingMemoryBound(to: Float.self))
    }
}

/// As Winograd's algorithm multiplies them: two to four times as many numbers.
struct WinogradForm: WeightForm {
    let key: WeightFormKey
    let byteCount: Int
    private let kernel: WinogradConvolution

    /// - Parameter kernel: any of those that read them; they all want the same.
    init(_ kernel: WinogradConvolution, isTurned: Bool) {
        key = .winograd(kernel.tile, isTurned: isTurned)
        byteCount = kernel.weightCount * MemoryLayout<Float>.stride
        self.kernel = kernel
    }

    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
    {
        guard let start = plain.baseAddress else { return }
        kernel.transform(start, scale: factors, place.assumingMemoryBound(to: Float.self))
    }
}
