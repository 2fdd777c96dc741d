// How numbers and texts are written into files.

extension UnsignedInteger {
    /// The number in hexadecimal, with zeros in front up to so many digits.
    package func hexadecimal(digits: Int) -> String {
        let text = String(self, radix: 16)
        return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
    }
}

extension SignedInteger {
    /// The number, not negative, with zeros in front up to so many digits.
    package func padded(to digits: Int, radix: Int = 10) -> String {
        let text = String(self, radix: radix)
        return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
    }
}

extension String {
    /// The text as a field of a CSV has it (RFC 4180): in quotation marks where it needs them.
    package var quotedAsCSV: String {
        guard utf8.contains(where: { [UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13].contains($0) }) else { return self }
        return "\"" + replacing("\"", with: "\"\"") + "\""
    }

    /// The text as JSON has it, with its quotation marks.
    package var quotedAsJSON: String {
        var result = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<"\u{20}": result += "\\u" + scalar.value.hexadecimal(digits: 4)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
