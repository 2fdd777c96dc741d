// Batches whose images are mixed in pairs, on top of a source of single images.
internal import Tensors

/// A rank's share of a batch whose images come in pairs. Pairs are those of the whole batch, so that results do not depend on how it is
/// shared out: an image whose partner is another rank's is mixed with a copy that is read for this.
package struct PairedShare: Sendable, Equatable {
    /// The share's entries of the epoch's order, then those that are only partners.
    package let entries: [Int]
    /// Entries of the share itself.
    package let count: Int
    /// For each of these its partner's index in `entries`; its own where it has none.
    package let partners: [Int]
    /// Where the batch begins in the epoch's order.
    package let position: Int

    /// - Parameters:
    ///   - order: the epoch's entries.
    ///   - batch: the whole batch, as positions in the order.
    ///   - share: this rank's part of it.
    ///   - distance: from an image to its partner: images that come so often in a row must not meet themselves.
    package init(_ order: [Int], batch: Range<Int>, share: Range<Int>, distance: Int = 1) {
        var (entries, partners) = (Array(order[share]), [Int]())
        for position in share {
            let place = position - batch.lowerBound
            let partner = place % (2 * distance) < distance ? position + distance : position - distance
            if !batch.contains(partner) {
                partners.append(position - share.lowerBound)
            } else if share.contains(partner) {
                partners.append(partner - share.lowerBound)
            } else {
                partners.append(entries.count)
                entries.append(order[partner])
            }
        }
        (self.entries, self.partners, count, position) = (entries, partners, share.count, batch.lowerBound)
    }

    /// The most entries that a share of so many images has.
    package static func capacity(share: Int, distance: Int = 1) -> Int { share + 2 * distance }
}

/// A source that is told which images are pairs.
package protocol PairingSource: BatchSource {
    func order(_ shares: [PairedShare], epoch: Int) throws
}

/// Mixes what another source brings. What an image is then, its targets tell.
package final class MixingSource: PairingSource {
    private let images: any BatchSource
    private let mixing: Mixing
    private let side: Int
    private let classes: Int
    private let seed: UInt64
    private var epoch = 0
    private var shares: [PairedShare] = []
    private var upcoming = 0
    private let targets: AlignedBuffer
    /// For each ordered entry its place in the batch; −1 for an image that could not be read.
    private var places: [Int]
    /// Images that could not be read when they were partners only: told of when their own turn comes.
    private var held: [Int: UnreadableSample] = [:]
    private let sampleCount: Int

    /// - Parameters:
    ///   - images: brings up to `PairedShare.capacity(share:distance:)` images a batch, `[side, side, 3]` each.
    ///   - sampleCount: samples of the split, by which entries are counted.
    package init(
        _ images: any BatchSource, _ mixing: Mixing, side: Int, classes: Int, capacity: Int, sampleCount: Int, seed: UInt64
    ) {
        (self.images, self.mixing, self.side, self.classes, self.seed) = (images, mixing, side, classes, seed)
        self.sampleCount = sampleCount
        targets = AlignedBuffer(floatCount: max(1, capacity * classes))
        places = Array(repeating: -1, count: capacity)
    }

    /// Without pairs nothing is mixed.
    package func order(_ batches: [[Int]], epoch: Int) throws {
        try order(batches.map { PairedShare($0, batch: $0.indices, share: $0.indices, distance: max(1, $0.count)) }, epoch: epoch)
    }

    package func order(_ shares: [PairedShare], epoch: Int) throws {
        (self.shares, self.epoch, upcoming) = (shares, epoch, 0)
        try images.order(shares.map(\.entries), epoch: epoch)
    }

    package func next() throws -> Batch {
        precondition(upcoming < shares.count, "the loop asked for more batches than it ordered")
        let share = shares[upcoming]
        upcoming += 1
        var batch = try images.next()
        let own = find(share, in: batch)
        tell(share, &batch)
        mix(share, batch)
        batch.count = own
        batch.targets = UnsafePointer(targets.floats.baseAddress)
        return batch
    }

    /// Finds the batch's images among those that were ordered; returns how many are the share's own.
    private func find(_ share: PairedShare, in batch: Batch) -> Int {
        var (found, own) = (0, 0)
        for index in share.entries.indices {
            let isThere = found < batch.count && batch.samples[found] == share.entries[index]
            places[index] = isThere ? found : -1
            guard isThere else { continue }
            found += 1
            if index < share.count { own += 1 }
        }
        return own
    }

    private func tell(_ share: PairedShare, _ batch: inout Batch) {
        guard !batch.unreadable.isEmpty || !held.isEmpty else { return }
        let own = Set(share.entries[..<share.count].map { EpochOrder.sample(of: $0, count: sampleCount) })
        for image in batch.unreadable where !own.contains(image.sample) { held[image.sample] = image }
        batch.unreadable.removeAll { !own.contains($0.sample) }
        for sample in own { held.removeValue(forKey: sample).map { batch.unreadable.append($0) } }
    }

    private func mix(_ share: PairedShare, _ batch: Batch) {
        let recipe = BatchMix(mixing, side: side, seed: seed, epoch: epoch, position: share.position)
        let images = UnsafeMutablePointer(mutating: batch.images)
        let size = side * side * 3
        let rows = targets.floats
        for index in 0..<share.count where places[index] >= 0 {
            let (partner, place) = (share.partners[index], places[index])
            let other = places[partner]
            let isPair = partner != index && other >= 0
            for label in 0..<classes { rows[place * classes + label] = 0 }
            add(batch, place, isPair ? recipe.share : 1, to: place)
            guard isPair else { continue }
            add(batch, other, 1 - recipe.share, to: place)
            // A pair within the share is mixed once, for both.
            if partner < share.count, partner < index { continue }
            recipe.apply(
                to: images + place * size, and: images + other * size, side: side, isPartnerKept: partner >= share.count)
        }
    }

    /// Adds a share of what one image is to another's targets.
    private func add(_ batch: Batch, _ image: Int, _ share: Float, to row: Int) {
        let rows = targets.floats
        guard let given = batch.targets else {
            rows[row * classes + Int(batch.labels[image])] += share
            return
        }
        for label in 0..<classes { rows[row * classes + label] += share * given[image * classes + label] }
    }
}
