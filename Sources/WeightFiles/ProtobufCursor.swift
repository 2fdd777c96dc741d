// The wire format of protocol buffers, as much of it as reading weights takes: https://protobuf.dev/programming-guides/encoding
import Files

/// Walks over the fields of one message.
struct ProtobufCursor {
    enum Value {
        case varint(UInt64)
        /// A 32-bit number, a 64-bit number, or a length-delimited field: where its bytes lie.
        case fixed32(Range<Int>)
        case fixed64(Range<Int>)
        case bytes(Range<Int>)
    }

    struct Field {
        let number: Int
        let value: Value
        /// Where the field begins.
        let offset: Int
    }

    private(set) var cursor: ByteCursor

    init(_ file: MappedFile, in range: Range<Int>) { cursor = ByteCursor(file, in: range) }

    /// The next field; nil at the message's end.
    mutating func next() throws(WeightFileError) -> Field? {
        guard cursor.remaining > 0 else { return nil }
        let offset = cursor.offset
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            throw .damaged(cursor.file.path, at: offset, "has a field without a number")
        }
        let value: Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(try cursor.skip(8, "a number"))
        case 5: value = .fixed32(try cursor.skip(4, "a number"))
        case 2:
            guard let length = Int(exactly: try varint()) else {
                throw .damaged(cursor.file.path, at: offset, "has a field of impossible length")
            }
            value = .bytes(try cursor.skip(length, "field \(tag >> 3)"))
        default: throw .damaged(cursor.file.path, at: offset, "has a field of an unknown kind")
        }
        return Field(number: Int(tag >> 3), value: value, offset: offset)
    }

    /// A number of up to ten bytes, seven bits each, the lowest first.
    mutating func varint() throws(WeightFileError) -> UInt64 {
        let offset = cursor.offset
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            let byte = try cursor.integer(UInt8.self, "a number")
            guard shift < 63 || byte <= 1 else { break }
            number |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return number }
        }
        throw .damaged(cursor.file.path, at: offset, "has a number beyond 64 bits")
    }
}
