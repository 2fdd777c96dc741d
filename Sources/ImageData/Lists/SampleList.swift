// A split as the loop knows it.
package import Files

/// The samples of a split, without their pixels.
package struct SampleList: Sendable, Equatable {
    /// What the split is called in the config and in messages: `train`, `validation`.
    package let split: String
    package let classes: [String]
    private let images: ImageSamples
    /// What stands before the paths of files; nil where they are whole.
    private let folder: ImageFolder?

    package init(split: String, classes: [String], paths: [String], labels: [Int], labelSets: [[Int]]? = nil) {
        precondition(paths.count == labels.count, "every path has a label")
        precondition(labelSets.map { $0.count == paths.count } ?? true, "every path has its labels")
        (self.split, self.classes, folder) = (split, classes, nil)
        images = ImageSamples(
            paths.indices.lazy.map { ImageSample(path: paths[$0], label: labels[$0], labels: labelSets?[$0]) })
    }

    /// The images of a folder.
    package init(split: String, _ folder: ImageFolder) {
        (self.split, classes, images) = (split, folder.classes, folder.samples)
        var place = ImageFolder(root: folder.root, classes: [], samples: [], shards: folder.shards)
        place.copies = folder.copies
        self.folder = place
    }

    private init(split: String, classes: [String], images: ImageSamples, folder: ImageFolder?) {
        (self.split, self.classes, self.images, self.folder) = (split, classes, images, folder)
    }

    package var count: Int { images.count }

    /// Path and class index of each sample.
    package var paths: SamplePaths { SamplePaths(images: images, folder: folder) }
    package var labels: SampleLabels { SampleLabels(images: images) }

    /// Whether samples may be of several classes or of none; then a label is the first of them, or 0.
    package var isOfSeveral: Bool { images.isOfSeveral }
    /// Whether not all samples weigh alike in the loss.
    package var isWeighed: Bool { images.isWeighed }
    /// Whether samples lie in archives.
    package var isOfShards: Bool { folder?.shards.isEmpty == false }

    package func weight(of sample: Int) -> Float { images.weight(of: sample) }

    /// The number of samples of each class.
    package var classCounts: [Int] { images.counts(ofClasses: classes.count) }

    /// Some of the samples, in this order.
    package func subset(_ samples: [Int], split: String) -> SampleList {
        SampleList(split: split, classes: classes, images: images.picked(samples), folder: folder)
    }

    /// The bytes of a sample.
    package func part(of sample: Int) -> FilePart { folder?.part(of: images[sample]) ?? FilePart(images.paths[sample]) }

    /// All classes of a sample.
    package func classes(of sample: Int) -> [Int] { images.labels(of: sample) ?? [images.label(of: sample)] }
}

/// The paths of samples, made when they are asked for.
package struct SamplePaths: RandomAccessCollection, Sendable, Equatable {
    fileprivate let images: ImageSamples
    fileprivate let folder: ImageFolder?

    package var startIndex: Int { 0 }
    package var endIndex: Int { images.count }

    package subscript(index: Int) -> String { folder?.path(of: images[index]) ?? images.paths[index] }
}

/// The class indices of samples.
package struct SampleLabels: RandomAccessCollection, Sendable, Equatable {
    fileprivate let images: ImageSamples

    package var startIndex: Int { 0 }
    package var endIndex: Int { images.count }

    package subscript(index: Int) -> Int { images.label(of: index) }
}
