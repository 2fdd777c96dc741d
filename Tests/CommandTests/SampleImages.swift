// Small photographs of three classes that differ in colour and pattern, written as PNG files.
import Foundation

/// Makes images without any library: PNG with stored (uncompressed) data.
enum SampleImages {
    static let classes = ["ant", "bee", "cat"]

    /// The PNG file of picture `number` of a class: `side` × `side` pixels of its colour, with stripes of a random phase and noise.
    static func png(of label: Int, number: Int, side: Int = 64) -> Data {
        var random = UInt64(label * 1000 + number + 1)
        func next() -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 40)
        }
        let phase = next() % 16
        var rows: [UInt8] = []
        for y in 0..<side {
            rows.append(0)  // each row stands for itself
            for x in 0..<side {
                let along = [x, y, x + y][label] + phase
                let base = along / 8 % 2 == 0 ? 190 : 110
                for channel in 0..<3 { rows.append(UInt8(base * (channel == label ? 4 : 1) / 4 + next() % 48)) }
            }
        }
        var header: [UInt8] = []
        header += bigEndian(UInt32(side)) + bigEndian(UInt32(side)) + [8, 2, 0, 0, 0]
        return Data(
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", stored(rows))
                + chunk("IEND", []))
    }

    /// Writes `count` pictures of every class below `folder`, one folder a class.
    static func write(_ count: Int, to folder: URL, from first: Int = 0) throws {
        for (label, name) in classes.enumerated() {
            try FileManager.default.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
            for number in first..<first + count {
                try png(of: label, number: number).write(to: folder.appending(path: "\(name)/\(name)-\(number).png"))
            }
        }
    }

    /// A zlib stream that holds the bytes as they are.
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        precondition(bytes.count <= 65535, "one stored block holds the picture")
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        let count = UInt16(bytes.count)
        let lengths = [count, ~count].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        return [0x78, 0x01, 0x01] + lengths + bytes + bigEndian(high << 16 | low)
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + content
        var check = UInt32.max
        for byte in body {
            check ^= UInt32(byte)
            for _ in 0..<8 { check = check & 1 == 1 ? check >> 1 ^ 0xEDB8_8320 : check >> 1 }
        }
        return bigEndian(UInt32(content.count)) + body + bigEndian(~check)
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
}
