// TensorBoard's event records: protocol buffers with masked CRC-32C checksums, after TensorFlow's event.proto and record_writer.

/// One event as bytes of an event file.
enum TensorBoardRecord {
    /// The first record of every file.
    static func version(wallTime: Double) -> [UInt8] {
        frame(double(1, wallTime) + text(3, "brain.Event:2"))
    }

    /// Scalars of one step.
    static func scalars(_ scalars: [(tag: String, value: Double)], step: Int, wallTime: Double) -> [UInt8] {
        let summary = scalars.flatMap { message(1, text(1, $0.tag) + float(2, Float($0.value))) }
        return frame(double(1, wallTime) + [2 << 3] + varint(UInt64(step)) + message(5, summary))
    }

    /// Length, its checksum, the data, its checksum.
    private static func frame(_ data: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(data.count))
        return length + littleEndian(masked(checksum(length))) + data + littleEndian(masked(checksum(data)))
    }

    /// CRC-32C (Castagnoli), reflected, bit by bit: a record has a few dozen bytes.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var checksum = ~UInt32(0)
        for byte in bytes {
            checksum ^= UInt32(byte)
            for _ in 0..<8 { checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0x82F6_3B78 : checksum >> 1 }
        }
        return ~checksum
    }

    private static func masked(_ checksum: UInt32) -> UInt32 { (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8 }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian, Array.init)
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (bytes, rest) = ([UInt8](), value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    // Fields: number and wire type in one byte, as all numbers here are below 16.
    private static func message(_ field: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [field << 3 | 2] + varint(UInt64(bytes.count)) + bytes
    }
    private static func text(_ field: UInt8, _ text: String) -> [UInt8] { message(field, Array(text.utf8)) }
    private static func double(_ field: UInt8, _ value: Double) -> [UInt8] { [field << 3 | 1] + littleEndian(value.bitPattern) }
    private static func float(_ field: UInt8, _ value: Float) -> [UInt8] { [field << 3 | 5] + littleEndian(value.bitPattern) }
}
