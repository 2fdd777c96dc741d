// Datasets in chunks, plain or compressed with gzip: not what Keras writes, but what h5py, h5repack and other tools make of its files.
import CZlib
import Files
import Tensors

/// How the elements of a dataset are cut into chunks and packed.
struct HDF5Chunks {
    /// What is done to each chunk on writing, in this order (IV.A.2.l).
    enum Filter { case shuffle, deflate, checksum }

    /// Where the table of the chunks stands; nil when nothing was ever written.
    let table: Int?
    let extents: [Int]
    let elementBytes: Int
    let filters: [Filter]

    var bytes: Int { extents.reduce(elementBytes, *) }
}

/// One chunk, as the table has it.
private struct StoredChunk {
    /// The index of its first element along each axis.
    let origin: [Int]
    /// Filters that were left out, by bit.
    let mask: UInt32
    let bytes: Range<Int>
}

extension HDF5File {
    /// The chunks of a dataset (data layout message of version 3, IV.A.2.i); nil where it has another layout or unknown filters.
    func chunks(_ layout: Range<Int>, _ pipeline: Range<Int>?, rank: Int) throws(WeightFileError) -> HDF5Chunks? {
        var cursor = ByteCursor(file, in: layout)
        let version = try cursor.integer(UInt8.self, "a data layout")
        let kind = try cursor.integer(UInt8.self, "a data layout")
        guard version == 3, kind == 2, let filters = try filters(pipeline) else { return nil }
        guard Int(try cursor.integer(UInt8.self, "a data layout")) == rank + 1 else {
            throw fault("has chunks of another rank than their dataset", layout.lowerBound)
        }
        let place = cursor.offset
        var table: Int?
        if try cursor.integer(UInt64.self, "a data layout") != .max {
            cursor = ByteCursor(file, in: place..<layout.upperBound)
            table = try address(&cursor)
        }
        var extents: [Int] = []
        for _ in 0...rank { extents.append(Int(try cursor.integer(UInt32.self, "a chunk's extent"))) }
        guard !extents.contains(0), StoredTensor.checkedCount(extents, elementBytes: 1) != nil else {
            throw fault("has chunks of impossible shape", layout.lowerBound)
        }
        return HDF5Chunks(table: table, extents: extents.dropLast(), elementBytes: extents[rank], filters: filters)
    }

    /// The filters of a pipeline message (IV.A.2.l); nil where one is unknown.
    private func filters(_ body: Range<Int>?) throws(WeightFileError) -> [HDF5Chunks.Filter]? {
        guard let body else { return [] }
        var cursor = ByteCursor(file, in: body)
        let version = try cursor.integer(UInt8.self, "a list of filters")
        let count = try cursor.integer(UInt8.self, "a list of filters")
        guard version == 1 || version == 2, count <= 32 else { throw fault("has an unknown list of filters", body.lowerBound) }
        if version == 1 { _ = try cursor.skip(6, "a list of filters") }
        var filters: [HDF5Chunks.Filter] = []
        for _ in 0..<count {
            let identifier = try cursor.integer(UInt16.self, "a filter")
            let nameBytes = version == 1 || identifier >= 256 ? Int(try cursor.integer(UInt16.self, "a filter")) : 0
            _ = try cursor.skip(2, "a filter")
            let values = Int(try cursor.integer(UInt16.self, "a filter"))
            _ = try cursor.skip(version == 1 ? (nameBytes + 7) / 8 * 8 : nameBytes, "a filter's name")
            _ = try cursor.skip(4 * (version == 1 ? values + values % 2 : values), "a filter's values")
            switch identifier {
            case 1: filters.append(.deflate)
            case 2: filters.append(.shuffle)
            case 3: filters.append(.checksum)
            default: return nil
            }
        }
        return filters
    }

    /// Reads all chunks of a dataset of this shape into one piece of memory, which is at most 64 times the file's size for all datasets
    /// together.
    mutating func unpack(
        _ chunks: HDF5Chunks, extents: [Int], path: String, place: Int
    ) throws(WeightFileError) -> DecodedBytes {
        let needed = extents.reduce(chunks.elementBytes, *)
        guard max(needed, chunks.bytes) <= unpackable else {
            throw fault("unpacks to more than 64 times its size at the dataset '\(path)'", place)
        }
        unpackable -= needed
        let counts = zip(extents, chunks.extents).map { ($0 + $1 - 1) / $1 }
        let stored = try storedChunks(chunks, rank: extents.count)
        var seen: Set<[Int]> = []
        let target = DecodedBytes(zeros: needed)
        for chunk in stored {
            let fits = zip(chunk.origin, zip(chunks.extents, extents)).allSatisfy { $0 % $1.0 == 0 && $0 < $1.1 }
            guard fits, seen.insert(chunk.origin).inserted else {
                throw fault("has a misplaced chunk of the dataset '\(path)'", chunk.bytes.lowerBound)
            }
            guard let bytes = unpacked(chunk, chunks) else {
                throw fault("has a damaged chunk of the dataset '\(path)'", chunk.bytes.lowerBound)
            }
            scatter(bytes, at: chunk.origin, chunks, extents, into: target)
        }
        guard stored.count == counts.reduce(1, *) else {
            throw fault("has \(stored.count) chunks of the dataset '\(path)', where \(counts.reduce(1, *)) are needed", place)
        }
        return target
    }

