// Where a tar archive's photographs and labels are: found by one walk over its headers, or written at its end by `graft pack`.
internal import Foundation

/// The samples of one archive in WebDataset's form, column by column: files whose names agree up to the first dot belong together.
struct ShardIndex: Equatable {
    /// What may say a sample's class, the first that all samples have.
    enum LabelKind: Int, CaseIterable {
        case json, cls, txt
    }

    /// What the files of one kind say: labels are few and samples are many.
    struct Labels: Equatable {
        /// Each label once. Several labels of one sample are separated by `\u{1F}`.
        private(set) var texts: [String] = []
        /// Which of them each sample has; −1 for none.
        private(set) var numbers = Column<Int32>()
        private var known: [String: Int32] = [:]

        init() {}

        init(texts: [String], numbers: Column<Int32>) { (self.texts, self.numbers) = (texts, numbers) }

        /// Whether no sample lacks one.
        var areWithAll: Bool { numbers.withBuffer { $0.allSatisfy { $0 >= 0 } } }

        mutating func append(_ text: String?) { numbers.append(text.map { number(of: $0) } ?? -1) }

        private mutating func number(of text: String) -> Int32 {
            if let number = known[text] { return number }
            let number = Int32(texts.count)
            texts.append(text)
            known[text] = number
            return number
        }

        static func == (first: Self, second: Self) -> Bool {
            first.texts == second.texts && first.numbers == second.numbers
        }
    }

    struct Sample {
        /// What it is called: the path in its `.json`, or the image's name in the archive.
        var name = ""
        /// Of the image's bytes in the archive; −1 before an image was found.
        var offset = -1
        var size = 0
        /// The image's first bytes.
        var start: [UInt8] = []
        /// By `LabelKind`; nil where it has none of the kind.
        var labels: [String?] = LabelKind.allCases.map { _ in nil }
    }

    /// The first bytes of an image that not every build of the program reads.
    struct RareStart: Equatable {
        let sample: Int
        let bytes: [UInt8]
    }

    private(set) var names = PackedTexts()
    private(set) var offsets = Column<Int>()
    private(set) var sizes = Column<Int>()
    private(set) var rareStarts: [RareStart] = []
    /// By `LabelKind`.
    private(set) var labels = LabelKind.allCases.map { _ in Labels() }

    static let labelSeparator = "\u{1F}"
    private static let imageSuffixes: Set<String> = [
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif",
    ]

    init() {}

    init(
        names: PackedTexts, offsets: Column<Int>, sizes: Column<Int>, rareStarts: [RareStart], labels: [Labels]
    ) {
        (self.names, self.offsets, self.sizes, self.rareStarts, self.labels) = (names, offsets, sizes, rareStarts, labels)
    }

    var count: Int { names.count }

    mutating func append(_ sample: Sample) {
        if sample.start.withUnsafeBytes({ ImageFormat(sniffing: $0) }).isRare {
            rareStarts.append(RareStart(sample: count, bytes: sample.start))
        }
        names.append(sample.name)
        offsets.append(sample.offset)
        sizes.append(sample.size)
        for (kind, text) in sample.labels.enumerated() { labels[kind].append(text) }
    }

    /// The same samples in the order of their names' bytes.
    func sortedByName() -> ShardIndex {
        let order = names.sortedIndices().map(Int.init)
        var places = order
        for (place, sample) in order.enumerated() { places[sample] = place }
        return ShardIndex(
            names: names.picked(order), offsets: offsets.picked(order), sizes: sizes.picked(order),
            rareStarts: rareStarts.map { RareStart(sample: places[$0.sample], bytes: $0.bytes) },
            labels: labels.map { Labels(texts: $0.texts, numbers: $0.numbers.picked(order)) })
    }

    // MARK: Reading an archive

    /// Walks over an archive. Throws `ShardError` where it is damaged, or a sample has not just one photograph.
    init(walking reader: TarReader, path: String) throws(ShardError) {
        var (key, open) = (String?.none, Sample())
        func fail(_ problem: String) -> ShardError { ShardError(path: path, problem: problem) }
        while let entry = try reader.next() {
            let file = entry.name.split(separator: "/").last ?? ""
            // Archives made on a Mac carry its notes along.
            guard let dot = file.firstIndex(of: "."), dot != file.startIndex else { continue }
            let suffix = file[file.index(after: dot)...].lowercased()
            let stem = String(entry.name.dropLast(suffix.count + 1))
            if stem != key {
                try close(key, open, fail)
                (key, open) = (stem, Sample())
            }
            switch suffix {
            case "json": try Self.read(try reader.text(of: entry), of: stem, into: &open, fail)
            case "cls", "txt":
                let text = String(decoding: try reader.text(of: entry), as: UTF8.self).trimmingCharacters(
                    in: .whitespacesAndNewlines)
                open.labels[suffix == "cls" ? LabelKind.cls.rawValue : LabelKind.txt.rawValue] = text
            case _ where Self.isOfImage(suffix):
                guard open.offset < 0 else {
                    throw fail(
                        "its sample '\(stem)' has two photographs: what follows a name's first dot is its suffix; graft pack writes names "
                            + "that are told apart")
                }
                (open.offset, open.size) = (entry.offset, entry.size)
                open.start = try reader.bytes(entry.offset, min(entry.size, ImageFormat.tellingBytes))
                if open.name.isEmpty { open.name = entry.name }
            default: break
            }
        }
        try close(key, open, fail)
    }

    private mutating func close(
        _ key: String?, _ sample: Sample, _ fail: (String) -> ShardError
    ) throws(ShardError) {
        guard let key else { return }
        guard sample.offset >= 0 else { throw fail("its sample '\(key)' has no photograph") }
        append(sample)
    }

    private static func isOfImage(_ suffix: String) -> Bool {
        imageSuffixes.contains(String(suffix.split(separator: ".").last ?? ""))
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
}
