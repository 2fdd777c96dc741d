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
        let isSorted = indices.indices.dropFirst().allSatisfy { order($0 - 1, $0) <= 0 }
        if !isSorted {
            indices.sort {
                let order = order(Int($0), Int($1))
                return order != 0 ? order < 0 : $0 < $1
            }
        }
        return indices
    }

    package static func == (first: Self, second: Self) -> Bool { first.elementsEqual(second) }

    package func hash(into hasher: inout Hasher) { hasher.combine(count) }
}
