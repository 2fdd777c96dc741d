// TensorBoard's event records: protocol buffers with masked CRC-32C checksums, after TensorFlow's event.proto and record_writer.
import ImageData

/// One event as bytes of an event file.
enum TensorBoardRecord {
    /// The first record of every file.
    static func version(wallTime: Double) -> [UInt8] {
        frame(double(1, wallTime) + text(3, "brain.Event:2"))
    }

    /// Scalars of one step.
    static func scalars(_ scalars: [(tag: String, value: Double)], step: Int, wallTime: Double) -> [UInt8] {
        let summary = scalars.flatMap { message(1, text(1, $0.tag) + float(2, Float($0.value))) }
        return frame(double(1, wallTime) + integer(2, step) + message(5, summary))
    }

    /// Pictures of one step, as PNG or JPEG files.
    static func images(_ images: [(tag: String, picture: PixelImage, file: [UInt8])], step: Int, wallTime: Double) -> [UInt8] {
        let summary = images.flatMap { image in
            let colours = 3
            let picture =
                integer(1, image.picture.height) + integer(2, image.picture.width) + integer(3, colours) + message(4, image.file)
            return message(1, text(1, image.tag) + message(4, picture))
        }
        return frame(double(1, wallTime) + integer(2, step) + message(5, summary))
    }

    /// What a run was told, for the hparams page: numbers where they are some.
    static func start(_ parameters: [(key: String, value: String)], wallTime: Double) -> [UInt8] {
        let entries = parameters.flatMap { entry in
            let value = Double(entry.value).map { double(2, $0) } ?? text(3, entry.value)
            return message(1, text(1, entry.key) + message(2, value))
        }
        return session("_hparams_/session_start_info", message(3, entries + double(5, wallTime)), wallTime)
    }

    /// That a run has ended, well or not.
    static func end(isSuccess: Bool, wallTime: Double) -> [UInt8] {
        session("_hparams_/session_end_info", message(4, integer(1, isSuccess ? 1 : 2) + double(2, wallTime)), wallTime)
    }

    /// A summary of TensorBoard's hparams plugin (its plugin_data.proto), which goes without numbers: an empty tensor of floats.
    private static func session(_ tag: String, _ content: [UInt8], _ wallTime: Double) -> [UInt8] {
        let plugin = message(9, message(1, text(1, "hparams") + message(2, content)))
        let tensor = message(8, integer(1, 1) + message(2, message(2, integer(1, 0))))
        return frame(double(1, wallTime) + message(5, message(1, text(1, tag) + tensor + plugin)))
    }

    /// Length, its checksum, the data, its checksum.
    private static func frame(_ data: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(data.count))
        return length + littleEndian(masked(checksum(length))) + data + littleEndian(masked(checksum(data)))
    }

    /// CRC-32C (Castagnoli), reflected, bit by bit: most records have a few dozen bytes, those of pictures some ten thousand.
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
    private static func integer(_ field: UInt8, _ value: Int) -> [UInt8] { [field << 3] + varint(UInt64(value)) }
    private static func text(_ field: UInt8, _ text: String) -> [UInt8] { message(field, Array(text.utf8)) }
    private static func double(_ field: UInt8, _ value: Double) -> [UInt8] { [field << 3 | 1] + littleEndian(value.bitPattern) }
    private static func float(_ field: UInt8, _ value: Float) -> [UInt8] { [field << 3 | 5] + littleEndian(value.bitPattern) }
}
