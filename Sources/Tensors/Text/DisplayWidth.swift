// How many columns of a terminal a text fills: tables and bars count these, not bytes and not characters.

extension String {
    /// The columns that the text fills: none for what has no width, two for East Asian and emoji characters, one for others.
    package var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

    /// The text with spaces behind it, up to so many columns; a longer one stays.
    package func padded(to columns: Int) -> String { self + String(repeating: " ", count: max(0, columns - displayWidth)) }

    /// The text with spaces before it, up to so many columns.
    package func paddedBefore(to columns: Int) -> String { String(repeating: " ", count: max(0, columns - displayWidth)) + self }

    /// The text, or its beginning, an ellipsis and its end, in at most so many columns: long names often differ in their ends.
    package func fitted(to columns: Int) -> String {
        guard displayWidth > columns else { return self }
        guard columns > 0 else { return "" }
        let end = Self.taken(reversed(), within: (columns - 1) / 3)
        let start = Self.taken(Array(self), within: columns - 1 - end.reduce(0) { $0 + $1.displayWidth })
        return String(start) + "…" + String(end.reversed())
    }

    private static func taken(_ characters: [Character], within columns: Int) -> [Character] {
        var width = 0
        return Array(
            characters.prefix { character in
                width += character.displayWidth
                return width <= columns
            })
    }
}

extension Character {
    /// A letter with its marks is one character, and so is an emoji of several: the first part decides.
    fileprivate var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if first.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return 2 }
        if Self.wide.contains(where: { $0.contains(first.value) }) { return 2 }
        switch first.properties.generalCategory {
        case .control, .format, .nonspacingMark, .enclosingMark: return 0
        default: return 1
        }
    }

    /// The blocks that Unicode's East Asian Width (UAX 11) has as wide.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
        0x20000...0x3FFFD,
    ]
}
