// A folder's list as bytes: one rank of a host looks through a folder, the others read what it has found where it lies.
internal import Foundation

extension ImageFolder {
    /// The list as bytes, for another process of the same program.
    package func pack(into packer: inout ListPacker) {
        packer.add(root)
        for list in [classes, notes, shards] { packer.add(list) }
        packer.add(lookedInto.count)
        for folder in lookedInto { folder.pack(into: &packer) }
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
        let folders = unpacker.number()
        let lookedInto = (0..<folders).map { _ in LookedInto(from: &unpacker) }
        let paths = PackedTexts(bytes: unpacker.column(), ends: unpacker.column())
        let samples = ImageSamples(
            paths: paths, firstLabels: unpacker.column(), weights: unpacker.column(), places: unpacker.column(),
            allLabels: unpacker.column(), labelEnds: unpacker.column())
        self.init(root: root, classes: lists[0], samples: samples, notes: lists[1], shards: lists[2])
        self.lookedInto = lookedInto
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

/// Reads what a `ListPacker` of the same program has written.
package struct ListUnpacker {
    private let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject?
    private var offset = 0

    /// - Parameters:
    ///   - bytes: begin at a multiple of 16, and must live as long as this.
    ///   - owner: keeps the bytes: columns are then not copied.
    package init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject? = nil) { (self.bytes, self.owner) = (bytes, owner) }

    package mutating func number() -> Int {
        defer { offset += MemoryLayout<Int>.size }
        return bytes.loadUnaligned(fromByteOffset: offset, as: Int.self)
    }

    package mutating func text() -> String {
        let count = number()
        defer { offset += count }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), as: UTF8.self)
    }

    package mutating func texts() -> [String] {
        let count = number()
        return (0..<count).map { _ in text() }
    }

    mutating func column<Element>() -> Column<Element> {
        let count = number()
        offset = (offset + 15) / 16 * 16
        defer { offset += count * MemoryLayout<Element>.stride }
        guard count > 0 else { return Column() }
        let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count * MemoryLayout<Element>.stride])
        return Column(part.bindMemory(to: Element.self), owner: owner)
    }
}
