// SHA-256 against the standard's examples, and against itself in pieces.
import Testing

@testable import Files

@Suite struct SHA256Tests {
    private func digest(_ bytes: [UInt8], pieces: Int? = nil) -> String {
        var digest = SHA256()
        for start in stride(from: 0, to: bytes.count, by: pieces ?? max(bytes.count, 1)) {
            bytes[start..<min(start + (pieces ?? bytes.count), bytes.count)].withUnsafeBytes { digest.update($0) }
        }
        return digest.hexadecimal
    }

    /// FIPS 180-4's examples; the empty text; and lengths around a block's, computed with sha256sum.
    @Test(arguments: [
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ("a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        ("a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        ("a", 100_000, "6d1cf22d7cc09b085dfc25ee1a1f3ae0265804c607bc2074ad253bcc82fd81ee"),
    ])
    func digestsAreTheStandards(_ text: String, _ repeats: Int, _ expected: String) {
        let bytes = Array(String(repeating: text, count: repeats).utf8)
        #expect(digest(bytes) == expected)
        for pieces in [1, 63, 64, 65] where bytes.count < 1000 || pieces > 1 {
            #expect(digest(bytes, pieces: pieces) == expected)
        }
    }
}
