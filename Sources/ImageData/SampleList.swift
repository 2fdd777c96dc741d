// A split as the loop knows it.

/// The samples of a split, without their pixels.
package struct SampleList: Sendable, Equatable {
    /// What the split is called in the config and in messages: `train`, `validation`.
    package let split: String
    package let classes: [String]
    /// Path and class index of each sample.
    package let paths: [String]
    package let labels: [Int]

    package init(split: String, classes: [String], paths: [String], labels: [Int]) {
        precondition(paths.count == labels.count, "every path has a label")
        self.split = split
        self.classes = classes
        self.paths = paths
        self.labels = labels
    }

    package var count: Int { paths.count }

    /// The number of samples of each class.
    package var classCounts: [Int] {
        var counts = classes.map { _ in 0 }
        for label in labels { counts[label] += 1 }
        return counts
    }
}
