// Cutting samples into folds: each sample is held out once, classes are spread evenly, groups stay together.
internal import Tensors

/// Which fold each sample is held out in.
package struct Folds: Sendable, Equatable {
    package let count: Int
    /// By sample.
    package let assignment: [Int]

    /// A pure function of its arguments. Samples of a class, or whole groups, are dealt out in a random order: samples in turn, a group to
    /// the fold in which its classes are rarest so far, the largest groups first.
    ///
    /// - Parameters:
    ///   - labels: of each sample.
    ///   - groups: of each sample; nil where each is one of its own.
    ///   - round: another number cuts otherwise.
    package init(_ count: Int, labels: [Int], groups: [String]? = nil, seed: UInt64, round: Int = 0) {
        precondition(count >= 2, "there are at least two folds")
        self.count = count
        var assignment = [Int](repeating: 0, count: labels.count)
        var random = CounterRandom(seed: seed, epoch: round, purpose: .folds)
        guard let groups else {
            var next = 0
            for members in Dictionary(grouping: labels.indices, by: { labels[$0] }).sorted(by: { $0.key < $1.key }).map(\.value) {
                for sample in members.shuffled(using: &random) {
                    assignment[sample] = next % count
                    next += 1
                }
            }
            self.assignment = assignment
            return
        }
        let totals = labels.reduce(into: [:]) { $0[$1, default: 0.0] += 1 }
        let members = Dictionary(grouping: labels.indices, by: { groups[$0] }).sorted { bytewise($0.key, $1.key) }.map(\.value)
        var held = [[Int: Double]](repeating: [:], count: count)
        let order = members.shuffled(using: &random).enumerated().sorted {
            ($1.element.count, $0.offset) < ($0.element.count, $1.offset)
        }
        for (_, group) in order {
            let own = group.reduce(into: [:]) { $0[labels[$1], default: 0.0] += 1 }
            // By how much the sum of the squares of the classes' shares grows.
            func growth(_ fold: Int) -> Double {
                own.keys.sorted().reduce(0) { sum, label in
                    let (before, more, total) = (held[fold][label] ?? 0, own[label] ?? 0, totals[label] ?? 1)
                    return sum + (2 * before + more) * more / (total * total)
                }
            }
            let growths = (0..<count).map(growth)
            let fold = growths.indices.min { (growths[$0], $0) < (growths[$1], $1) } ?? 0
            for sample in group { assignment[sample] = fold }
            for (label, number) in own { held[fold][label, default: 0] += number }
        }
        self.assignment = assignment
    }

    /// The samples that are held out in a fold, ascending, and the others.
    package func parts(_ fold: Int) -> (training: [Int], held: [Int]) {
        (assignment.indices.filter { assignment[$0] != fold }, assignment.indices.filter { assignment[$0] == fold })
    }
}
