// Images in tar archives, seen as a folder is: the same names give the same order, whatever archive an image is in.
package import Files
internal import Foundation
package import Tensors

/// Where in an archive an image is.
package struct ShardPlace: Sendable, Hashable, BitwiseCopyable {
    /// The index of its archive.
    package let shard: Int32
    package let size: Int32
    package let offset: Int

    /// Stands for none in a column.
    static let none = ShardPlace(shard: -1, size: 0, offset: 0)

    /// Its bytes in an archive.
    func part(named name: String, in shard: String) -> FilePart {
        FilePart(name: name, path: shard, range: offset..<offset + Int(size))
    }
}

extension ImageFolder {
    /// The images of archives in WebDataset's form. Classes are the labels, in the order of their bytes, or of their values where all are
    /// whole numbers; samples are in the order of their names.
    ///
    /// - Parameters:
    ///   - text: see `ShardNames`.
    ///   - memory: a folder for what is known of archives.
    ///   - pattern: finds the class in a sample's name, in the place of the labels.
    ///   - separator: what stands between several labels of one image; nil where each has one.
    ///
    /// Throws `ShardError` for archives that are not there, damaged, or whose samples have no labels.
    package static func shards(
        _ text: String, rememberedIn memory: String, labelledBy pattern: PathPattern? = nil, separator: String? = nil
    ) throws(ShardError) -> ImageFolder {
        let paths = try ShardNames.expand(text)
        func fail(_ problem: String) -> ShardError { ShardError(path: text, problem: problem) }
        // Before they are read; the folders tell of archives that are added.
        let places = paths + Set(paths.map(Folders.holding)).sorted(by: bytewise)
        let lookedInto = places.compactMap(LookedInto.init)
        var indices: [ShardIndex] = []
        for path in paths { indices.append(try ShardIndex.of(path, rememberedIn: memory)) }
        guard indices.contains(where: { $0.count > 0 }) else { throw fail("holds no photographs") }
        let kind = try pattern == nil ? labelKind(indices, paths, fail) : nil
        // Of each archive. Each label is taken apart once.
        var said: [ShardIndex.Labels] = []
        var parts: [String: [String]] = [:]
        for index in indices {
            let own: ShardIndex.Labels
            if let kind { own = index.labels[kind.rawValue] } else { own = try labels(of: index.names, by: pattern, fail) }
            for (number, text) in own.texts.enumerated() where parts[text] == nil {
                func example() -> String { index.names.indices.first { own.numbers[$0] == number }.map { index.names[$0] } ?? "" }
                parts[text] = try labels(text, example, separator, fail)
            }
            said.append(own)
        }
        let distinct = Set(parts.values.joined())
        let areNumbers = distinct.allSatisfy { Int($0) != nil }
        let classes = distinct.sorted { areNumbers ? (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) : bytewise($0, $1) }
        let numbers = Dictionary(zip(classes, classes.indices)) { first, _ in first }
        let found = parts.mapValues { $0.compactMap { numbers[$0] }.sorted() }
        var samples = ImageSamples()
        var foreign: [ShardPlace: String] = [:]
        for (shard, (index, own)) in zip(indices, said).enumerated() {
            let classes = own.texts.map { found[$0] ?? [] }
            for start in index.rareStarts {
                guard let kind = start.bytes.withUnsafeBytes({ ImageFormat.foreignKind(of: $0) }) else { continue }
                let size = Int32(truncatingIfNeeded: index.sizes[start.sample])
                foreign[ShardPlace(shard: Int32(shard), size: size, offset: index.offsets[start.sample])] = kind
            }
            let places = try (0..<index.count).map { (sample) throws(ShardError) in
                guard let size = Int32(exactly: index.sizes[sample]) else {
                    throw fail("'\(index.names[sample])' has \(index.sizes[sample]) bytes: too many for a photograph")
                }
                return ShardPlace(shard: Int32(shard), size: size, offset: index.offsets[sample])
            }
            let labels = own.numbers.withBuffer { $0.map { Int($0) } }
            samples.append(
                contentsOf: index.names, places: places, labels: labels.map { Int32(classes[$0].first ?? 0) },
                several: separator == nil ? nil : labels.map { classes[$0] })
        }
        samples.sortByPath()
        for index in samples.indices.dropFirst() where samples.paths.order(index - 1, index) == 0 {
            throw fail("has two samples called '\(samples.paths[index])'")
        }
        var folder = ImageFolder(root: text, classes: classes, samples: samples, shards: paths)
        folder.foreignKinds = foreign
        // A pattern in a folder's name is of folders that nobody has looked into.
        if !Folders.holding(text).contains(where: { "*?".contains($0) }) { folder.lookedInto = lookedInto }
        return folder
    }

    /// The kind of label that all samples have.
    private static func labelKind(
        _ indices: [ShardIndex], _ paths: [String], _ fail: (String) -> ShardError
    ) throws(ShardError) -> ShardIndex.LabelKind {
        for kind in ShardIndex.LabelKind.allCases
        where indices.allSatisfy({ $0.labels[kind.rawValue].areWithAll }) { return kind }
        for (path, index) in zip(paths, indices) {
            if let bare = (0..<index.count).first(where: { sample in index.labels.allSatisfy { $0.numbers[sample] < 0 } }) {
                throw ShardError(
                    path: path,
                    problem: "its sample '\(index.names[bare])' has no label: a .cls or .txt beside it, or 'label' in its .json")
            }
        }
        throw fail(
            "some samples have their label in one kind of file, some in another (.json, .cls, .txt); one kind must be with all")
    }

    /// What a pattern finds in names.
    private static func labels(
        of names: PackedTexts, by pattern: PathPattern?, _ fail: (String) -> ShardError
    ) throws(ShardError) -> ShardIndex.Labels {
        var labels = ShardIndex.Labels()
        for name in names {
            guard let label = pattern?.part(of: name) else { throw fail("data.label_pattern does not match '\(name)'") }
            labels.append(label)
        }
        return labels
    }

    private static func labels(
        _ text: String, _ name: () -> String, _ separator: String?, _ fail: (String) -> ShardError
    ) throws(ShardError) -> [String] {
        guard let separator else {
            guard !text.isEmpty else { throw fail("the label of '\(name())' is empty") }
            guard !text.contains(ShardIndex.labelSeparator) else {
                throw fail("'\(name())' has several labels, which takes network.loss: binary_cross_entropy")
            }
            return [text]
        }
        let parts = text.replacing(ShardIndex.labelSeparator, with: separator).components(separatedBy: separator)
        return Array(Set(parts.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }))
    }

    /// The bytes of a sample.
    package func part(of sample: ImageSample) -> FilePart {
        guard let place = sample.place else { return FilePart(path(of: sample)) }
        let shard = shards[Int(place.shard)]
        return place.part(named: path(of: sample), in: copies[shard] ?? shard)
    }

    /// All samples in an order that reads archives from their beginnings to their ends.
    package var readingOrder: [Int] {
        guard !shards.isEmpty else { return Array(samples.indices) }
        let places = samples.indices.map { samples.place(of: $0) ?? .none }
        return samples.indices.sorted { (places[$0].shard, places[$0].offset) < (places[$1].shard, places[$1].offset) }
    }

    /// The archives that samples are in.
    package var usedShards: [String] {
        var isUsed = shards.map { _ in false }
        for sample in samples.indices { if let place = samples.place(of: sample) { isUsed[Int(place.shard)] = true } }
        return shards.indices.filter { isUsed[$0] }.map { shards[$0] }
    }
}
