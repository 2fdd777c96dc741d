// An archive's index as bytes: remembered beside the caches, or in the archive itself, whose last file it then is.
import Files
internal import Foundation

extension ShardIndex {
    /// The index of an archive: its own if it has one, else the one remembered in `folder` if the archive has not changed since, else found
    /// and remembered.
    ///
    /// - Parameter folder: made if it is not there; where it cannot be written, nothing is remembered.
    static func of(_ path: String, rememberedIn folder: String) throws(ShardError) -> ShardIndex {
        let reader = try TarReader(path: path)
        if let own = ShardIndex(writtenInto: reader) { return own }
        var checksum = Checksum()
        checksum.update(URL(fileURLWithPath: path).standardizedFileURL.path)
        let memory = "\(folder)/\(checksum.hexadecimal).index"
        let state = [reader.size, reader.changed]
        if let known = ShardIndex(remembered: memory, state: state, archiveSize: reader.size) { return known }
        let index = try ShardIndex(walking: reader, path: path).sortedByName()
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let bytes = index.bytes
        try? AtomicFile.write(bytes + Mark(of: bytes, numbers: state).bytes, to: memory, isLasting: false)
        return index
    }

    /// Nil where nothing is remembered, something else, or something damaged.
    private init?(remembered memory: String, state: [Int], archiveSize: Int) {
        guard let data = FileManager.default.contents(atPath: memory), data.count >= Mark.byteCount else { return nil }
        let bytes = [UInt8](data.dropLast(Mark.byteCount))
        guard Mark(Array(data.suffix(Mark.byteCount))) == Mark(of: bytes, numbers: state) else { return nil }
        self.init(bytes, archiveSize: archiveSize)
    }

    // MARK: In the archive

    /// Programs that unpack archives leave a hidden file; those that read WebDatasets look for samples, whose names begin before the dot.
    static let fileName = ".graft-index"
    /// The most bytes of an index: 16 million photographs.
    private static let mostBytes = 1 << 30

    /// What the last file of an archive holds, for its content to begin at a byte of the archive. It ends where the archive's end mark begins.
    func file(at offset: Int) -> [UInt8] {
        let bytes = bytes
        let filling = (TarReader.blockSize - (bytes.count + Mark.byteCount) % TarReader.blockSize) % TarReader.blockSize
        return bytes + [UInt8](repeating: 0, count: filling) + Mark(of: bytes, numbers: [offset, bytes.count]).bytes
    }

    /// The index that `graft pack` wrote. Nil where there is none, and where it does not end the archive or has another place in it than
    /// when it was written: programs that add, replace and remove files know nothing of it.
    private init?(writtenInto reader: TarReader) {
        let end = reader.size - 2 * TarReader.blockSize
        guard end > Mark.byteCount, let last = try? reader.bytes(end - Mark.byteCount, Mark.byteCount), let mark = Mark(last)
        else { return nil }
        let (offset, count) = (mark.numbers[0], mark.numbers[1])
        guard offset > 0, offset < end, count > 0, count <= min(end - offset - Mark.byteCount, Self.mostBytes),
            end - offset - Mark.byteCount - count < TarReader.blockSize,
            let bytes = try? reader.bytes(offset, count), mark == Mark(of: bytes, numbers: mark.numbers)
        else { return nil }
        self.init(bytes, archiveSize: offset)
    }

    // MARK: Bytes

    var bytes: [UInt8] {
        func write(_ packer: inout ListPacker) {
            packer.add(names.bytes)
            packer.add(names.ends)
            packer.add(offsets)
            packer.add(sizes)
            packer.add(rareStarts.count)
            for start in rareStarts {
                packer.add(start.sample)
                packer.add(Column(start.bytes))
            }
            for kind in labels {
                packer.add(kind.texts)
                packer.add(kind.numbers)
            }
        }
        var counter = ListPacker(into: nil)
        write(&counter)
        return [UInt8](unsafeUninitializedCapacity: counter.count) { buffer, count in
            buffer.update(repeating: 0)
            var packer = ListPacker(into: UnsafeMutableRawPointer(buffer.baseAddress))
            write(&packer)
            count = packer.count
        }
    }

    /// Nil for what no index of such an archive can be: files come from anywhere.
    init?(_ bytes: [UInt8], archiveSize: Int) {
        let found = bytes.withUnsafeBytes { bytes -> ShardIndex? in
            var unpacker = ListUnpacker(bytes)
            let names = PackedTexts(bytes: unpacker.column(), ends: unpacker.column())
            let (offsets, sizes): (Column<Int>, Column<Int>) = (unpacker.column(), unpacker.column())
            let rareStarts = (0..<unpacker.count()).map { _ in
                RareStart(sample: unpacker.number(), bytes: (unpacker.column() as Column<UInt8>).withBuffer { Array($0) })
            }
            let labels = LabelKind.allCases.map { _ in Labels(texts: unpacker.texts(), numbers: unpacker.column()) }
            guard unpacker.isWhole, names.isWhole else { return nil }
            let count = names.count
            guard offsets.count == count, sizes.count == count, labels.allSatisfy({ $0.numbers.count == count }),
                rareStarts.allSatisfy({ (0..<count).contains($0.sample) })
            else { return nil }
            for sample in 0..<count {
                guard sizes[sample] >= 0, offsets[sample] >= 0, offsets[sample] <= archiveSize,
                    sizes[sample] <= archiveSize - offsets[sample]
                else { return nil }
                for kind in labels where kind.numbers[sample] < -1 || Int(kind.numbers[sample]) >= kind.texts.count { return nil }
            }
            return ShardIndex(names: names, offsets: offsets, sizes: sizes, rareStarts: rareStarts, labels: labels)
        }
        guard let found else { return nil }
        self = found
    }
}

/// The end of an index: what it is, two numbers, and the checksum of the bytes before it.
private struct Mark: Equatable {
    static let byteCount = 40
    private static let magic: [UInt8] = Array("graft index 2\n\0\0".utf8)

    let numbers: [Int]
    private let checksum: UInt64

    init(of bytes: [UInt8], numbers: [Int]) {
        var checksum = Checksum()
        bytes.withUnsafeBytes { checksum.update($0) }
        (self.numbers, self.checksum) = (numbers, checksum.value)
    }

    /// Nil for anything else.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount, bytes.starts(with: Self.magic) else { return nil }
        let words = bytes.withUnsafeBytes { bytes in
            [16, 24, 32].map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
        }
        (numbers, checksum) = (words.prefix(2).map { Int(truncatingIfNeeded: $0) }, words[2])
    }

    var bytes: [UInt8] {
        let words = numbers.map { UInt64(truncatingIfNeeded: $0) } + [checksum]
        return Self.magic + words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }
}
