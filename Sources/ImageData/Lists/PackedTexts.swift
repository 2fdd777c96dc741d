// Texts one behind the other in one stretch of memory: a million paths as strings take three times theirs.
internal import Foundation

/// A list of texts that takes their bytes and eight more for each.
package struct PackedTexts: RandomAccessCollection, ExpressibleByArrayLiteral, Hashable, Sendable {
    private(set) var bytes: Column<UInt8>
    /// Where each ends.
    private(set) var ends: Column<Int>

    package init() { (bytes, ends) = (Column(), Column()) }

    init(bytes: Column<UInt8>, ends: Column<Int>) { (self.bytes, self.ends) = (bytes, ends) }

    package init(_ texts: some Sequence<String>) {
        self.init()
        for text in texts { append(text) }
    }

    package init(arrayLiteral elements: String...) { self.init(elements) }

    package var startIndex: Int { 0 }
    package var endIndex: Int { ends.count }

    package subscript(index: Int) -> String { withBytes(of: index) { String(decoding: $0, as: UTF8.self) } }

    /// The bytes of a text where they lie.
    package func withBytes<Result>(of index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let range = (index == 0 ? 0 : ends[index - 1])..<ends[index]
        return bytes.withBuffer { body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[range]))) }
    }

    package mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        ends.append(bytes.count)
    }

    mutating func append(_ text: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: text)
        ends.append(bytes.count)
    }

    mutating func append(contentsOf others: PackedTexts) {
        let start = bytes.count
        others.bytes.withBuffer { bytes.append(contentsOf: $0) }
        others.ends.withBuffer { ends.append(contentsOf: $0.lazy.map { start + $0 }) }
    }

    /// Some of the texts, in this order.
    func picked(_ wanted: some Collection<Int>) -> PackedTexts {
        var part = PackedTexts()
        // Measured first: an array that grows holds its bytes twice for a while.
        part.reserve(wanted.count, byteCount: wanted.reduce(0) { $0 + withBytes(of: $1) { $0.count } })
        for index in wanted { withBytes(of: index) { part.append($0) } }
        return part
    }

    /// Whether every text lies within the bytes, which files may say otherwise.
    var isWhole: Bool {
        ends.withBuffer { ends in
            zip([0] + ends, ends).allSatisfy { $0 <= $1 } && (ends.last ?? 0) == bytes.count
        }
    }

    /// Room for so many texts of so many bytes together.
    package mutating func reserve(_ count: Int, byteCount: Int) {
        bytes.reserve(byteCount)
        ends.reserve(count)
    }

    /// Negative where the first stands before the second by its bytes, 0 where they are the same.
    package func order(_ first: Int, _ second: Int) -> Int {
        withBytes(of: first) { first in withBytes(of: second) { Self.order(first, $0) } }
    }

    private static func order(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        let count = Swift.min(first.count, second.count)
        if count > 0, let left = first.baseAddress, let right = second.baseAddress {
            let order = memcmp(left, right, count)
            if order != 0 { return Int(order) }
        }
        return first.count - second.count
    }

    /// The indices in the order of the texts' bytes, equal ones in theirs.
    package func sortedIndices() -> [Int32] {
        var indices = Array(0..<Int32(count))
        let descents = indices.indices.dropFirst().count { order($0 - 1, $0) > 0 }
        // Swift's sort merges what is in order already, such as the lists of archives.
        if descents > count / 64 {
            sort(&indices, indices.indices, from: 0)
        } else if descents > 0 {
            sortByComparing(&indices, indices.indices)
        }
        return indices
    }

    /// Sorts texts whose first `depth` bytes are the same by eight bytes at a time: to compare two whole texts would fetch both from memory, some
    /// twenty times for each of a million.
    private func sort(_ indices: inout [Int32], _ range: Range<Int>, from depth: Int) {
        guard range.count > 16 else { return sortByComparing(&indices, range) }
        var keys = indices[range].map { index in
            withBytes(of: Int(index)) { (key: Self.key($0, at: depth), index: index, goesOn: $0.count > depth + 8) }
        }
        keys.sort { ($0.key, $0.index) < ($1.key, $1.index) }
        for (place, key) in zip(range, keys) { indices[place] = key.index }
        var start = 0
        while start < keys.count {
            var (end, goOn) = (start, true)
            while end < keys.count, keys[end].key == keys[start].key {
                goOn = goOn && keys[end].goesOn
                end += 1
            }
            let same = range.lowerBound + start..<range.lowerBound + end
            // Of texts that end here only a comparison knows whether others have more.
            if goOn { sort(&indices, same, from: depth + 8) } else { sortByComparing(&indices, same) }
            start = end
        }
    }

    private func sortByComparing(_ indices: inout [Int32], _ range: Range<Int>) {
        guard range.count > 1 else { return }
        indices[range].sort {
            let order = order(Int($0), Int($1))
            return order != 0 ? order < 0 : $0 < $1
        }
    }

    /// Eight bytes as a number that orders as they do; zeros stand for those that a text lacks.
    private static func key(_ text: UnsafeRawBufferPointer, at depth: Int) -> UInt64 {
        if text.count >= depth + 8 { return UInt64(bigEndian: text.loadUnaligned(fromByteOffset: depth, as: UInt64.self)) }
        return (depth..<depth + 8).reduce(0) { $0 << 8 | ($1 < text.count ? UInt64(text[$1]) : 0) }
    }

    package static func == (first: Self, second: Self) -> Bool { first.elementsEqual(second) }

    package func hash(into hasher: inout Hasher) { hasher.combine(count) }
}
