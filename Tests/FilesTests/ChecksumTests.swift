// Checksums against published values, and against themselves in pieces.
import Testing

@testable import Files

@Suite struct ChecksumTests {
    private func checksum(_ bytes: [UInt8], seed: UInt64 = 0, pieces: Int? = nil) -> UInt64 {
        var checksum = Checksum(seed: seed)
        for start in stride(from: 0, to: bytes.count, by: pieces ?? max(1, bytes.count)) {
            let end = pieces.map { min(start + $0, bytes.count) } ?? bytes.count
            bytes[start..<end].withUnsafeBytes { checksum.update($0) }
        }
        return checksum.value
    }

    /// The sanity buffer and its checksums of xxHash's own test, `tests/sanity_test_vectors.h`: https://github.com/Cyan4973/xxHash
    private static let sanityBuffer: [UInt8] = {
        var generator: UInt64 = 2_654_435_761
        return (0..<222).map { _ in
            defer { generator &*= 11_400_714_785_074_694_797 }
            return UInt8(generator >> 56)
        }
    }()

    @Test(arguments: [
        (0, UInt64(0), UInt64(0xEF46_DB37_51D8_E999)), (0, 0x9E37_79B1, 0xAC75_FDA2_929B_17EF), (1, 0, 0xE934_A84A_DB05_2768),
        (1, 0x9E37_79B1, 0x5014_6076_43A9_B4C3), (4, 0, 0x9136_A0DC_A574_57EE), (14, 0, 0x8282_DCC4_994E_35C8),
        (14, 0x9E37_79B1, 0xC3BD_6BF6_3DEB_6DF0), (222, 0, 0xB641_AE8C_B691_C174), (222, 0x9E37_79B1, 0x20CB_8AB7_AE10_C14A),
    ])
    func agreesWithPublishedValues(_ length: Int, _ seed: UInt64, _ expected: UInt64) {
        #expect(checksum(Array(Self.sanityBuffer.prefix(length)), seed: seed) == expected)
    }

    @Test(arguments: [1, 3, 8, 31, 32, 33, 64, 100])
    func piecesGiveTheSame(_ pieces: Int) {
        for length in [0, 1, 31, 32, 33, 95, 222] {
            let bytes = Array(Self.sanityBuffer.prefix(length))
            #expect(checksum(bytes, pieces: pieces) == checksum(bytes))
        }
    }

    @Test func neighbouringTextsDoNotRunTogether() {
        func checksum(_ texts: String...) -> UInt64 {
            var checksum = Checksum()
            for text in texts { checksum.update(text) }
            return checksum.value
        }
        #expect(checksum("ab", "c") != checksum("a", "bc"))
    }

    @Test func computesTheChecksumOfZip() {
        #expect(Array("123456789".utf8).withUnsafeBytes(CRC32.of) == 0xCBF4_3926)
        #expect(Array("The quick brown fox jumps over the lazy dog".utf8).withUnsafeBytes(CRC32.of) == 0x414F_A339)
    }
}
