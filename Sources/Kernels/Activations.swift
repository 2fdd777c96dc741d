// Activations in memory: float32, or fewer bytes where they matter more than the last digits.
internal import CVectorLoops
package import Tensors

/// An array of activations of one element type.
package struct Activations {
    package let base: UnsafeMutableRawPointer
    package let type: ElementType
    /// What one stands for in 8-bit activations, uint8 or int8; 1 in others.
    package let step: Float

    package init(_ base: UnsafeMutableRawPointer, _ type: ElementType, step: Float = 1) {
        precondition([.float32, .bfloat16, .uint8, .int8].contains(type), "activations are float32, bfloat16 or 8-bit")
        self.base = base
        self.type = type
        self.step = step
    }

    /// How the loops read and write them.
    var format: graft_format {
        switch type {
        case .bfloat16: graft_half
        case .uint8: graft_unsigned_bytes
        case .int8: graft_signed_bytes
        default: graft_full
        }
    }
    /// Only of float32 activations.
    var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
    /// Only of bfloat16 activations.
    var narrow: UnsafeMutablePointer<UInt16> { base.assumingMemoryBound(to: UInt16.self) }
    /// Only of uint8 activations.
    var unsigned: UnsafeMutablePointer<UInt8> { base.assumingMemoryBound(to: UInt8.self) }
    /// Only of int8 activations.
    var signed: UnsafeMutablePointer<Int8> { base.assumingMemoryBound(to: Int8.self) }

    static func + (activations: Activations, elements: Int) -> Activations {
        Activations(activations.base + elements * activations.type.byteCount, activations.type, step: activations.step)
    }

    /// Writes zeros over `count` elements.
    package func clear(_ count: Int) { base.initializeMemory(as: UInt8.self, repeating: 0, count: count * type.byteCount) }
}

extension Elementwise {
    /// Copies `count` elements from float32 to another element type, or back.
    package func convert(_ x: Activations, _ y: Activations, _ count: Int) {
        precondition((x.type == .float32) != (y.type == .float32), "one side of a conversion is float32")
        workers.run(elements: count) { range in
            let (from, to) = (x + range.lowerBound, y + range.lowerBound)
            switch (from.type, to.type) {
            case (_, .bfloat16): graft_to_bfloat16(from.floats, to.narrow, range.count)
            case (_, .uint8): graft_to_uint8(from.floats, to.unsigned, range.count, to.step)
            case (_, .int8): graft_to_int8(from.floats, to.signed, range.count, to.step)
            case (.uint8, _): graft_from_uint8(from.unsigned, to.floats, range.count, from.step)
            case (.int8, _): graft_from_int8(from.signed, to.floats, range.count, from.step)
            default: graft_from_bfloat16(from.narrow, to.floats, range.count)
            }
        }
    }
}
