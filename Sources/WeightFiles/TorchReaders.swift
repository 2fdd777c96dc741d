// torch.save's three containers: zip (since 1.6), pickles with storages behind them (since 0.1.10), and tar (before).
import Files
import Tensors

/// Reads the zip container: `NAME/data.pkl` describes, `NAME/data/KEY` are the storages.
enum TorchZipReader {
    static func read(_ file: MappedFile, _ directory: ZipDirectory) throws(WeightFileError) -> WeightFileContents? {
        let pickles = directory.entries.filter { $0.name.hasSuffix("/data.pkl") }
        guard let pickle = pickles.min(by: { $0.name.utf8.count < $1.name.utf8.count }) else { return nil }
        let prefix = String(pickle.name.dropLast("data.pkl".count))
        if directory["\(prefix)constants.pkl"] != nil {
            throw .unsupported(
                file.path, "is a TorchScript program, not a state dict",
                "load it with torch.jit.load and save its state_dict()")
        }
        if let order = directory["\(prefix)byteorder"], file.bytes(in: try directory.stored(order)).elementsEqual("big".utf8) {
            throw .unsupported(
                file.path, at: order.range.lowerBound, "was saved big-endian", "save it on a little-endian machine")
        }
        var machine = PickleMachine(ByteCursor(file, in: try directory.stored(pickle)))
        machine.persistentObjects = .storages
        let root = try machine.load()
        var blocks: [String: Range<Int>] = [:]
        for storage in machine.heap.storages where blocks[storage.key] == nil {
            guard let entry = directory["\(prefix)data/\(storage.key)"] else { continue }
            blocks[storage.key] = try directory.stored(entry)
        }
        return try TorchStateDict.contents(root, machine.heap, blocks: blocks, file: file, format: .torchZip)
    }
}

/// Reads the container of torch 0.1.10 to 1.5: five pickles (magic number, protocol, system, object, storage keys), then the storages.
enum TorchPickleReader {
    /// The pickle of torch's magic number, 0x1950a86a20f9469cfc6c.
    private static let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]

    static func recognizes(_ file: MappedFile) -> Bool { file.holds(magic) }

    static func read(_ file: MappedFile) throws(WeightFileError) -> WeightFileContents {
        var machine = PickleMachine(ByteCursor(file, in: magic.count..<file.count))
        guard case .int(1001) = try machine.load() else { throw machine.fault("has an unknown version of torch's container") }
        let system = try machine.load()
        if case .dictionary(let index) = system,
            machine.heap.dictionaries[index].contains(where: { pair in
                if case (.string("little_endian"), .bool(false)) = (pair.key, pair.value) { true } else { false }
            })
        {
            throw .unsupported(file.path, "was saved big-endian", "save it on a little-endian machine")
        }
        machine.persistentObjects = .storages
        let root = try machine.load()
        machine.persistentObjects = .refused
        guard let keys = try machine.loadElements() else { throw machine.fault("has no list of storages") }
        var storages: [String: PickleStorage] = [:]
        for storage in machine.heap.storages where storages[storage.key] == nil { storages[storage.key] = storage }
        var blocks: [String: Range<Int>] = [:]
        for key in keys {
            guard case .string(let key) = key, let storage = storages[key], blocks[key] == nil else {
                throw machine.fault("lists a storage that no tensor has, or lists it twice")
            }
            blocks[key] = try readBlock(&machine.cursor, storage)
        }
        return try TorchStateDict.contents(root, machine.heap, blocks: blocks, file: file, format: .torchPickle)
    }

    /// Passes over one storage: a count of elements, then the elements.
    static func readBlock(_ cursor: inout ByteCursor, _ storage: PickleStorage) throws(WeightFileError) -> Range<Int> {
        let place = cursor.offset
        let count = try cursor.length("the size of storage '\(storage.key)'")
        let (bytes, overflow) = count.multipliedReportingOverflow(by: storage.elementBytes)
        guard !overflow else { throw .damaged(cursor.file.path, at: place, "has an impossible size of storage '\(storage.key)'") }
        return try cursor.skip(bytes, "storage '\(storage.key)'")
    }
}

/// Reads the container of torch before 0.1.10: a tar file of `storages`, `tensors` and a `pickle` that refers to the tensors.
enum TorchTarReader {
    static func recognizes(_ file: MappedFile) -> Bool { file.count >= 1024 && TarDirectory.isHeader(file, at: 0) }

    static func read(_ file: MappedFile) throws(WeightFileError) -> WeightFileContents {
        let members = try TarDirectory.read(file)
        guard let storages = members["storages"], let tensors = members["tensors"], let pickle = members["pickle"] else {
            throw .unsupported(file.path, "is a tar archive, but not one of torch", "name the weight file itself")
        }
        var machine = PickleMachine(ByteCursor(file, in: storages))
        let (known, blocks) = try readStorages(&machine)
        machine.cursor = ByteCursor(file, in: tensors)
        machine.persistentObjects = .tensors(try readTensors(&machine, known))
        machine.cursor = ByteCursor(file, in: pickle)
        let root = try machine.load()
        return try TorchStateDict.contents(root, machine.heap, blocks: blocks, file: file, format: .torchTar)
    }

