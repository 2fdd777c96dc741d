// The images of a folder in little memory: some 50 bytes each, which the ranks of a host share.

/// An image file and its class.
package struct ImageSample: Sendable, Hashable {
    /// Where the file is, relative to the folder; absolute where a list has it elsewhere.
    package var path: String
    /// The index of its class; of several the first, of none 0.
    package var label: Int
    /// The indices of all its classes, ascending, where photographs may have several or none; nil where each has its label.
    package var labels: [Int]?
    /// What it weighs in the loss.
    package var weight: Float = 1
    /// Where it is in an archive; nil for a file.
    package var place: ShardPlace?

    package init(path: String, label: Int, labels: [Int]? = nil, place: ShardPlace? = nil) {
        self.place = place
        self.path = path
        self.label = label
        self.labels = labels
    }
}

/// A list of samples, column by column. Columns in which no sample says anything are empty.
package struct ImageSamples: RandomAccessCollection, ExpressibleByArrayLiteral, Hashable, Sendable {
    package private(set) var paths: PackedTexts
    private(set) var firstLabels: Column<Int32>
    private(set) var weights: Column<Float>
    private(set) var places: Column<ShardPlace>
    /// All labels of those that may have several, and where each sample's end; a sample whose labels are nil has −1.
    private(set) var allLabels: Column<Int32>
    private(set) var labelEnds: Column<Int>

    package init() {
        (paths, firstLabels, weights, places) = (PackedTexts(), Column(), Column(), Column())
        (allLabels, labelEnds) = (Column(), Column())
    }

    init(
        paths: PackedTexts, firstLabels: Column<Int32>, weights: Column<Float>, places: Column<ShardPlace>,
        allLabels: Column<Int32>, labelEnds: Column<Int>
    ) {
        (self.paths, self.firstLabels, self.weights, self.places) = (paths, firstLabels, weights, places)
        (self.allLabels, self.labelEnds) = (allLabels, labelEnds)
    }

    package init(_ samples: some Sequence<ImageSample>) {
        if let samples = samples as? ImageSamples {
            self = samples
        } else {
            self.init()
            for sample in samples { append(sample) }
        }
    }

    package init(arrayLiteral elements: ImageSample...) { self.init(elements) }

    package var startIndex: Int { 0 }
    package var endIndex: Int { paths.count }

    package subscript(index: Int) -> ImageSample {
        var sample = ImageSample(path: paths[index], label: label(of: index), labels: labels(of: index), place: place(of: index))
        sample.weight = weight(of: index)
        return sample
    }

    // MARK: One column of a sample, without the others

    package func label(of index: Int) -> Int { Int(firstLabels[index]) }

    package func weight(of index: Int) -> Float { weights.count == 0 ? 1 : weights[index] }

    package func place(of index: Int) -> ShardPlace? {
        guard places.count > 0 else { return nil }
        return places[index].shard < 0 ? nil : places[index]
    }

    package func labels(of index: Int) -> [Int]? {
        guard labelEnds.count > 0 else { return nil }
        let range = (index == 0 ? 0 : labelEnds[index - 1])..<labelEnds[index]
        return range.count == 1 && allLabels[range.lowerBound] < 0 ? nil : range.map { Int(allLabels[$0]) }
    }

    /// Whether samples may be of several classes or of none.
    package var isOfSeveral: Bool { labelEnds.count > 0 && indices.contains { labels(of: $0) != nil } }
    /// Whether not all weigh alike.
    package var isWeighed: Bool { weights.count > 0 && indices.contains { weights[$0] != 1 } }

    /// The number of samples of each class.
    package func counts(ofClasses classes: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: classes)
        for index in indices {
            if let labels = labels(of: index) {
                for label in labels { counts[label] += 1 }
            } else {
                counts[label(of: index)] += 1
            }
        }
        return counts
    }

    // MARK: Changes

    package mutating func append(_ sample: ImageSample) {
        let before = count
        if sample.weight != 1 || weights.count > 0 {
            if weights.count == 0 { weights.append(contentsOf: repeatElement(1, count: before)) }
            weights.append(sample.weight)
        }
        if sample.place != nil || places.count > 0 {
            if places.count == 0 { places.append(contentsOf: repeatElement(.none, count: before)) }
            places.append(sample.place ?? .none)
        }
        if sample.labels != nil || labelEnds.count > 0 {
            if labelEnds.count == 0 {
                allLabels.append(contentsOf: repeatElement(-1, count: before))
                labelEnds.append(contentsOf: 1..<before + 1)
            }
            if let labels = sample.labels { allLabels.append(contentsOf: labels.map(Int32.init)) } else { allLabels.append(-1) }
            labelEnds.append(allLabels.count)
        }
        paths.append(sample.path)
        firstLabels.append(Int32(sample.label))
    }

    /// Adds samples that lie in archives, to others that do.
    ///
    /// - Parameter several: all labels of each, where they may have several.
    mutating func append(contentsOf paths: PackedTexts, places: [ShardPlace], labels: [Int32], several: [[Int]]?) {
        precondition(self.places.count == count && places.count == paths.count && labels.count == paths.count, "all have a place")
        self.paths.append(contentsOf: paths)
        self.places.append(contentsOf: places)
        firstLabels.append(contentsOf: labels)
        for labels in several ?? [] {
            allLabels.append(contentsOf: labels.map(Int32.init))
            labelEnds.append(allLabels.count)
        }
    }

    /// Some of the samples, in this order.
    package func picked(_ wanted: some Collection<Int>) -> ImageSamples {
        func part<Element>(_ column: Column<Element>) -> Column<Element> { column.count == 0 ? column : column.picked(wanted) }
        var picked = ImageSamples(
            paths: paths.picked(wanted), firstLabels: part(firstLabels), weights: part(weights), places: part(places),
            allLabels: Column(), labelEnds: Column())
        guard labelEnds.count > 0 else { return picked }
        for index in wanted {
            picked.allLabels.append(contentsOf: labels(of: index)?.map(Int32.init) ?? [-1])
            picked.labelEnds.append(picked.allLabels.count)
        }
        return picked
    }

    /// Brings the samples into the order of their paths' bytes.
    package mutating func sortByPath() {
        let order = paths.sortedIndices()
        guard order.indices.contains(where: { Int(order[$0]) != $0 }) else { return }
        self = picked(order.map(Int.init))
    }

    package static func == (first: Self, second: Self) -> Bool { first.elementsEqual(second) }

    package func hash(into hasher: inout Hasher) { hasher.combine(count) }
}
