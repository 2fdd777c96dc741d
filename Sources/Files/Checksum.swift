// Checksums of weights, checkpoints and file lists: fast enough to compare 100 MB of weights at every epoch's end.

/// XXH64, the 64-bit xxHash by Yann Collet, fed piece by piece. Not cryptographic: it finds damage and differences, not forgery.
///
/// Source of the algorithm and constants: the xxHash specification, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
package struct Checksum: Sendable {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var lanes: SIMD4<UInt64>
    private let seed: UInt64
    private var total: UInt64 = 0
    private var tail: [UInt8] = []

    package init(seed: UInt64 = 0) {
        self.seed = seed
        lanes = [seed &+ Self.prime1 &+ Self.prime2, seed &+ Self.prime2, seed, seed &- Self.prime1]
    }

    /// Adds bytes to the checksum; pieces of any size give the same result as all at once.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        total &+= UInt64(bytes.count)
        var rest = bytes[...]
        if !tail.isEmpty {
            let wanted = min(32 - tail.count, rest.count)
            tail.append(contentsOf: rest.prefix(wanted))
            rest = rest.dropFirst(wanted)
            if tail.count == 32 {
                tail.withUnsafeBytes { block in consume(block) }
                tail.removeAll(keepingCapacity: true)
            }
        }
        let whole = rest.count / 32 * 32
        consume(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
        tail.append(contentsOf: rest.dropFirst(whole))
    }

    /// Adds the UTF-8 bytes of a text and a terminating zero, so that neighbouring texts cannot run together.
    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
        withUnsafeBytes(of: UInt8(0)) { update($0) }
    }

    /// Adds an integer, little-endian.
    package mutating func update(_ number: Int) {
        withUnsafeBytes(of: Int64(number).littleEndian) { update($0) }
    }

    /// The checksum of everything added so far.
    package var value: UInt64 {
        var hash: UInt64
        if total >= 32 {
            hash = Self.rotate(lanes[0], 1) &+ Self.rotate(lanes[1], 7) &+ Self.rotate(lanes[2], 12) &+ Self.rotate(lanes[3], 18)
            for lane in 0..<4 { hash = (hash ^ Self.round(0, lanes[lane])) &* Self.prime1 &+ Self.prime4 }
        } else {
            hash = seed &+ Self.prime5
        }
        hash &+= total
        tail.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                hash = Self.rotate(hash ^ Self.round(0, word), 27) &* Self.prime1 &+ Self.prime4
                offset += 8
            }
            if offset + 4 <= bytes.count {
                let word = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
                hash = Self.rotate(hash ^ word &* Self.prime1, 23) &* Self.prime2 &+ Self.prime3
                offset += 4
            }
            while offset < bytes.count {
                hash = Self.rotate(hash ^ UInt64(bytes[offset]) &* Self.prime5, 11) &* Self.prime1
                offset += 1
            }
        }
        hash = (hash ^ hash >> 33) &* Self.prime2
        hash = (hash ^ hash >> 29) &* Self.prime3
        return hash ^ hash >> 32
    }

    /// The checksum as 16 hexadecimal digits, as it is written into files and messages.
    package var hexadecimal: String { value.hexadecimal(digits: 16) }

    private mutating func consume(_ blocks: UnsafeRawBufferPointer) {
        // Four independent lanes in locals: the multiplications of one hide the latency of the others.
        var (first, second, third, fourth) = (lanes[0], lanes[1], lanes[2], lanes[3])
        var offset = 0
        while offset < blocks.count {
            first = Self.round(first, blocks.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            second = Self.round(second, blocks.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
            third = Self.round(third, blocks.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
            fourth = Self.round(fourth, blocks.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self))
            offset += 32
        }
        lanes = [first, second, third, fourth]
    }

    private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotate(lane &+ UInt64(littleEndian: word) &* prime2, 31) &* prime1
    }
}
