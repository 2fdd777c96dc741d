// Attributes of HDF5 objects that are text or lists of text: Keras keeps the order of layers and weights in them.
import Files
import Tensors

extension HDF5File {
    /// The texts of every attribute of the object at `address` that is a text (one element) or a list of texts, by name.
    ///
    /// Attributes of other kinds are left out. The bytes of all texts together are bounded by the file's size.
    mutating func texts(at address: Int) throws(WeightFileError) -> [String: [String]] {
        var texts: [String: [String]] = [:]
        var budget = range.count
        for message in try messages(at: address) where message.type == 0xC {
            if let (name, list) = try attribute(message.body, &budget) { texts[name] = list }
        }
        return texts
    }

    /// An attribute message (IV.A.2.m): name, datatype, dataspace, data; padded to 8 bytes each in version 1.
    private mutating func attribute(
        _ body: Range<Int>, _ budget: inout Int
    ) throws(WeightFileError) -> (name: String, texts: [String])? {
        var cursor = ByteCursor(file, in: body)
        let version = try cursor.integer(UInt8.self, "an attribute")
        let flags = try cursor.integer(UInt8.self, "an attribute")
        guard (1...3).contains(version) else { throw fault("has an unknown kind of attribute", body.lowerBound) }
        var sizes: [Int] = []
        for _ in 0..<3 { sizes.append(Int(try cursor.integer(UInt16.self, "an attribute"))) }
        if version == 3 { _ = try cursor.skip(1, "an attribute") }
        let parts = version == 1 ? sizes.map { ($0 + 7) / 8 * 8 } : sizes
        let nameRange = try cursor.skip(parts[0], "an attribute's name")
        let type = try cursor.skip(parts[1], "an attribute's type")
        let space = try cursor.skip(parts[2], "an attribute's shape")
        // Types and shapes that are kept elsewhere and shared are not what Keras writes.
        guard flags & 3 == 0, let extents = try extents(space),
            let name = String(validating: file.bytes(in: nameRange).prefix { $0 != 0 }, as: UTF8.self),
            let count = StoredTensor.checkedCount(extents, elementBytes: 1)
        else { return nil }
        var kind = ByteCursor(file, in: type)
        let typeClass = try kind.integer(UInt8.self, "an attribute's type") & 0xF
        let bits = try kind.integer(UInt8.self, "an attribute's type") & 0xF
        _ = try kind.skip(2, "an attribute's type")
        let size = Int(try kind.integer(UInt32.self, "an attribute's type"))
        var texts: [String] = []
        switch (typeClass, bits) {
        case (3, _) where size > 0 && count <= cursor.remaining / size:
            for _ in 0..<count { texts.append(decode(try cursor.skip(size, "an attribute"))) }
        case (9, 1) where size == 16 && count <= cursor.remaining / size:
            for _ in 0..<count {
                let length = Int(try cursor.integer(UInt32.self, "a text"))
                budget -= length
                guard budget >= 0 else { throw fault("has more text in its attributes than bytes", body.lowerBound) }
                texts.append(try variableText(&cursor, length))
            }
        default: return nil
        }
        return (name, texts)
    }

    /// A text that is kept in a global heap (III.E): the cursor stands at its collection's address and its number there.
    private mutating func variableText(_ cursor: inout ByteCursor, _ length: Int) throws(WeightFileError) -> String {
        let start = try address(&cursor)
        let number = try cursor.integer(UInt32.self, "a text")
        if length == 0 { return "" }
        guard let object = try heap(at: start)[number], length <= object.count else {
            throw fault("lacks a text that an attribute refers to", range.lowerBound + start)
        }
        return decode(object.lowerBound..<object.lowerBound + length)
    }

    /// The objects of the global heap at `address`, by number.
    private mutating func heap(at address: Int) throws(WeightFileError) -> [UInt32: Range<Int>] {
        if let known = heaps[address] { return known }
        var header = cursor(at: address)
        guard file.holds(Array("GCOL".utf8), at: try header.skip(8, "a heap of texts").lowerBound) else {
            throw fault("has no heap of texts where one should be", range.lowerBound + address)
        }
        let size = try header.length("a heap of texts")
        guard size >= 16, size - 16 <= header.remaining else {
            throw fault("has a heap of texts beyond its end", range.lowerBound + address)
        }
        var objects: [UInt32: Range<Int>] = [:]
        var cursor = ByteCursor(file, in: header.offset..<range.lowerBound + address + size)
        while cursor.remaining >= 16 {
            try step(cursor.offset)
            let number = try cursor.integer(UInt16.self, "a heap of texts")
            _ = try cursor.skip(6, "a heap of texts")
            let count = try cursor.length("a heap of texts")
            // Number 0 is the room that is left.
            if number == 0 { break }
            objects[UInt32(number)] = try cursor.skip(count, "a text")
            _ = try cursor.skip(min(cursor.remaining, (8 - count % 8) % 8), "a heap of texts")
        }
        heaps[address] = objects
        return objects
    }

    /// A text, which may be filled up with zeros or spaces.
    private func decode(_ range: Range<Int>) -> String {
        let text = file.bytes(in: range).prefix { $0 != 0 }
        let end = text.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? text.startIndex
        return String(decoding: text[..<end], as: UTF8.self)
    }
}
