// The bytes of a tensor that does not lie in one piece in its file.

/// Bytes put together from several places.
final class DecodedBytes: @unchecked Sendable {
    // Sendable because the reader that makes it writes the bytes before anyone else has it.

    private let memory: UnsafeMutableRawBufferPointer

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    init(zeros count: Int) {
        memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Copies `piece` to the bytes from `offset` on.
    func write(_ piece: ArraySlice<UInt8>, at offset: Int) {
        UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + piece.count]).copyBytes(from: piece)
    }

    init(joining pieces: [UnsafeRawBufferPointer]) {
        let count = pieces.reduce(0) { $0 + $1.count }
        memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        var position = 0
        for piece in pieces {
            UnsafeMutableRawBufferPointer(rebasing: memory[position...]).copyMemory(from: piece)
            position += piece.count
        }
    }

    deinit { memory.deallocate() }
}
