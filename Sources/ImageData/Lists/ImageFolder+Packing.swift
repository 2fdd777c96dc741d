// A folder's list as bytes: one rank of a host looks through a folder, the others read what it has found where it lies.
internal import Foundation

extension ImageFolder {
    /// The list as bytes, for another process of the same program.
    package func pack(into packer: inout ListPacker) {
        packer.add(root)
        for list in [classes, notes, shards] { packer.add(list) }
        packer.add(lookedInto.count)
        for folder in lookedInto { folder.pack(into: &packer) }
        packer.add(foreignKinds == nil ? 0 : 1)
        packer.add(Column(foreignKinds.map { Array($0.keys) } ?? []))
        packer.add(foreignKinds.map { Array($0.values) } ?? [])
        packer.add(samples.paths.bytes)
        packer.add(samples.paths.ends)
        packer.add(samples.firstLabels)
        packer.add(samples.weights)
        packer.add(samples.places)
        packer.add(samples.allLabels)
        packer.add(samples.labelEnds)
    }

    /// What `pack` has written. Its samples stay where they are if the unpacker knows who keeps them.
    package init(from unpacker: inout ListUnpacker) {
        let root = unpacker.text()
        let lists = (0..<3).map { _ in unpacker.texts() }
        let lookedInto = (0..<unpacker.count()).map { _ in LookedInto(from: &unpacker) }
        let isLookedInto = unpacker.number() == 1
        let foreign: (places: Column<ShardPlace>, kinds: [String]) = (unpacker.column(), unpacker.texts())
        let paths = PackedTexts(bytes: unpacker.column(), ends: unpacker.column())
        let samples = ImageSamples(
            paths: paths, firstLabels: unpacker.column(), weights: unpacker.column(), places: unpacker.column(),
            allLabels: unpacker.column(), labelEnds: unpacker.column())
        self.init(root: root, classes: lists[0], samples: samples, notes: lists[1], shards: lists[2])
        self.lookedInto = lookedInto
        if isLookedInto { foreignKinds = foreign.places.withBuffer { Dictionary(zip($0, foreign.kinds)) { first, _ in first } } }
    }
}

/// Numbers, texts and columns, one behind the other; each begins at a multiple of 16 bytes or of its own size.
package struct ListPacker {
    /// Bytes so far.
    package private(set) var count = 0
    private let target: UnsafeMutableRawPointer?

    /// - Parameter target: where to write, with room for all; nil only counts.
    package init(into target: UnsafeMutableRawPointer?) { self.target = target }

    package mutating func add(_ number: Int) {
        withUnsafeBytes(of: number) { add(bytes: $0) }
    }

    package mutating func add(_ text: String) {
        var text = text
        add(text.utf8.count)
        text.withUTF8 { add(bytes: UnsafeRawBufferPointer($0)) }
    }

    package mutating func add(_ texts: [String]) {
        add(texts.count)
        for text in texts { add(text) }
    }

    mutating func add<Element>(_ column: Column<Element>) {
        add(column.count)
        count = (count + 15) / 16 * 16
        column.withBuffer { add(bytes: UnsafeRawBufferPointer($0)) }
    }

    private mutating func add(bytes: UnsafeRawBufferPointer) {
        if let target, let source = bytes.baseAddress { (target + count).copyMemory(from: source, byteCount: bytes.count) }
        count += bytes.count
    }
}

/// Reads what a `ListPacker` of the same program has written. Of bytes that are something else it makes something, within them.
package struct ListUnpacker {
    private let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject?
    private var offset = 0
    /// False once the bytes were at their end too early: zeros and nothing are read from there on.
    package private(set) var isWhole = true

    /// - Parameters:
    ///   - bytes: begin at a multiple of 16, and must live as long as this.
    ///   - owner: keeps the bytes: columns are then not copied.
    package init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject? = nil) { (self.bytes, self.owner) = (bytes, owner) }

    package mutating func number() -> Int {
        let part = take(1, of: MemoryLayout<Int>.size)
        return part.isEmpty ? 0 : part.loadUnaligned(as: Int.self)
    }

    /// How many of something follow, each of a byte or more.
    package mutating func count() -> Int {
        let count = number()
        if (0...bytes.count - offset).contains(count) { return count }
        isWhole = false
        return 0
    }

    package mutating func text() -> String { String(decoding: take(number(), of: 1), as: UTF8.self) }

    package mutating func texts() -> [String] { (0..<count()).map { _ in text() } }

    mutating func column<Element>() -> Column<Element> {
        let count = number()
        offset = min((offset + 15) / 16 * 16, bytes.count)
        let part = take(count, of: MemoryLayout<Element>.stride)
        return part.isEmpty ? Column() : Column(part.bindMemory(to: Element.self), owner: owner)
    }

    private mutating func take(_ count: Int, of size: Int) -> UnsafeRawBufferPointer {
        guard isWhole, count >= 0, count <= (bytes.count - offset) / size else {
            isWhole = false
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        defer { offset += count * size }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count * size])
    }
}
