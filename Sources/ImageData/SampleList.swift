// A split as the loop knows it.
package import Files

/// The samples of a split, without their pixels.
package struct SampleList: Sendable, Equatable {
    /// What the split is called in the config and in messages: `train`, `validation`.
    package let split: String
    package let classes: [String]
    /// Path and class index of each sample.
    package let paths: [String]
    package let labels: [Int]
    /// The class indices of each sample, where samples may be of several classes or of none; then a label is the first of them, or 0.
    package let labelSets: [[Int]]?
    /// What each sample weighs in the loss; nil where all weigh alike.
    package var weights: [Float]?
    /// The archives that hold the samples, and where in them they are; none where samples are files.
    package var shards: [String] = []
    package var places: [ShardPlace] = []

    package init(split: String, classes: [String], paths: [String], labels: [Int], labelSets: [[Int]]? = nil) {
        precondition(paths.count == labels.count, "every path has a label")
        precondition(labelSets.map { $0.count == paths.count } ?? true, "every path has its labels")
        self.labelSets = labelSets
        self.split = split
        self.classes = classes
        self.paths = paths
        self.labels = labels
    }

    package var count: Int { paths.count }

    /// The number of samples of each class.
    package var classCounts: [Int] {
        var counts = classes.map { _ in 0 }
        if let labelSets {
            for label in labelSets.joined() { counts[label] += 1 }
        } else {
            for label in labels { counts[label] += 1 }
        }
        return counts
    }

    /// Some of the samples, in this order.
    package func subset(_ samples: [Int], split: String) -> SampleList {
        var part = SampleList(
            split: split, classes: classes, paths: samples.map { paths[$0] }, labels: samples.map { labels[$0] },
            labelSets: labelSets.map { sets in samples.map { sets[$0] } })
        part.weights = weights.map { all in samples.map { all[$0] } }
        (part.shards, part.places) = (shards, places.isEmpty ? [] : samples.map { places[$0] })
        return part
    }

    /// The bytes of a sample.
    package func part(of sample: Int) -> FilePart {
        places.isEmpty ? FilePart(paths[sample]) : places[sample].part(named: paths[sample], in: shards)
    }

    /// All classes of a sample.
    package func classes(of sample: Int) -> [Int] { labelSets?[sample] ?? [labels[sample]] }
}
