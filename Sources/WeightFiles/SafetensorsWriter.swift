// safetensors out, byte for byte as the safetensors library writes it (metadata sorted by key, where the library leaves it to chance).
package import Files
package import Tensors

/// Lays out and writes a safetensors file: declare all tensors first, then hand over the bytes of each in `order`.
package struct SafetensorsWriter: Sendable {
    /// A tensor that the file will hold, row-major.
    package struct Declaration: Sendable, Hashable {
        package let name: String
        package let elementType: ElementType
        package let shape: TensorShape

        package init(name: String, elementType: ElementType = .float32, shape: TensorShape) {
            self.name = name
            self.elementType = elementType
            self.shape = shape
        }

        package var byteCount: Int { shape.count * elementType.byteCount }
    }

    /// A tensor with its bytes: packed, row-major, little-endian. Who owns the bytes must outlive the writing.
    package typealias Tensor = (name: String, type: ElementType, shape: TensorShape, bytes: UnsafeRawBufferPointer)

    /// The tensors in the order in which the file holds them: widest element type first, then by name.
    package let order: [Declaration]
    /// The first bytes of the file, before the tensors.
    package let header: [UInt8]

    /// The order of element types in the file, as in the library.
    private static let typeOrder: [ElementType] = [
        .int64, .float64, .float32, .int32, .bfloat16, .float16, .int16, .int8, .uint8, .bool,
    ]

    /// Lays out a file. Names must be distinct, and none may be `__metadata__`.
    package init(_ tensors: [Declaration], metadata: [String: String] = [:]) {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "the tensors of a file must have distinct names")
        precondition(!tensors.contains { $0.name == "__metadata__" }, "'__metadata__' is not a tensor's name")
        let rank = Dictionary(uniqueKeysWithValues: Self.typeOrder.enumerated().map { ($1, $0) })
        order = tensors.sorted { left, right in
            let (leftRank, rightRank) = (rank[left.elementType] ?? 0, rank[right.elementType] ?? 0)
            return leftRank == rightRank ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8) : leftRank < rightRank
        }
        header = Self.header(order, metadata)
    }

    /// Writes the file to `path` whole or not at all. `body` is called for each tensor in `order` and must append exactly its bytes.
    package func write(
        to path: String, _ body: (Declaration, inout AtomicFile.Sink) throws(FileError) -> Void
    ) throws(FileError) {
        try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FileError) in
            try sink.write(header)
            for declaration in order {
                let start = sink.byteCount
                try body(declaration, &sink)
                precondition(
                    sink.byteCount - start == declaration.byteCount, "tensor '\(declaration.name)' got a wrong number of bytes")
            }
        }
    }

    /// Writes a file of tensors that are all in memory. Throws, leaving any old file as it was, when the disk is full or fails.
    package static func write(to path: String, tensors: [Tensor], metadata: [String: String] = [:]) throws(FileError) {
        let writer = SafetensorsWriter(
            tensors.map { Declaration(name: $0.name, elementType: $0.type, shape: $0.shape) }, metadata: metadata)
        let bytes = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.bytes) })
        try writer.write(to: path) { (declaration, sink: inout AtomicFile.Sink) throws(FileError) in
            if let bytes = bytes[declaration.name] { try sink.write(bytes) }
        }
    }

    private static func header(_ order: [Declaration], _ metadata: [String: String]) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key.quotedAsJSON):\($0.value.quotedAsJSON)" }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in order {
            let extents = tensor.shape.extents.map(String.init).joined(separator: ",")
            let type = SafetensorsReader.typeNames[tensor.elementType] ?? ""
            let end = offset + tensor.byteCount
            members.append(
                "\(tensor.name.quotedAsJSON):{\"dtype\":\"\(type)\",\"shape\":[\(extents)],\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var text = Array("{\(members.joined(separator: ","))}".utf8)
        // The data begins at a multiple of 8, so that it can be used in place.
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        precondition(text.count <= SafetensorsReader.maximumHeaderBytes, "a safetensors header must not exceed 100 MB")
        return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
    }
}
