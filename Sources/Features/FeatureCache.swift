// Filling the feature cache: each image's features once in all, whatever the number of ranks, and then on every rank.
package import Collectives
import Foundation
package import ImageData
internal import Tensors

/// Where features are kept between runs, and what their images are called there.
package struct FeatureDisk: Sendable {
    package var folder: FeatureFolder
    /// What each record is of, by its index in the store; nil for a file that cannot be read.
    package var ids: [FeatureID?]

    package init(folder: FeatureFolder, ids: [FeatureID?]) {
        self.folder = folder
        self.ids = ids
    }
}

/// A split with the features of all its images.
package struct CachedFeatures {
    package let store: FeatureStore
    /// Images without features, by sample index.
    package let unreadable: [Int: UnreadableSample]

    /// Those of some of the samples, in this order.
    package func subset(_ samples: [Int]) -> CachedFeatures {
        var left: [Int: UnreadableSample] = [:]
        for (position, sample) in samples.enumerated() {
            guard let known = unreadable[sample] else { continue }
            left[position] = UnreadableSample(sample: position, path: known.path, reason: known.reason, isUsed: known.isUsed)
        }
        return CachedFeatures(store: store.subset(samples), unreadable: left)
    }
}

/// How filling a cache ended.
package enum FeatureFilling {
    case filled(CachedFeatures)
    /// A rank was asked to stop; what was finished on disk stays there.
    case stopped
    /// The disk refused; all ranks go on without a cache.
    case refused(String)
}

