// Where a tar archive's photographs and labels are: found by one walk over its headers, and remembered beside the caches.
import Files
internal import Foundation

/// The samples of one archive in WebDataset's form: files whose names agree up to the first dot belong together.
struct ShardIndex: Equatable {
    /// What may say a sample's class, the first that all samples have.
    enum LabelKind: Int, CaseIterable {
        case json, cls, txt
    }

    struct Sample: Equatable {
        /// What it is called: the path in its `.json`, or the image's name in the archive.
        var name: String
        var offset: Int
        var size: Int
        /// By `LabelKind`; nil where it has none of the kind. Several labels are separated by `\u{1F}`.
        var labels: [String?]
    }

    var samples: [Sample]

    static let labelSeparator = "\u{1F}"
    private static let imageSuffixes: Set<String> = [
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif",
    ]

    // MARK: Reading an archive

    /// Walks over an archive. Throws `ShardError` where it is damaged, or a sample has not just one photograph.
    init(walking reader: TarReader, path: String) throws(ShardError) {
        samples = []
        var (key, open) = (String?.none, Sample(name: "", offset: -1, size: 0, labels: [nil, nil, nil]))
        func fail(_ problem: String) -> ShardError { ShardError(path: path, problem: problem) }
        func close(_ key: String?, _ sample: Sample) throws(ShardError) -> [Sample] {
            guard let key else { return [] }
            guard sample.offset >= 0 else { throw fail("its sample '\(key)' has no photograph") }
            return [sample]
        }
        while let entry = try reader.next() {
            let file = entry.name.split(separator: "/").last ?? ""
            // Archives made on a Mac carry its notes along.
            guard let dot = file.firstIndex(of: "."), dot != file.startIndex else { continue }
            let suffix = file[file.index(after: dot)...].lowercased()
            let stem = String(entry.name.dropLast(suffix.count + 1))
            if stem != key {
                samples += try close(key, open)
                (key, open) = (stem, Sample(name: "", offset: -1, size: 0, labels: [nil, nil, nil]))
            }
            switch suffix {
            case "json": try Self.read(try reader.text(of: entry), of: stem, into: &open, fail)
            case "cls", "txt":
                let text = String(decoding: try reader.text(of: entry), as: UTF8.self).trimmingCharacters(
                    in: .whitespacesAndNewlines)
                open.labels[suffix == "cls" ? LabelKind.cls.rawValue : LabelKind.txt.rawValue] = text
            case _ where imageSuffix(suffix):
                guard open.offset < 0 else {
                    throw fail(
                        "its sample '\(stem)' has two photographs: what follows a name's first dot is its suffix; graft pack writes names "
                            + "that are told apart")
                }
                (open.offset, open.size) = (entry.offset, entry.size)
                if open.name.isEmpty { open.name = entry.name }
            default: break
            }
        }
        samples += try close(key, open)
    }

    private func imageSuffix(_ suffix: String) -> Bool {
        Self.imageSuffixes.contains(String(suffix.split(separator: ".").last ?? ""))
    }

    /// `label` (or `labels`, `class`, `cls`) and `path` of a JSON object.
    private static func read(
        _ bytes: [UInt8], of stem: String, into sample: inout Sample, _ fail: (String) -> ShardError
    ) throws(ShardError) {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] else {
            throw fail("'\(stem).json' is no JSON object")
        }
        func text(_ value: Any?) -> String? {
            switch value {
            case let text as String: text
            case let number as NSNumber: number.stringValue
            case let list as [Any]: list.compactMap { text($0) }.joined(separator: labelSeparator)
            default: nil
            }
        }
        sample.labels[LabelKind.json.rawValue] = ["label", "labels", "class", "cls"].lazy.compactMap { text(object[$0]) }.first
        if let path = object["path"] as? String, !path.isEmpty { sample.name = path }
    }

    // MARK: Remembering

    private static let magic = "graft shard index 1\n"

    /// The index of an archive: remembered in `folder` if the archive has not changed since, else found and remembered.
    ///
    /// - Parameter folder: made if it is not there; where it cannot be written, nothing is remembered.
    static func of(_ path: String, rememberedIn folder: String) throws(ShardError) -> ShardIndex {
        let reader = try TarReader(path: path)
        var checksum = Checksum()
        checksum.update(URL(fileURLWithPath: path).standardizedFileURL.path)
        let memory = "\(folder)/\(checksum.hexadecimal).index"
        let state = "\(reader.size) \(reader.changed)\n"
        if let known = ShardIndex(remembered: memory, state: state) { return known }
        let index = try ShardIndex(walking: reader, path: path)
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? AtomicFile.write(index.bytes(state: state), to: memory, isLasting: false)
        return index
    }

    /// Head, state of the archive, checksum of the rest; then for each sample offset, size (Int64), and the lengths and bytes of its name
    /// and labels (Int32; −1 for none).
    private func bytes(state: String) -> [UInt8] {
        var rest: [UInt8] = []
        func number(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { rest.append(contentsOf: $0) } }
        func add(_ text: String?) {
            number(Int32(text?.utf8.count ?? -1))
            if let text { rest.append(contentsOf: text.utf8) }
        }
        for sample in samples {
            number(Int64(sample.offset))
            number(Int64(sample.size))
            add(sample.name)
            sample.labels.forEach { add($0) }
        }
        var checksum = Checksum()
        rest.withUnsafeBytes { checksum.update($0) }
        return Array((Self.magic + state + checksum.value.hexadecimal(digits: 16) + "\n").utf8) + rest
    }

    /// Nil where nothing is remembered, something else, or something damaged.
    private init?(remembered memory: String, state: String) {
        guard let data = FileManager.default.contents(atPath: memory) else { return nil }
        let head = Array((Self.magic + state).utf8)
        let start = head.count + 17
        guard data.count >= start, data.starts(with: head) else { return nil }
        let found: [Sample]? = data.withUnsafeBytes { bytes in
            var checksum = Checksum()
            checksum.update(UnsafeRawBufferPointer(rebasing: bytes[start..<bytes.count]))
            guard bytes[head.count..<start].elementsEqual(Array((checksum.value.hexadecimal(digits: 16) + "\n").utf8)) else {
                return nil
            }
            var position = start
            func integer<Value: FixedWidthInteger>(_: Value.Type) -> Int {
                defer { position += MemoryLayout<Value>.size }
                return Int(Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self)))
            }
            func text() -> String? {
                let count = integer(Int32.self)
                guard count >= 0 else { return nil }
                defer { position += count }
                return String(decoding: bytes[position..<position + count], as: UTF8.self)
            }
            var samples: [Sample] = []
            while position < bytes.count {
                let (offset, size) = (integer(Int64.self), integer(Int64.self))
                samples.append(
                    Sample(name: text() ?? "", offset: offset, size: size, labels: LabelKind.allCases.map { _ in text() }))
            }
            return samples
        }
        guard let found else { return nil }
        samples = found
    }
}
