// Labels that a network which has not seen them disagrees with.

/// An image whose label is probably wrong.
package struct SuspectLabel: Sendable, Equatable {
    /// The sample's index.
    package let sample: Int
    /// The class that it looks like.
    package let looksLike: Int
    /// The probability of that class.
    package let score: Double
}

/// Confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021) on
/// probabilities of networks that were not trained on the image.
package enum ConfidentLearning {
    /// Of a class's mean confidence, the share that counts as confident: labels that are wrong lower that mean, and networks trained among
    /// them are less sure of all.
    private static let share = 0.8

    /// The suspects, the surest first: images whose likeliest class among those with a probability of at least the class's threshold is not
    /// their label. A class's threshold is its mean probability over the images that are labelled so, times a share.
    ///
    /// - Parameters:
    ///   - probabilities: of each sample, by class; empty for one that could not be read.
    ///   - labels: of each sample.
    package static func suspects(_ probabilities: [[Float]], labels: [Int]) -> [SuspectLabel] {
        guard let classes = probabilities.map(\.count).max(), classes > 1 else { return [] }
        var (sums, counts) = ([Double](repeating: 0, count: classes), [Double](repeating: 0, count: classes))
        for (own, label) in zip(probabilities, labels) where !own.isEmpty {
            sums[label] += Double(own[label])
            counts[label] += 1
        }
        let thresholds = zip(sums, counts).map { $1 > 0 ? share * $0 / $1 : .infinity }
        var found: [SuspectLabel] = []
        for (sample, own) in probabilities.enumerated() where !own.isEmpty {
            let confident = own.indices.filter { Double(own[$0]) >= thresholds[$0] }
            guard let likeliest = confident.max(by: { own[$0] < own[$1] }), likeliest != labels[sample],
                own[likeliest] > own[labels[sample]]
            else { continue }
            found.append(SuspectLabel(sample: sample, looksLike: likeliest, score: Double(own[likeliest])))
        }
        return found.sorted { ($1.score, $0.sample) < ($0.score, $1.sample) }
    }
}
