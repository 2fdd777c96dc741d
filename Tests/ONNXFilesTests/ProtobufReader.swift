// Reads protobuf messages back, as far as the tests of writing them need it.

/// A message as its fields, in order.
struct ProtobufReader {
    enum Value: Equatable {
        case number(Int)
        case float(Float)
        case bytes([UInt8])
    }

    private(set) var fields: [(number: Int, value: Value)] = []

    init(_ bytes: [UInt8]) {
        var position = 0
        func varint() -> UInt64 {
            var (value, shift) = (UInt64(0), UInt64(0))
            while true {
                let byte = bytes[position]
                position += 1
                value |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 { return value }
            }
        }
        while position < bytes.count {
            let tag = varint()
            switch tag & 7 {
            case 0: fields.append((Int(tag >> 3), .number(Int(truncatingIfNeeded: varint()))))
            case 5:
                let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[position + $1]) << (8 * UInt32($1)) }
                fields.append((Int(tag >> 3), .float(Float(bitPattern: bits))))
                position += 4
            default:
                let count = Int(varint())
                fields.append((Int(tag >> 3), .bytes(Array(bytes[position..<position + count]))))
                position += count
            }
        }
    }

    func all(_ number: Int) -> [Value] { fields.filter { $0.number == number }.map(\.value) }

    func messages(_ number: Int) -> [ProtobufReader] { bytes(number).map(ProtobufReader.init) }

    func bytes(_ number: Int) -> [[UInt8]] {
        all(number).compactMap { if case .bytes(let bytes) = $0 { bytes } else { nil } }
    }

    func texts(_ number: Int) -> [String] { bytes(number).map { String(decoding: $0, as: UTF8.self) } }

    func numbers(_ number: Int) -> [Int] {
        all(number).compactMap { if case .number(let number) = $0 { number } else { nil } }
    }
}
