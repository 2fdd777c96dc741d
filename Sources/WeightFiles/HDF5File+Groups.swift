// The tree of an HDF5 file: groups and datasets by path.
import Files
import Tensors

/// What an HDF5 file holds, by path.
struct HDF5Tree {
    /// A dataset, in one piece or in chunks.
    struct Dataset {
        let path: String
        /// nil for types that Graft does not read.
        let elementType: ElementType?
        let extents: [Int]
        /// Where its elements lie in the file; nil when they are chunked, packed in an unknown way or missing.
        let bytes: Range<Int>?
        /// How its elements are packed, if they are in a known way.
        let chunks: HDF5Chunks?
        /// Where its header stands, for messages.
        let place: Int
    }

    /// In the order of the file's tables, which is by name.
    var datasets: [Dataset] = []
    /// The addresses of the groups' headers, by path; the root's is "".
    var groups: [String: Int] = [:]
}

extension HDF5File {
    /// The longest name of a link, and the longest path, in bytes: names can be shared, so their number times length must be bounded.
    private static let maximumName = 256
    private static let maximumPath = 1024

    /// Walks over all groups. Each structure is visited once: links in a circle, or a thousand tables on one page, are refused.
    mutating func tree() throws(WeightFileError) -> HDF5Tree {
        var tree = HDF5Tree()
        var visited: Set<Int> = []
        var pending: [(path: String, address: Int)] = [("", rootAddress)]
        while let (path, address) = pending.popLast() {
            let messages = try messages(at: address)
            if let table = messages.first(where: { $0.type == 0x11 }) {
                guard visited.insert(address).inserted else {
                    throw fault("has the group '\(path)' twice", range.lowerBound + address)
                }
                tree.groups[path] = address
                let links = try links(table.body, &visited)
                for (name, target) in links.reversed() {
                    let full = path.isEmpty ? name : "\(path)/\(name)"
                    guard full.utf8.count <= Self.maximumPath else {
                        throw fault("nests its groups too deep", range.lowerBound + target)
                    }
                    pending.append((full, target))
                }
            } else if let space = messages.first(where: { $0.type == 1 }), let layout = messages.first(where: { $0.type == 8 }) {
                // A dataset linked twice is two tensors on the same bytes elsewhere; no weight file has that.
                guard visited.insert(address).inserted else {
                    throw fault("has the dataset '\(path)' twice", range.lowerBound + address)
                }
                guard let type = messages.first(where: { $0.type == 3 }) else {
                    throw fault("has the dataset '\(path)' without a type", range.lowerBound + address)
                }
                let pipeline = messages.first { $0.type == 0xB }?.body
                tree.datasets.append(try dataset(path, address, type.body, space.body, layout.body, pipeline))
            } else if messages.contains(where: { $0.type == 2 || $0.type == 6 }) {
                throw newest(range.lowerBound + address)
            }
        }
        return tree
    }

    private func dataset(
        _ path: String, _ address: Int, _ type: Range<Int>, _ space: Range<Int>, _ layout: Range<Int>,
        _ pipeline: Range<Int>?
    ) throws(WeightFileError) -> HDF5Tree.Dataset {
        let elementType = try elementType(type)
        let extents = try extents(space) ?? [0]
        let place = range.lowerBound + address
        guard let count = StoredTensor.checkedCount(extents, elementBytes: elementType?.byteCount ?? 1) else {
            throw fault("gives the dataset '\(path)' an impossible shape", place)
        }
        let needed = count * (elementType?.byteCount ?? 1)
        let bytes = needed == 0 ? place..<place : try storage(layout, needed, path)
        let chunks = bytes == nil ? try chunks(layout, pipeline, rank: extents.count) : nil
        return HDF5Tree.Dataset(
            path: path, elementType: elementType, extents: extents, bytes: bytes, chunks: chunks, place: place)
    }