    /// A count; for each `(key, location, type)` and the data; then the views `(key, key of the whole, offset, count)`.
    private static func readStorages(
        _ machine: inout PickleMachine
    ) throws(WeightFileError) -> (storages: [Int: PickleStorage], blocks: [String: Range<Int>]) {
        var storages: [Int: PickleStorage] = [:]
        var blocks: [String: Range<Int>] = [:]
        for _ in 0..<(try count(&machine)) {
            guard let values = try machine.loadElements(), values.count == 3, case .int(let key) = values[0],
                case .global(.storageType(let type)) = values[2], storages[key] == nil
            else { throw machine.fault("has an unknown kind of storage") }
            var storage = PickleStorage(key: String(key), elementType: type, count: 0)
            let block = try TorchPickleReader.readBlock(&machine.cursor, storage)
            storage.count = block.count / storage.elementBytes
            storages[key] = storage
            blocks[storage.key] = block
        }
        for view in try machine.loadElements() ?? [] {
            guard let values = machine.heap.integers(view), values.count == 4, var storage = storages[values[1]],
                values[2] >= 0, values[3] >= 0, values[2] <= storage.count, values[3] <= storage.count - values[2]
            else { throw machine.fault("has a view beyond the end of its storage") }
            storage.view = values[2]..<values[2] + values[3]
            storages[values[0]] = storage
        }
        return (storages, blocks)
    }

    /// A count; for each `(key, storage's key, type)` and rank, sizes, strides and offset as binary numbers.
    private static func readTensors(
        _ machine: inout PickleMachine, _ storages: [Int: PickleStorage]
    ) throws(WeightFileError) -> [String: PickleValue] {
        var tensors: [String: PickleValue] = [:]
        for _ in 0..<(try count(&machine)) {
            guard let values = try machine.loadElements(), values.count == 3, case .int(let key) = values[0],
                case .int(let storageKey) = values[1], let storage = storages[storageKey]
            else { throw machine.fault("has an unknown kind of tensor") }
            let rank = Int(try machine.cursor.integer(Int32.self, "a tensor's rank"))
            _ = try machine.cursor.skip(4, "a tensor's rank")
            guard (0...StoredTensor.maximumRank).contains(rank) else { throw machine.fault("has a tensor of rank \(rank)") }
            var numbers: [Int] = []
            for _ in 0..<2 * rank + 1 { numbers.append(try machine.cursor.length("a tensor's shape")) }
            tensors[String(key)] = try machine.newTensor(
                storage, type: nil, offset: numbers[2 * rank], extents: Array(numbers[..<rank]),
                strides: Array(numbers[rank..<2 * rank]))
        }
        return tensors
    }

    private static func count(_ machine: inout PickleMachine) throws(WeightFileError) -> Int {
        guard case .int(let count) = try machine.load(), count >= 0 else { throw machine.fault("has no count of its parts") }
        return count
    }
}

/// The members of a tar file.
enum TarDirectory {
    /// Whether a valid header stands at `offset`: its checksum is the sum of its bytes, with the checksum itself as spaces.
    static func isHeader(_ file: MappedFile, at offset: Int) -> Bool {
        guard offset + 512 <= file.count, let expected = octal(file, offset + 148..<offset + 156) else { return false }
        let sum = file.bytes(in: offset..<offset + 512).enumerated().reduce(0) { sum, byte in
            sum + ((148..<156).contains(byte.offset) ? 0x20 : Int(byte.element))
        }
        return sum == expected && sum > 8 * 0x20
    }

    static func read(_ file: MappedFile) throws(WeightFileError) -> [String: Range<Int>] {
        var members: [String: Range<Int>] = [:]
        var offset = 0
        // Two blocks of zeros end the archive, or the file does.
        while isHeader(file, at: offset) {
            let name = String(decoding: file.bytes(in: offset..<offset + 100).prefix { $0 != 0 }, as: UTF8.self)
            guard let size = octal(file, offset + 124..<offset + 136), size <= file.count - offset - 512 else {
                throw .damaged(file.path, at: offset, "is cut short within '\(name)' of its tar archive")
            }
            let start = offset + 512
            guard members.updateValue(start..<start + size, forKey: name) == nil else {
                throw .damaged(file.path, at: offset, "has '\(name)' twice in its tar archive")
            }
            offset = start + (size + 511) / 512 * 512
        }
        return members
    }

    /// A number in octal digits, ended by a space or zero; nil when it is anything else.
    private static func octal(_ file: MappedFile, _ range: Range<Int>) -> Int? {
        let text = file.bytes(in: range).drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        return text.isEmpty ? nil : Int(String(decoding: text, as: UTF8.self), radix: 8).flatMap { $0 >= 0 ? $0 : nil }
    }
}
