// A folder of labelled photographs: a sub-folder for each class. What is in it is decided by names alone, the same on every rank.
import Files
internal import Foundation
internal import Tensors

/// An image file and its class.
package struct ImageSample: Sendable, Hashable {
    /// Where the file is, relative to the folder; absolute where a list has it elsewhere.
    package var path: String
    /// The index of its class.
    package var label: Int

    package init(path: String, label: Int) {
        self.path = path
        self.label = label
    }
}

/// The images of a folder and their classes, in an order that depends on their names only.
package struct ImageFolder: Sendable, Hashable {
    /// The folder, as the user named it.
    package var root: String
    /// The classes, sorted by the bytes of their names; a label is an index into this list.
    package var classes: [String]
    /// The images, sorted by the bytes of their paths. Paths are relative to `root`.
    package var samples: [ImageSample]
    /// What a user should know about what was found: files left out, classes without images, names that differ in case only.
    package var notes: [String]

    package init(root: String, classes: [String], samples: [ImageSample], notes: [String] = []) {
        self.root = root
        self.classes = classes
        self.samples = samples
        self.notes = notes
    }

    /// Where the file of a sample is.
    package func path(of sample: ImageSample) -> String {
        if sample.path.hasPrefix("/") { return sample.path }
        return root.hasSuffix("/") ? root + sample.path : root + "/" + sample.path
    }

    /// A number for each sample that depends on its path only: files that are added change nothing for those that were there.
    package var sampleKeys: [Int] {
        samples.map { sample in
            var checksum = Checksum()
            checksum.update(sample.path)
            return Int(truncatingIfNeeded: checksum.value)
        }
    }

    /// The number of images of each class.
    package var classCounts: [Int] {
        var counts = [Int](repeating: 0, count: classes.count)
        for sample in samples { counts[sample.label] += 1 }
        return counts
    }

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
        result.samples = samples.compactMap { sample in
            labels[classes[sample.label]].map { ImageSample(path: sample.path, label: $0) }
        }
        let found = Set(samples.map { classes[$0.label] })
        let missing = known.filter { !found.contains($0) }
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
        for sample in samples {
            let file = path(of: sample)
            var status = stat()
            guard stat(file, &status) == 0 else {
                throw ImageError(path: file, reason: .cannotRead(String(cString: strerror(errno))))
            }
            checksum.update(sample.path)
            checksum.update(sample.label)
            checksum.update(Int(status.st_size))
        }
        return checksum.value
    }
}

/// Order by the bytes of the UTF-8 text: the same on every machine, whatever its language.
package func bytewise(_ first: String, _ second: String) -> Bool {
    first.utf8.lexicographicallyPrecedes(second.utf8)
}