    /// Where the bytes of a dataset lie (data layout message, IV.A.2.i); nil when not in one piece.
    private func storage(_ body: Range<Int>, _ needed: Int, _ path: String) throws(WeightFileError) -> Range<Int>? {
        var cursor = ByteCursor(file, in: body)
        let version = try cursor.integer(UInt8.self, "a data layout")
        let kind = try cursor.integer(UInt8.self, "a data layout")
        guard version == 3 || version == 4, kind <= 1 else { return nil }
        let found: Range<Int>
        if kind == 0 {
            found = try cursor.skip(Int(try cursor.integer(UInt16.self, "a data layout")), "the dataset '\(path)'")
        } else {
            let place = cursor.offset
            // All ones: never written.
            if try cursor.integer(UInt64.self, "a data layout") == .max { return nil }
            cursor = ByteCursor(file, in: place..<body.upperBound)
            let start = try address(&cursor)
            var data = self.cursor(at: start)
            found = try data.skip(try cursor.length("a data layout"), "the dataset '\(path)'")
        }
        guard found.count >= needed else {
            throw fault("has \(found.count) bytes for the dataset '\(path)', where \(needed) are needed", body.lowerBound)
        }
        return found.lowerBound..<found.lowerBound + needed
    }

    /// The names and targets of a group, by its symbol table message (IV.A.2.r).
    private mutating func links(_ table: Range<Int>, _ visited: inout Set<Int>) throws(WeightFileError) -> [(
        name: String, target: Int
    )] {
        var cursor = ByteCursor(file, in: table)
        let tree = try address(&cursor)
        let names = try heap(at: try address(&cursor))
        var links: [(name: String, target: Int)] = []
        var pending = [tree]
        while let address = pending.popLast() {
            guard visited.insert(address).inserted else {
                throw fault("has a table of a group twice", range.lowerBound + address)
            }
            var node = self.cursor(at: address)
            let signature = try node.skip(4, "a table of a group").lowerBound
            if file.holds(Array("TREE".utf8), at: signature) {
                // B-tree of version 1 (III.A.1): children lie between keys.
                guard try node.integer(UInt8.self, "a B-tree") == 0 else { throw fault("has a wrong kind of B-tree", signature) }
                _ = try node.skip(1, "a B-tree")
                let count = Int(try node.integer(UInt16.self, "a B-tree"))
                _ = try node.skip(16, "a B-tree")
                var children: [Int] = []
                for _ in 0..<count {
                    try step(node.offset)
                    _ = try node.skip(8, "a B-tree")
                    children.append(try self.address(&node))
                }
                pending.append(contentsOf: children.reversed())
            } else if file.holds(Array("SNOD".utf8), at: signature) {
                try readSymbols(&node, names, &links)
            } else {
                throw fault("has no table of a group where one should be", signature)
            }
        }
        return links
    }

    /// A symbol table node (III.B): pairs of name and object header.
    private mutating func readSymbols(
        _ node: inout ByteCursor, _ names: Range<Int>, _ links: inout [(name: String, target: Int)]
    ) throws(WeightFileError) {
        _ = try node.skip(2, "a symbol table")
        for _ in 0..<(try node.integer(UInt16.self, "a symbol table")) {
            let place = node.offset
            try step(place)
            let nameOffset = try node.length("a name's place")
            let target = try address(&node)
            let kind = try node.integer(UInt32.self, "a symbol table")
            _ = try node.skip(20, "a symbol table")
            // 2: a symbolic link, which has no header of its own.
            if kind == 2 { continue }
            guard nameOffset < names.count else { throw fault("has a name beyond its table of names", place) }
            let tail = file.bytes(in: names.lowerBound + nameOffset..<names.upperBound).prefix(Self.maximumName)
            guard let end = tail.firstIndex(of: 0), let name = String(validating: tail[..<end], as: UTF8.self), !name.isEmpty
            else {
                throw fault("has a name without end, or that is not UTF-8 text", names.lowerBound + nameOffset)
            }
            links.append((name, target))
        }
    }

    /// The bytes of a local heap (III.D), where names lie.
    private func heap(at address: Int) throws(WeightFileError) -> Range<Int> {
        var cursor = cursor(at: address)
        guard file.holds(Array("HEAP".utf8), at: try cursor.skip(8, "a table of names").lowerBound) else {
            throw fault("has no table of names where one should be", range.lowerBound + address)
        }
        let size = try cursor.length("a table of names")
        _ = try cursor.skip(8, "a table of names")
        var data = self.cursor(at: try self.address(&cursor))
        return try data.skip(size, "a table of names")
    }
}
