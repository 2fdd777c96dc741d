// How the features of one image lie in memory and in a file.
package import Tensors

/// The values at a network's boundary, for one image: what a record of the feature cache holds.
package struct FeatureLayout: Sendable, Hashable {
    /// For each value its shape, `[H, W, C]` or `[C]`.
    package let shapes: [TensorShape]
    /// What the cache keeps: float32, which is exact; bfloat16, which takes half the room; or int8, which takes a quarter: bytes, of
    /// either sign where a value has negative numbers, behind what one of them stands for in this image.
    package let type: ElementType
    /// Where each value starts in a record, in bytes.
    package let offsets: [Int]
    /// A record, padded to a multiple of 64 bytes.
    package let recordBytes: Int

    package init(shapes: [TensorShape], type: ElementType = .float32) {
        precondition([.float32, .bfloat16, .int8].contains(type), "features are kept as float32, bfloat16 or int8")
        self.shapes = shapes
        self.type = type
        var offsets: [Int] = []
        var end = 0
        for shape in shapes {
            offsets.append(end)
            let bytes = shape.count * type.byteCount + (type == .int8 ? MemoryLayout<Float>.stride : 0)
            end += (bytes + AlignedBuffer.alignment - 1) / AlignedBuffer.alignment * AlignedBuffer.alignment
        }
        self.offsets = offsets
        recordBytes = end
    }

    /// Writes one image's values, each float32 and contiguous, as a record.
    func encode(_ values: [UnsafePointer<Float>], into record: UnsafeMutableRawPointer) {
        precondition(values.count == shapes.count, "a record holds every value of the boundary")
        for (index, shape) in shapes.enumerated() {
            let target = record + offsets[index]
            switch type {
            case .bfloat16:
                let narrow = target.assumingMemoryBound(to: UInt16.self)
                for element in 0..<shape.count { narrow[element] = bfloat16(from: values[index][element]) }
            case .int8: FeatureBytes.encode(values[index], shape.count, into: target)
            default: target.copyMemory(from: values[index], byteCount: shape.count * MemoryLayout<Float>.stride)
            }
        }
    }

    /// Reads a record's values, each as float32, to where `targets` point.
    func decode(_ record: UnsafeRawPointer, into targets: [UnsafeMutableRawPointer], position: Int) {
        for index in shapes.indices {
            let count = shapes[index].count
            let source = record + offsets[index]
            let target = targets[index] + position * count * MemoryLayout<Float>.stride
            let wide = target.assumingMemoryBound(to: Float.self)
            switch type {
            case .bfloat16:
                let narrow = source.assumingMemoryBound(to: UInt16.self)
                for element in 0..<count { wide[element] = float32(fromBFloat16: narrow[element]) }
            case .int8: FeatureBytes.decode(source, count, into: wide)
            default: target.copyMemory(from: source, byteCount: count * MemoryLayout<Float>.stride)
            }
        }
    }
}

/// Numbers as bytes behind their step, float32: the largest magnitude is 255 steps, or 127 where numbers are negative, which the step's
/// sign tells.
private enum FeatureBytes {
    static func encode(_ values: UnsafePointer<Float>, _ count: Int, into record: UnsafeMutableRawPointer) {
        var (low, high): (Float, Float) = (0, 0)
        var areNumbers = true
        for index in 0..<count {
            (low, high) = (min(low, values[index]), max(high, values[index]))
            areNumbers = areNumbers && values[index].isFinite
        }
        let isSigned = low < 0
        let largest = max(high, -low)
        // With a step that is no number the record gives none, as the values do: the loss then says so.
        let step = !areNumbers ? .nan : largest > 0 ? largest / (isSigned ? 127 : 255) : 1
        record.storeBytes(of: isSigned ? -step : step, as: Float.self)
        let bytes = (record + MemoryLayout<Float>.stride).assumingMemoryBound(to: UInt8.self)
        for index in 0..<count {
            let scaled = (values[index] / step).rounded(.toNearestOrEven)
            let integer = scaled.isFinite ? Int(min(max(scaled, isSigned ? -127 : 0), isSigned ? 127 : 255)) : 0
            bytes[index] = UInt8(truncatingIfNeeded: integer)
        }
    }

    static func decode(_ record: UnsafeRawPointer, _ count: Int, into values: UnsafeMutablePointer<Float>) {
        let step = record.load(as: Float.self)
        let bytes = record + MemoryLayout<Float>.stride
        if step < 0 {
            let signed = bytes.assumingMemoryBound(to: Int8.self)
            for index in 0..<count { values[index] = Float(signed[index]) * -step }
        } else {
            let unsigned = bytes.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count { values[index] = Float(unsigned[index]) * step }
        }
    }
}
