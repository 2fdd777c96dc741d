// Holding out whole groups: photographs of one animal, patient or video stand on one side.
import Files
internal import Tensors

/// One folder in two disjoint parts that share no group, with classes as evenly held out as groups allow.
package struct GroupedSplit: Sendable {
    package let training: ImageFolder
    package let validation: ImageFolder
    /// What came of it, for the user: images and groups of each class on both sides.
    package let report: [String]

    /// Groups are looked at in the order of their hashes of (seed, name), and held out where that brings the classes nearer to the share
    /// `fraction` of each: the sum over classes of ((held out - wanted) / images)² falls. Then each is exchanged for another where that
    /// does. The choice depends on names alone.
    ///
    /// - Parameter group: of each sample.
    package init(of folder: ImageFolder, fraction: Double, seed: UInt64, groups: [String]) {
        precondition(fraction > 0 && fraction < 1, "the held-out fraction lies between 0 and 1")
        precondition(groups.count == folder.samples.count, "every sample has a group")
        var members: [String: [Int]] = [:]
        for (sample, group) in groups.enumerated() { members[group, default: []].append(sample) }
        let order = members.keys.map { name in
            var checksum = Checksum(seed: seed)
            checksum.update(name)
            return (hash: checksum.value, name: name)
        }.sorted { $0.hash != $1.hash ? $0.hash < $1.hash : bytewise($0.name, $1.name) }
        let totals = folder.classCounts.map(Double.init)
        let sizes = order.map { group in
            var counts: [Int: Double] = [:]
            for sample in members[group.name] ?? [] { counts[folder.samples.label(of: sample), default: 0] += 1 }
            return counts
        }
        var choice = Choice(totals: totals, wanted: totals.map { fraction * $0 }, sizes: sizes)
        choice.fill()
        choice.exchange()
        var isHeldOut = [Bool](repeating: false, count: folder.samples.count)
        for (number, group) in order.enumerated() where choice.isHeldOut[number] {
            for sample in members[group.name] ?? [] { isHeldOut[sample] = true }
        }
        func part(_ wanted: Bool) -> ImageFolder {
            var part = folder
            part.samples = folder.samples.picked(folder.samples.indices.filter { isHeldOut[$0] == wanted })
            if wanted { part.notes = [] }
            return part
        }
        (training, validation) = (part(false), part(true))
        report = Self.report(folder, groups, isHeldOut)
    }

    /// Which groups are held out.
    private struct Choice {
        let totals: [Double]
        let wanted: [Double]
        /// Of each group its images of each class.
        let sizes: [[Int: Double]]
        private(set) var isHeldOut: [Bool]
        private var heldOut: [Double]

        /// Of how many groups on each side an exchange is tried for one.
        private static let tried = 64

        init(totals: [Double], wanted: [Double], sizes: [[Int: Double]]) {
            (self.totals, self.wanted, self.sizes) = (totals, wanted, sizes)
            isHeldOut = sizes.map { _ in false }
            heldOut = totals.map { _ in 0 }
        }

        /// By how much the sum of squares changes if `coming` is held out, and `leaving` no more.
        private func change(_ coming: Int, leaving: Int? = nil) -> Double {
            var counts = sizes[coming]
            if let leaving { for (label, count) in sizes[leaving] { counts[label, default: 0] -= count } }
            // In the order of classes: sums of floats must not depend on a dictionary's.
            return counts.keys.sorted().reduce(0) { sum, label in
                let (missing, count) = (heldOut[label] - wanted[label], counts[label] ?? 0)
                return sum + (2 * missing + count) * count / (totals[label] * totals[label])
            }
        }

        private mutating func move(_ group: Int, isOut: Bool) {
            isHeldOut[group] = isOut
            for (label, count) in sizes[group] { heldOut[label] += isOut ? count : -count }
        }

        mutating func fill() {
            for group in sizes.indices where change(group) < 0 { move(group, isOut: true) }
        }

        /// Exchanges held-out groups for better ones.
        mutating func exchange() {
            for leaving in sizes.indices where isHeldOut[leaving] {
                var (best, tried) = ((group: leaving, change: -1e-12), 0)
                for distance in 1..<sizes.count where tried < Self.tried {
                    let coming = (leaving + distance) % sizes.count
                    guard !isHeldOut[coming] else { continue }
                    tried += 1
                    let change = change(coming, leaving: leaving)
                    if change < best.change { best = (coming, change) }
                }
                guard best.group != leaving else { continue }
                move(leaving, isOut: false)
                move(best.group, isOut: true)
            }
        }
    }

    private static let reportedClasses = 20

    private static func report(_ folder: ImageFolder, _ groups: [String], _ isHeldOut: [Bool]) -> [String] {
        var table = TextTable([.left("class"), .right("training"), .right("groups"), .right("validation"), .right("groups")])
        func counts(_ label: Int?, _ heldOut: Bool) -> [String] {
            let samples = folder.samples.indices.filter {
                isHeldOut[$0] == heldOut && (label == nil || folder.samples.label(of: $0) == label)
            }
            return ["\(samples.count)", "\(Set(samples.map { groups[$0] }).count)"]
        }
        if folder.classes.count <= reportedClasses {
            for (label, name) in folder.classes.enumerated() { table.add([name] + counts(label, false) + counts(label, true)) }
        }
        table.add(["all"] + counts(nil, false) + counts(nil, true))
        return table.lines()
    }

    /// The groups that stand in both of two folders.
    package static func shared(_ first: [String], _ second: [String]) -> [String] {
        Set(first).intersection(second).sorted(by: bytewise)
    }
}
