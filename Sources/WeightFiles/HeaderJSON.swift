// A JSON reader for headers that strangers wrote: strict, bounded in depth, and it refuses what other readers would understand
// differently (duplicate keys, numbers that are not plain integers).
import Files

/// Walks over the JSON text of a safetensors header, one value at a time; nothing is kept that the caller does not ask for.
struct HeaderJSON {
    private let file: MappedFile
    private(set) var offset: Int
    private let end: Int
    private var depth = 0

    /// Deeper nesting is refused: a header needs three levels.
    private static let maximumDepth = 16

    init(_ file: MappedFile, in range: Range<Int>) {
        self.file = file
        offset = range.lowerBound
        end = range.upperBound
    }

    /// Reads an object, calling `member` at each value; the value must be consumed there. Duplicate keys are refused.
    mutating func object(
        _ member: (inout HeaderJSON, _ key: String, _ keyOffset: Int) throws(WeightFileError) -> Void
    ) throws(WeightFileError) {
        var seen: Set<String> = []
        try enter("{")
        if skipIf("}") { return leave() }
        repeat {
            skipSpace()
            let keyOffset = offset
            let key = try string()
            guard seen.insert(key).inserted else { throw fault("has the key '\(key)' twice in one object", at: keyOffset) }
            try expect(":")
            try member(&self, key, keyOffset)
        } while skipIf(",")
        try expect("}")
        leave()
    }

    /// Reads an array, calling `element` at each value; the value must be consumed there.
    mutating func array(_ element: (inout HeaderJSON) throws(WeightFileError) -> Void) throws(WeightFileError) {
        try enter("[")
        if skipIf("]") { return leave() }
        repeat { try element(&self) } while skipIf(",")
        try expect("]")
        leave()
    }

    /// Reads an array of at most `limit` plain non-negative integers.
    mutating func integers(limit: Int) throws(WeightFileError) -> [Int] {
        var numbers: [Int] = []
        try array { (json: inout HeaderJSON) throws(WeightFileError) in
            guard numbers.count < limit else { throw json.fault("lists more than \(limit) numbers", at: json.offset) }
            numbers.append(try json.integer())
        }
        return numbers
    }

    /// Reads a non-negative integer without sign, leading zeros, fraction or exponent.
    mutating func integer() throws(WeightFileError) -> Int {
        skipSpace()
        let start = offset
        var number = 0
        while offset < end, case let digit = file.bytes[offset], (0x30...0x39).contains(digit) {
            let (tens, first) = number.multipliedReportingOverflow(by: 10)
            let (sum, second) = tens.addingReportingOverflow(Int(digit & 0xF))
            guard !first, !second else { throw fault("has a number beyond 64 bits", at: start) }
            number = sum
            offset += 1
        }
        let isPlain = offset > start && (file.bytes[start] != 0x30 || offset == start + 1)
        let next = offset < end ? file.bytes[offset] : 0x20
        guard isPlain, !"-+.eE".utf8.contains(next) else { throw fault("has no plain non-negative integer", at: start) }
        return number
    }

    /// Reads a string with JSON's escapes.
    mutating func string() throws(WeightFileError) -> String {
        try expect("\"")
        let start = offset
        var text: [UInt8] = []
        while offset < end {
            let byte = file.bytes[offset]
            offset += 1
            switch byte {
            case 0x22:
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault("has a text that is not UTF-8", at: start)
                }
                return string
            case 0x5C: text.append(contentsOf: try escape().utf8)
            case 0..<0x20: throw fault("has a control character within a text", at: offset - 1)
            default: text.append(byte)
            }
        }
        throw fault("ends within a text", at: start)
    }

    /// Passes over a `null` if there is one.
    mutating func skipNull() -> Bool {
        skipSpace()
        guard file.holds(Array("null".utf8), at: offset), offset + 4 <= end else { return false }
        offset += 4
        return true
    }

    /// Passes over one value of any kind.
    mutating func skipValue() throws(WeightFileError) {
        skipSpace()
        guard offset < end else { throw fault("ends where a value should stand", at: offset) }
        switch file.bytes[offset] {
        case UInt8(ascii: "{"): try object { (json: inout HeaderJSON, _, _) throws(WeightFileError) in try json.skipValue() }
        case UInt8(ascii: "["): try array { (json: inout HeaderJSON) throws(WeightFileError) in try json.skipValue() }
        case UInt8(ascii: "\""): _ = try string()
        default:
            let start = offset
            while offset < end, case let byte = file.bytes[offset], !" \t\r\n,]}".utf8.contains(byte) { offset += 1 }
            let word = String(decoding: file.bytes(in: start..<min(offset, start + 32)), as: UTF8.self)
            guard ["true", "false", "null"].contains(word) || (offset - start < 32 && Double(word) != nil) else {
                throw fault("has '\(word)' where a value should stand", at: start)
            }
        }
    }

    /// Checks that only white space follows.
    mutating func finish() throws(WeightFileError) {
        skipSpace()
        guard offset == end else { throw fault("has more text after the header's closing brace", at: offset) }
    }

    func fault(_ problem: String, at offset: Int) -> WeightFileError {
        .damaged(file.path, at: offset, "\(problem) in its header")
    }

    private mutating func enter(_ bracket: Unicode.Scalar) throws(WeightFileError) {
        try expect(bracket)
        depth += 1
        guard depth <= Self.maximumDepth else { throw fault("nests deeper than \(Self.maximumDepth) levels", at: offset) }
    }

    private mutating func leave() { depth -= 1 }

    private mutating func expect(_ character: Unicode.Scalar) throws(WeightFileError) {
        guard skipIf(character) else { throw fault("lacks a '\(character)'", at: offset) }
    }

    private mutating func skipIf(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard offset < end, file.bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while offset < end, case let byte = file.bytes[offset], byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            offset += 1
        }
    }

    private mutating func escape() throws(WeightFileError) -> String {
        guard offset < end else { throw fault("ends within a text", at: offset) }
        let byte = file.bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(Unicode.Scalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let start = offset
            var units = [try hexadecimal()]
            if UTF16.isLeadSurrogate(units[0]), file.holds(Array("\\u".utf8), at: offset) {
                offset += 2
                units.append(try hexadecimal())
            }
            guard let text = String(validating: units, as: UTF16.self) else { throw fault("has half a character", at: start) }
            return text
        default: throw fault("has an unknown escape in a text", at: offset - 1)
        }
    }

    private mutating func hexadecimal() throws(WeightFileError) -> UInt16 {
        guard end - offset >= 4 else { throw fault("ends within a text", at: offset) }
        let digits = String(decoding: file.bytes(in: offset..<offset + 4), as: UTF8.self)
        guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit), let unit = UInt16(digits, radix: 16) else {
            throw fault("has an unknown escape in a text", at: offset)
        }
        offset += 4
        return unit
    }
}
