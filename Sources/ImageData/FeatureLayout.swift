// How the features of one image lie in memory and in a file.
package import Tensors

/// The values at a network's boundary, for one image: what a record of the feature cache holds.
package struct FeatureLayout: Sendable, Hashable {
    /// For each value its shape, `[H, W, C]` or `[C]`.
    package let shapes: [TensorShape]
    /// What the cache keeps: float32, which is exact, or bfloat16, which takes half the room.
    package let type: ElementType
    /// Where each value starts in a record, in bytes.
    package let offsets: [Int]
    /// A record, padded to a multiple of 64 bytes.
    package let recordBytes: Int

    package init(shapes: [TensorShape], type: ElementType = .float32) {
        precondition(type == .float32 || type == .bfloat16, "features are kept as float32 or bfloat16")
        self.shapes = shapes
        self.type = type
        var offsets: [Int] = []
        var end = 0
        for shape in shapes {
            offsets.append(end)
            let bytes = shape.count * type.byteCount
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
            if type == .float32 {
                target.copyMemory(from: values[index], byteCount: shape.count * MemoryLayout<Float>.stride)
            } else {
                let narrow = target.assumingMemoryBound(to: UInt16.self)
                for element in 0..<shape.count { narrow[element] = bfloat16(from: values[index][element]) }
            }
        }
    }

    /// Reads a record's values, each as float32, to where `targets` point.
    func decode(_ record: UnsafeRawPointer, into targets: [UnsafeMutableRawPointer], position: Int) {
        for index in shapes.indices {
            let count = shapes[index].count
            let source = record + offsets[index]
            let target = targets[index] + position * count * MemoryLayout<Float>.stride
            if type == .float32 {
                target.copyMemory(from: source, byteCount: count * MemoryLayout<Float>.stride)
            } else {
                let (narrow, wide) = (source.assumingMemoryBound(to: UInt16.self), target.assumingMemoryBound(to: Float.self))
                for element in 0..<count { wide[element] = float32(fromBFloat16: narrow[element]) }
            }
        }
    }
}