/// Fills the features of one split. Every rank makes one and calls `fill`.
package final class FeatureCache {
    package let samples: SampleList
    private let store: FeatureStore
    private let disk: FeatureDisk?
    private let communicator: any Communicator
    private let say: (String) -> Void
    private let agreementSeconds: Double
    private var unreadable: [Int: UnreadableSample] = [:]
    /// Names of shards that were looked at.
    private var opened: Set<String> = []

    /// - Parameters:
    ///   - disk: nil keeps the features in memory alone.
    ///   - agreementSeconds: how often ranks tell each other that one was asked to stop.
    ///   - say: prints a line for the user; called on rank 0.
    package init(
        samples: SampleList, layout: FeatureLayout, views: Int, disk: FeatureDisk?, _ communicator: any Communicator,
        agreementSeconds: Double = 1, say: @escaping (String) -> Void
    ) {
        self.samples = samples
        self.agreementSeconds = agreementSeconds
        self.disk = disk
        self.communicator = communicator
        self.say = communicator.isRoot ? say : { _ in }
        store = FeatureStore(layout: layout, sampleCount: samples.count, views: views)
    }

    /// Makes every record present on every rank: opens what earlier runs left, computes what nobody has, sends what some ranks lack.
    ///
    /// - Parameters:
    ///   - source: images, in batches of at most `capacity`; it is ordered view by view, the view as its epoch.
    ///   - stop: looked at before each batch; the other ranks hear of it within a second or two.
    ///   - features: the boundary's values of a batch, `[batch.count, …]` each.
    /// - Throws: what the source, the prefix and the communicator throw.
    package func fill(
        from source: any BatchSource, capacity: Int, stop: StopFlag, features: (Batch) throws -> [UnsafePointer<Float>]
    ) throws -> FeatureFilling {
        communicator.heartbeat.enter(.caching, step: 0)
        if let refusal = try openEarlier() { return .refused(refusal) }
        let missing = try holders().indices(where: nil)
        if let disk {
            say(
                "features (\(samples.split)): \(store.recordCount - missing.count) of \(store.recordCount) found in \(disk.folder.path)"
            )
        }
        let share = Array(missing[Shard.range(of: missing.count, rank: communicator.rank, ranks: communicator.size)])
        if !missing.isEmpty {
            let work = FeatureWork(
                store: store, split: samples.split, share: share, total: missing.count, capacity: capacity, say: say,
                heartbeat: communicator.heartbeat, rounds: SharedWork(communicator, stop, interval: agreementSeconds))
            let outcome = try compute(work, source, features)
            if let outcome { return outcome }
        }
        try exchange()
        try shareUnreadable()
        return .filled(CachedFeatures(store: store, unreadable: unreadable))
    }

    /// Computes and keeps this rank's share; nil if all went well on all ranks.
    private func compute(
        _ work: FeatureWork, _ source: any BatchSource, _ features: (Batch) throws -> [UnsafePointer<Float>]
    ) throws -> FeatureFilling? {
        guard let disk else {
            let done = try work.run(source, features) { store.keep($0, as: $1) }
            unreadable = done.unreadable
            if done.isStopped { say("features (\(samples.split)): stopped as asked; features.cache: disk would have kept them") }
            return done.isStopped ? .stopped : nil
        }
        let name = disk.folder.newName(rank: communicator.rank)
        var writer: FeatureShardWriter?
        var failure = attempt {
            writer = try FeatureShardWriter(
                path: "\(disk.folder.path)/\(name)", key: disk.folder.key.digest, layout: store.layout,
                recordCount: work.share.count)
        }
        if let refusal = try agree(failure) { return .refused(refusal) }
        let done = try work.run(source, features) { values, index in
            guard failure == nil, let id = disk.ids[index] else { return }
            failure = attempt { try writer?.append(values, as: id) }
        }
        unreadable = done.unreadable
        if failure == nil { failure = attempt { try writer?.finish() } }
        if let refusal = try agree(failure) { return .refused(refusal) }
        if done.isStopped {
            say("features (\(samples.split)): stopped as asked; those computed so far are in \(disk.folder.path)")
            return .stopped
        }
        if let refusal = try openShards() { return .refused(refusal) }
        return nil
    }

    private func attempt(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return "\(error)" }
        return nil
    }

    /// The first refusal of any rank, on all ranks.
    private func agree(_ failure: String?) throws -> String? {
        try communicator.gather(Array((failure ?? "").utf8)).first { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    }

    private func openEarlier() throws -> String? {
        guard let disk else { return nil }
        let failure = attempt { if communicator.localRank == 0 { try disk.folder.prepare() } }
        if let refusal = try agree(failure) { return refusal }
        return try openShards()
    }

    /// Opens every shard in sight. One that is damaged, wherever that is seen, is named, left out by all ranks and removed.
    private func openShards() throws -> String? {
        guard let disk else { return nil }
        var shards: [(name: String, shard: FeatureShard)] = []
        var damaged: [String: String] = [:]
        for name in disk.folder.names where opened.insert(name).inserted {
            do {
                let shard = try disk.folder.open(name)
                if let record = shard.firstDamage(part: communicator.localRank, of: communicator.localSize) {
                    damaged[name] = "\(shard.path): is damaged: the checksum of record \(record) does not fit"
                } else {
                    shards.append((name, shard))
                }
            } catch { damaged[name] = "\(error)" }
        }
        let all = try communicator.gather([UInt8](try JSONEncoder().encode(damaged))).map {
            try JSONDecoder().decode([String: String].self, from: Data($0))
        }.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        for (name, reason) in all.sorted(by: { $0.key < $1.key }) {
            say("warning: \(reason); its features are computed anew")
            if communicator.localRank == 0 { disk.folder.remove(name) }
        }
        var places: [FeatureID: [Int]] = [:]
        for (index, id) in disk.ids.enumerated() { if let id { places[id, default: []].append(index) } }
        for (name, shard) in shards where all[name] == nil { store.place(shard, at: places) }
        return nil
    }

    /// For each record the first rank that has it, and whether all have.
    private func holders() throws -> Holders {
        let own = (0..<store.recordCount).map { store.contains($0) ? UInt8(1) : 0 }
        return Holders(try communicator.gather(own), count: store.recordCount)
    }

    /// Sends records from ranks that have them to those that lack them, some megabytes at a time.
    private func exchange() throws {
        let holders = try holders()
        let bytes = store.layout.recordBytes
        let perMessage = max(1, Self.messageBytes / bytes)
        let message = AlignedBuffer(byteCount: communicator.size > 1 ? perMessage * bytes : 0)
        for rank in 0..<communicator.size {
            let wanted = holders.indices(where: rank).filter { !holders.isEverywhere[$0] }
            for start in stride(from: 0, to: wanted.count, by: perMessage) {
                let part = wanted[start..<min(start + perMessage, wanted.count)]
                if communicator.rank == rank {
                    for (position, index) in part.enumerated() {
                        guard let record = store.record(index) else { continue }
                        (message.base + position * bytes).copyMemory(from: record, byteCount: bytes)
                    }
                }
                let sent = UnsafeMutableRawBufferPointer(start: message.base, count: part.count * bytes)
                try communicator.broadcast(sent, from: rank)
                for (position, index) in part.enumerated() where !store.contains(index) {
                    store.keep(copyOf: message.base + position * bytes, as: index)
                }
            }
        }
    }

    private static let messageBytes = 16 << 20

    private func shareUnreadable() throws {
        let own = [UInt8](try JSONEncoder().encode(Array(unreadable.values)))
        for list in try communicator.gather(own) {
            for sample in try JSONDecoder().decode([UnreadableSample].self, from: Data(list)) {
                unreadable[sample.sample] = sample
            }
        }
    }
}

/// Which rank has which records.
private struct Holders {
    let first: [Int?]
    let isEverywhere: [Bool]

    init(_ present: [[UInt8]], count: Int) {
        first = (0..<count).map { index in present.firstIndex { $0[index] == 1 } }
        isEverywhere = (0..<count).map { index in present.allSatisfy { $0[index] == 1 } }
    }

    /// The records whose first holder is this rank, or nobody.
    func indices(where rank: Int?) -> [Int] { first.indices.filter { first[$0] == rank } }
}
