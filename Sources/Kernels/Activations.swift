// Activations in memory: float32, or bfloat16 where half the bytes matter more than the last digits.
internal import CVectorLoops
package import Tensors

/// An array of activations of one element type.
package struct Activations {
    package let base: UnsafeMutableRawPointer
    package let type: ElementType

    package init(_ base: UnsafeMutableRawPointer, _ type: ElementType) {
        precondition(type == .float32 || type == .bfloat16, "activations are float32 or bfloat16")
        self.base = base
        self.type = type
    }

    var isNarrow: Bool { type == .bfloat16 }
    /// Only of float32 activations.
    var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
    /// Only of bfloat16 activations.
    var narrow: UnsafeMutablePointer<UInt16> { base.assumingMemoryBound(to: UInt16.self) }

    static func + (activations: Activations, elements: Int) -> Activations {
        Activations(activations.base + elements * activations.type.byteCount, activations.type)
    }

    /// Writes zeros over `count` elements.
    func clear(_ count: Int) { base.initializeMemory(as: UInt8.self, repeating: 0, count: count * type.byteCount) }
}

extension Elementwise {
    /// Copies `count` elements from one element type to the other.
    package func convert(_ x: Activations, _ y: Activations, _ count: Int) {
        workers.run(elements: count) { range in
            let (from, to) = (x + range.lowerBound, y + range.lowerBound)
            if to.isNarrow {
                graft_to_bfloat16(from.floats, to.narrow, range.count)
            } else {
                graft_from_bfloat16(from.narrow, to.floats, range.count)
            }
        }
    }
}
