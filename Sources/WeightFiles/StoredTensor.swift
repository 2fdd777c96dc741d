// One tensor of a weight file: what it is and where its bytes lie.
package import Tensors

/// A tensor as a weight file declares it. Everything in it was checked when the file was opened: all its elements lie within the file.
package struct StoredTensor: Sendable, Hashable {
    /// The name, as the file has it (a prefix common to all tensors, such as `module.`, is left out).
    package let name: String
    package let elementType: ElementType
    /// The extents, in the file's own axis order.
    package let shape: TensorShape
    /// Distance of neighbours along each axis, in elements; row-major for all formats but torch's.
    package let strides: [Int]
    /// Where element 0 lies: bytes from the start of the file, or of the tensor's decoded bytes for formats that pack them.
    package let byteOffset: Int

    init(name: String, elementType: ElementType, shape: TensorShape, strides: [Int]? = nil, byteOffset: Int) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.strides = strides ?? Self.rowMajorStrides(shape)
        self.byteOffset = byteOffset
    }

    /// Whether the elements lie one after the other, the last axis fastest.
    package var isRowMajor: Bool {
        if shape.extents.contains(0) { return true }
        let packed = Self.rowMajorStrides(shape)
        return shape.extents.indices.allSatisfy { shape[$0] == 1 || strides[$0] == packed[$0] }
    }

    /// The bytes that all elements take when packed.
    package var byteCount: Int { shape.count * elementType.byteCount }

    /// The most axes that a tensor may have, as in torch.
    static let maximumRank = 64

    static func rowMajorStrides(_ shape: TensorShape) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.rank)
        var step = 1
        for axis in shape.extents.indices.reversed() {
            strides[axis] = step
            step *= max(shape[axis], 1)
        }
        return strides
    }

    /// The number of elements of a shape read from a file; nil when an extent is negative or the number of bytes overflows.
    ///
    /// An extent of zero does not excuse the others: sizes and strides computed from the shape later must not overflow either.
    static func checkedCount(_ extents: [Int], elementBytes: Int) -> Int? {
        var bytes = elementBytes
        for extent in extents {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: max(extent, 1))
            if overflow || extent < 0 { return nil }
            bytes = product
        }
        return extents.contains(0) ? 0 : bytes / elementBytes
    }
}
