// Images in tar archives, seen as a folder is: the same names give the same order, whatever archive an image is in.
package import Files
internal import Foundation
package import Tensors

/// Where in an archive an image is.
package struct ShardPlace: Sendable, Hashable {
    /// The index of its archive.
    package let shard: Int32
    package let size: Int32
    package let offset: Int

    /// Its bytes in one of these archives.
    func part(named name: String, in shards: [String]) -> FilePart {
        FilePart(name: name, path: shards[Int(shard)], range: offset..<offset + Int(size))
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
        var indices: [ShardIndex] = []
        for path in paths { indices.append(try ShardIndex.of(path, rememberedIn: memory)) }
        guard indices.contains(where: { !$0.samples.isEmpty }) else { throw fail("holds no photographs") }
        let kind = try pattern == nil ? labelKind(indices, paths, fail) : nil
        var (samples, names) = ([ImageSample](), [[String]]())
        for (shard, index) in indices.enumerated() {
            for sample in index.samples {
                let label = kind.map { sample.labels[$0.rawValue] } ?? pattern?.part(of: sample.name)
                guard let label else { throw fail("data.label_pattern does not match '\(sample.name)'") }
                guard sample.size <= Int(Int32.max) else {
                    throw fail("'\(sample.name)' has \(sample.size) bytes: too many for a photograph")
                }
                names.append(try labels(label, sample.name, separator, fail))
                samples.append(
                    ImageSample(
                        path: sample.name, label: 0,
                        place: ShardPlace(shard: Int32(shard), size: Int32(sample.size), offset: sample.offset)))
            }
        }
        let distinct = Set(names.joined())
        let areNumbers = distinct.allSatisfy { Int($0) != nil }
        let classes = distinct.sorted { areNumbers ? (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) : bytewise($0, $1) }
        let numbers = Dictionary(zip(classes, classes.indices)) { first, _ in first }
        for index in samples.indices {
            let found = names[index].compactMap { numbers[$0] }.sorted()
            samples[index].label = found.first ?? 0
            if separator != nil { samples[index].labels = found }
        }
        samples.sort { bytewise($0.path, $1.path) }
        for (first, second) in zip(samples, samples.dropFirst()) where first.path == second.path {
            throw fail("has two samples called '\(first.path)'")
        }
        return ImageFolder(root: text, classes: classes, samples: samples, shards: paths)
    }

    /// The kind of label that all samples have.
    private static func labelKind(
        _ indices: [ShardIndex], _ paths: [String], _ fail: (String) -> ShardError
    ) throws(ShardError) -> ShardIndex.LabelKind {
        for kind in ShardIndex.LabelKind.allCases
        where indices.allSatisfy({ $0.samples.allSatisfy { $0.labels[kind.rawValue] != nil } }) { return kind }
        for (path, index) in zip(paths, indices) {
            if let bare = index.samples.first(where: { $0.labels.allSatisfy { $0 == nil } }) {
                throw ShardError(
                    path: path,
                    problem: "its sample '\(bare.name)' has no label: a .cls or .txt beside it, or 'label' in its .json")
            }
        }
        throw fail(
            "some samples have their label in one kind of file, some in another (.json, .cls, .txt); one kind must be with all")
    }

    private static func labels(
        _ text: String, _ name: String, _ separator: String?, _ fail: (String) -> ShardError
    ) throws(ShardError) -> [String] {
        guard let separator else {
            guard !text.isEmpty else { throw fail("the label of '\(name)' is empty") }
            guard !text.contains(ShardIndex.labelSeparator) else {
                throw fail("'\(name)' has several labels, which takes network.loss: binary_cross_entropy")
            }
            return [text]
        }
        let parts = text.replacing(ShardIndex.labelSeparator, with: separator).components(separatedBy: separator)
        return Array(Set(parts.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }))
    }

    /// The bytes of a sample.
    package func part(of sample: ImageSample) -> FilePart {
        sample.place?.part(named: path(of: sample), in: shards) ?? FilePart(path(of: sample))
    }
}
