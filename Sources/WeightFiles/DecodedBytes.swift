// The bytes of a tensor that does not lie in one piece in its file.

/// Bytes copied together from several places.
final class DecodedBytes: @unchecked Sendable {
    // Sendable because the bytes are never written after the initialiser.

    let bytes: UnsafeRawBufferPointer

    init(joining pieces: [UnsafeRawBufferPointer]) {
        let count = pieces.reduce(0) { $0 + $1.count }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        var position = 0
        for piece in pieces {
            UnsafeMutableRawBufferPointer(rebasing: buffer[position...]).copyMemory(from: piece)
            position += piece.count
        }
        bytes = UnsafeRawBufferPointer(buffer)
    }

    deinit { bytes.deallocate() }
}