    /// The chunks in the order of their B-tree (version 1, III.A.1, node type 1). Together they are no longer than the file.
    private mutating func storedChunks(_ chunks: HDF5Chunks, rank: Int) throws(WeightFileError) -> [StoredChunk] {
        var found: [StoredChunk] = []
        var pending = chunks.table.map { [$0] } ?? []
        var visited: Set<Int> = []
        while let address = pending.popLast() {
            guard visited.insert(address).inserted else {
                throw fault("has a table of chunks twice", range.lowerBound + address)
            }
            var node = cursor(at: address)
            let signature = try node.skip(4, "a table of chunks").lowerBound
            let kind = try node.integer(UInt8.self, "a table of chunks")
            guard file.holds(Array("TREE".utf8), at: signature), kind == 1 else {
                throw fault("has no table of chunks where one should be", signature)
            }
            let level = try node.integer(UInt8.self, "a table of chunks")
            let count = Int(try node.integer(UInt16.self, "a table of chunks"))
            _ = try node.skip(16, "a table of chunks")
            for _ in 0..<count {
                try step(node.offset)
                let place = node.offset
                let size = Int(try node.integer(UInt32.self, "a chunk"))
                let mask = try node.integer(UInt32.self, "a chunk")
                var origin: [Int] = []
                for _ in 0...rank { origin.append(try node.length("a chunk's place")) }
                let child = try self.address(&node)
                guard level == 0 else {
                    pending.append(child)
                    continue
                }
                chunkBytes -= size
                guard chunkBytes >= 0 else { throw fault("has chunks that overlap each other", place) }
                var data = cursor(at: child)
                found.append(StoredChunk(origin: origin.dropLast(), mask: mask, bytes: try data.skip(size, "a chunk")))
            }
        }
        return found
    }

    /// The elements of a chunk; nil when they are not what they should be.
    private func unpacked(_ chunk: StoredChunk, _ chunks: HDF5Chunks) -> [UInt8]? {
        var bytes = Array(file.bytes(in: chunk.bytes))
        for (index, filter) in chunks.filters.enumerated().reversed() where chunk.mask >> UInt32(index) & 1 == 0 {
            switch filter {
            case .checksum:
                guard bytes.count >= 4 else { return nil }
                bytes.removeLast(4)
            case .deflate:
                // A checksum may have been added before.
                guard let inflated = inflated(bytes, atMost: chunks.bytes + 4 * chunks.filters.count) else { return nil }
                bytes = inflated
            case .shuffle: bytes = unshuffled(bytes, elementBytes: chunks.elementBytes)
            }
        }
        return bytes.count == chunks.bytes ? bytes : nil
    }

    /// Copies the part of a chunk that lies within the dataset, one run along the last axis at a time.
    private func scatter(
        _ bytes: [UInt8], at origin: [Int], _ chunks: HDF5Chunks, _ extents: [Int], into target: DecodedBytes
    ) {
        let counts = zip(origin, zip(chunks.extents, extents)).map { min($1.0, $1.1 - $0) }
        let size = chunks.elementBytes
        let run = (counts.last ?? 1) * size
        var position = [Int](repeating: 0, count: max(0, counts.count - 1))
        while true {
            // Row-major indices of the run's first element, in the chunk and in the dataset.
            var (source, destination) = (0, 0)
            for axis in extents.indices {
                let step = axis < position.count ? position[axis] : 0
                source = source * chunks.extents[axis] + step
                destination = destination * extents[axis] + origin[axis] + step
            }
            target.write(bytes[source * size..<source * size + run], at: destination * size)
            var axis = position.count - 1
            while axis >= 0 {
                position[axis] += 1
                if position[axis] < counts[axis] { break }
                position[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}

/// What zlib makes of compressed bytes; nil when they are damaged or give more than `limit` bytes.
private func inflated(_ bytes: [UInt8], atMost limit: Int) -> [UInt8]? {
    var status = Z_OK
    let result = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        var length = uLongf(limit)
        status = uncompress(buffer.baseAddress, &length, bytes, uLong(bytes.count))
        count = status == Z_OK ? Int(length) : 0
    }
    return status == Z_OK ? result : nil
}

/// Undoes HDF5's shuffle, which writes the first bytes of all elements, then the second ones, and so on; bytes left over stay behind.
private func unshuffled(_ bytes: [UInt8], elementBytes: Int) -> [UInt8] {
    var result = bytes
    let count = bytes.count / elementBytes
    for byte in 0..<elementBytes {
        for element in 0..<count { result[element * elementBytes + byte] = bytes[byte * count + element] }
    }
    return result
}
