// Writes the wire format of protocol buffers: https://protobuf.dev/programming-guides/encoding
//
// By hand, because what ONNX needs of it is five kinds of fields, and a library would copy every tensor and bring a compiler to build.
import Files

/// A message in the making: its bytes in pieces, so that large tensors stay where they are.
struct ProtobufMessage {
    private enum Piece {
        case bytes([UInt8])
        case window(UnsafeRawBufferPointer)
    }

    private var pieces: [Piece] = []
    private(set) var byteCount = 0

    /// A number; negative ones take ten bytes, as the format wants it.
    mutating func integer(_ field: Int, _ value: Int) {
        append(Self.tag(field, kind: 0) + Self.varint(UInt64(bitPattern: Int64(value))))
    }

    mutating func float(_ field: Int, _ value: Float) {
        append(Self.tag(field, kind: 5) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    }

    mutating func text(_ field: Int, _ value: String) { append(field, Array(value.utf8)) }

    mutating func bytes(_ field: Int, _ bytes: [UInt8]) { append(field, bytes) }

    /// A list of numbers, one field for all.
    mutating func integers(_ field: Int, _ values: [Int]) {
        append(field, values.flatMap { Self.varint(UInt64(bitPattern: Int64($0))) })
    }

    /// A message within this one.
    mutating func message(_ field: Int, _ message: ProtobufMessage) {
        append(Self.tag(field, kind: 2) + Self.varint(UInt64(message.byteCount)))
        pieces += message.pieces
        byteCount += message.byteCount
    }

    /// Bytes that are not copied: they must live until the message is written.
    mutating func window(_ field: Int, _ bytes: UnsafeRawBufferPointer) {
        append(Self.tag(field, kind: 2) + Self.varint(UInt64(bytes.count)))
        pieces.append(.window(bytes))
        byteCount += bytes.count
    }

    /// Throws what the disk refuses.
    func write(to sink: inout AtomicFile.Sink) throws(FileError) {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): try sink.write(bytes)
            case .window(let bytes): try sink.write(bytes)
            }
        }
    }

    private mutating func append(_ field: Int, _ bytes: [UInt8]) {
        append(Self.tag(field, kind: 2) + Self.varint(UInt64(bytes.count)) + bytes)
    }

    private mutating func append(_ bytes: [UInt8]) {
        byteCount += bytes.count
        // Neighbours join: a message of a thousand small fields is a few pieces.
        if case .bytes(let last) = pieces.last {
            pieces[pieces.count - 1] = .bytes(last + bytes)
        } else {
            pieces.append(.bytes(bytes))
        }
    }

    private static func tag(_ field: Int, kind: UInt64) -> [UInt8] { varint(UInt64(field) << 3 | kind) }

    /// Seven bits a byte, the lowest first.
    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
