// SHA-256, by which published files name themselves. Written out here, because seventy lines cost less than a library of
// cryptography that every build and every host would need; nothing secret is ever hashed.

/// SHA-256 (FIPS 180-4), fed piece by piece.
package struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    private var tail: [UInt8] = []
    private var total: UInt64 = 0

    package init() {}

    /// Adds bytes; pieces of any size give the same result as all at once.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        total += UInt64(bytes.count)
        var rest = bytes[...]
        if !tail.isEmpty {
            let wanted = min(64 - tail.count, rest.count)
            tail.append(contentsOf: rest.prefix(wanted))
            rest = rest.dropFirst(wanted)
            guard tail.count == 64 else { return }
            tail.withUnsafeBytes { block in Self.consume(block, &state) }
            tail.removeAll(keepingCapacity: true)
        }
        let whole = rest.count / 64 * 64
        Self.consume(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), &state)
        tail.append(contentsOf: rest.dropFirst(whole))
    }

    /// The digest of everything added so far, as 64 hexadecimal digits.
    package var hexadecimal: String {
        var padding: [UInt8] = [0x80] + [UInt8](repeating: 0, count: (119 - tail.count) % 64)
        withUnsafeBytes(of: (total * 8).bigEndian) { padding += $0 }
        var state = state
        (tail + padding).withUnsafeBytes { Self.consume($0, &state) }
        return state.map { $0.hexadecimal(digits: 8) }.joined()
    }

    /// The digest of bytes that are all in memory, as 64 hexadecimal digits.
    package static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String {
        var digest = SHA256()
        digest.update(bytes)
        return digest.hexadecimal
    }

    /// Mixes whole blocks of 64 bytes into the state; the names are those of the standard.
    private static func consume(_ blocks: UnsafeRawBufferPointer, _ state: inout [UInt32]) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
            for start in stride(from: 0, to: blocks.count, by: 64) {
                for index in 0..<16 {
                    schedule[index] = UInt32(bigEndian: blocks.loadUnaligned(fromByteOffset: start + 4 * index, as: UInt32.self))
                }
                for index in 16..<64 {
                    let (early, late) = (schedule[index - 15], schedule[index - 2])
                    let sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3
                    let sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10
                    schedule[index] = schedule[index - 16] &+ sigma0 &+ schedule[index - 7] &+ sigma1
                }
                compress(schedule, &state)
            }
        }
    }

    private static func compress(_ schedule: UnsafeMutableBufferPointer<UInt32>, _ state: inout [UInt32]) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        constants.withUnsafeBufferPointer { constants in
            for round in 0..<64 {
                let sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
                let first = h &+ sum1 &+ (e & f ^ ~e & g) &+ constants[round] &+ schedule[round]
                let second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ (a & b ^ a & c ^ b & c)
                (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
            }
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

    /// The first 32 bits of the fractions of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = [
        0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5,
        0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174,
        0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA,
        0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7, 0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967,
        0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85,
        0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070,
        0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
        0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2,
    ]
}
