// A folder of labelled photographs: a sub-folder for each class. What is in it is decided by names alone, the same on every rank.
internal import Files
internal import Foundation
internal import Tensors

/// The images of a folder and their classes, in an order that depends on their names only.
package struct ImageFolder: Sendable, Hashable {
    /// The folder, as the user named it.
    package var root: String
    /// The classes, sorted by the bytes of their names; a label is an index into this list.
    package var classes: [String]
    /// The images, sorted by the bytes of their paths. Paths are relative to `root`.
    package var samples: ImageSamples
    /// What a user should know about what was found: files left out, classes without images, names that differ in case only.
    package var notes: [String]
    /// The archives that hold the images; none where they are files.
    package var shards: [String]
    /// All folders that were looked into, if by them it can be known that nothing was added or removed since; else none.
    package var lookedInto: [LookedInto] = []
    /// What images in archives are that are of kinds that are not read; nil where nobody has looked.
    var foreignKinds: [ShardPlace: String]?
    /// Where archives are read that have been copied to this host, by where they are.
    package var copies: [String: String] = [:]

    package init(
        root: String, classes: [String], samples: some Sequence<ImageSample>, notes: [String] = [], shards: [String] = []
    ) {
        self.shards = shards
        self.root = root
        self.classes = classes
        self.samples = ImageSamples(samples)
        self.notes = notes
    }

    /// Where the file of a sample is; for one in an archive a name that says it.
    package func path(of sample: ImageSample) -> String {
        if let place = sample.place { return "\(shards[Int(place.shard)])/\(sample.path)" }
        if sample.path.hasPrefix("/") { return sample.path }
        return root.hasSuffix("/") ? root + sample.path : root + "/" + sample.path
    }

    /// A number for each sample that depends on its path only: files that are added change nothing for those that were there.
    package var sampleKeys: [Int] {
        samples.paths.map { path in
            var checksum = Checksum()
            checksum.update(path)
            return Int(truncatingIfNeeded: checksum.value)
        }
    }

    /// The number of images of each class.
    package var classCounts: [Int] { samples.counts(ofClasses: classes.count) }

    /// This folder with the labels of another class list, matched by name: how a validation set follows its training set.
    ///
    /// A class of the list that this folder lacks is noted; throws `ImageError` naming the classes that the list lacks.
    package func matching(classes known: [String]) throws(ImageError) -> ImageFolder {
        let labels = Dictionary(zip(known, known.indices), uniquingKeysWith: { first, _ in first })
        let counts = classCounts
        // A class folder without images can do no harm.
        let extra = classes.indices.filter { labels[classes[$0]] == nil && counts[$0] > 0 }.map { classes[$0] }
        guard extra.isEmpty else { throw ImageError(path: root, reason: .extraClasses(extra, known: known)) }
        var result = self
        result.classes = known
        result.samples = ImageSamples(
            samples.lazy.compactMap { sample -> ImageSample? in
                var moved = sample
                if let own = sample.labels {
                    let several = own.compactMap { labels[classes[$0]] }.sorted()
                    (moved.label, moved.labels) = (several.first ?? 0, several)
                    return moved
                }
                return labels[classes[sample.label]].map { label in
                    moved.label = label
                    return moved
                }
            })
        let missing = zip(known, result.classCounts).filter { $1 == 0 }.map(\.0)
        if !missing.isEmpty {
            result.notes.append("\(root) has no images of \(missing.map { "'\($0)'" }.joined(separator: ", "))")
        }
        return result
    }

    /// A checksum of the classes and of the names, labels and sizes of all files, by which ranks make sure that they see the same
    /// folder. Throws `ImageError` for a file that has vanished.
    package func digest() throws(ImageError) -> UInt64 {
        var checksum = Checksum()
        for name in classes { checksum.update(name) }
        // The bytes of a sample together: a million updates take long.
        var facts: [UInt8] = []
        func add(_ number: Int) { withUnsafeBytes(of: number.littleEndian) { facts.append(contentsOf: $0) } }
        for (index, state) in fileStates().enumerated() {
            guard state.error == 0 else {
                throw ImageError(path: path(of: samples[index]), reason: .cannotRead(String(cString: strerror(state.error))))
            }
            samples.paths.withBytes(of: index) { facts.append(contentsOf: $0) }
            facts.append(0)
            add(samples.label(of: index))
            for label in samples.labels(of: index) ?? [] { add(label) }
            add(state.size)
            facts.withUnsafeBytes { checksum.update($0) }
            facts.removeAll(keepingCapacity: true)
        }
        return checksum.value
    }
}

/// Order by the bytes of the UTF-8 text: the same on every machine, whatever its language.
package func bytewise(_ first: String, _ second: String) -> Bool {
    let isBefore = first.utf8.withContiguousStorageIfAvailable { first in
        second.utf8.withContiguousStorageIfAvailable { second in
            guard let left = first.baseAddress, let right = second.baseAddress else { return first.count < second.count }
            let order = memcmp(left, right, min(first.count, second.count))
            return order != 0 ? order < 0 : first.count < second.count
        }
    }
    return (isBefore ?? nil) ?? first.utf8.lexicographicallyPrecedes(second.utf8)
}
