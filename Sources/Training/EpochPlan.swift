// How an epoch's samples are cut into updates and passes, and a pass into ranks' shares: pure arithmetic, the same on every rank.
internal import ImageData

/// The rest of an epoch from a given sample on, as updates of one or more passes.
package struct EpochPlan: Sendable, Equatable {
    /// One step of the optimizer: its passes as ranges of positions in the epoch's order.
    package struct Update: Sendable, Equatable {
        package let passes: [Range<Int>]
        /// The sum of the weights of all its images; nil where all weigh alike.
        package var lossWeight: Double?
        /// Images of all passes over all ranks.
        package var imageCount: Int { passes.reduce(0) { $0 + $1.count } }
    }

    package private(set) var updates: [Update]

    /// Cuts positions `consumed..<sampleCount` into passes of `batchSize` images over all ranks, the last perhaps smaller, and
    /// groups `accumulation` passes into an update, the last perhaps of fewer.
    package init(sampleCount: Int, consumed: Int = 0, batchSize: Int, accumulation: Int = 1) {
        precondition(batchSize > 0 && accumulation > 0, "batch size and accumulation are at least 1")
        let imagesPerUpdate = batchSize * accumulation
        updates = stride(from: consumed, to: sampleCount, by: imagesPerUpdate).map { start in
            let end = min(start + imagesPerUpdate, sampleCount)
            return Update(passes: stride(from: start, to: end, by: batchSize).map { $0..<min($0 + batchSize, end) })
        }
    }

    /// Updates in a whole epoch.
    package static func updateCount(sampleCount: Int, batchSize: Int, accumulation: Int = 1) -> Int {
        let imagesPerUpdate = batchSize * accumulation
        return (sampleCount + imagesPerUpdate - 1) / imagesPerUpdate
    }

    /// A rank's part of a range of positions: contiguous, empty where there are more ranks than images.
    package static func share(of range: Range<Int>, rank: Int, size: Int) -> Range<Int> {
        let share = Shard.range(of: range.count, rank: rank, ranks: size)
        return range.lowerBound + share.lowerBound..<range.lowerBound + share.upperBound
    }

    /// A rank's parts of a range of positions, each computed alone: one share, or with `group` so many images at a time, cut the same
    /// whatever the number of ranks; none where there are more ranks than groups.
    package static func parts(of range: Range<Int>, rank: Int, size: Int, group: Int?) -> [Range<Int>] {
        guard let group else { return [share(of: range, rank: rank, size: size)] }
        return Shard.range(of: groupCount(of: range.count, group), rank: rank, ranks: size).map {
            let start = range.lowerBound + $0 * group
            return start..<min(start + group, range.upperBound)
        }
    }

    /// Groups of a pass of so many images.
    package static func groupCount(of images: Int, _ group: Int) -> Int { (images + group - 1) / group }

    /// The most images that a rank gets in one pass: the capacity of its plan.
    package static func shareCapacity(batchSize: Int, size: Int, group: Int? = nil) -> Int {
        group.map { min($0, batchSize) } ?? (batchSize + size - 1) / size
    }

    /// The most groups that a rank gets in one pass.
    package static func shareGroups(batchSize: Int, size: Int, group: Int) -> Int {
        (groupCount(of: batchSize, group) + size - 1) / size
    }

    /// Sums the weights of each update's images, known by the samples' order in the epoch.
    package mutating func weigh(_ order: [Int], _ weight: (_ sample: Int) -> Double) {
        for index in updates.indices {
            updates[index].lossWeight = updates[index].passes.joined().reduce(0) { $0 + weight(order[$1]) }
        }
    }

    /// One rank's shares of all passes, with the partners of their images.
    func pairedShares(_ order: [Int], rank: Int, size: Int, group: Int?, distance: Int) -> [PairedShare] {
        updates.flatMap(\.passes).flatMap { pass in
            Self.parts(of: pass, rank: rank, size: size, group: group).map {
                PairedShare(order, batch: pass, share: $0, distance: distance)
            }
        }
    }

    /// One rank's shares of all passes, as sample indices.
    func shares(_ order: [Int], rank: Int, size: Int, group: Int?) -> [[Int]] {
        updates.flatMap(\.passes).flatMap { Self.parts(of: $0, rank: rank, size: size, group: group) }.map { Array(order[$0]) }
    }
}
