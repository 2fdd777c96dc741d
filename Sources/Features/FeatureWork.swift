// One rank's part of filling the feature cache: its images through the prefix, view by view.
internal import Collectives
import Foundation
internal import ImageData
import Tensors

/// The records that a rank computes.
struct FeatureWork {
    let store: FeatureStore
    let split: String
    /// Indices of records.
    let share: [Int]
    /// Records that all ranks compute together.
    let total: Int
    let capacity: Int
    let say: (String) -> Void
    let heartbeat: Heartbeat
    /// Where ranks hear that one was asked to stop.
    let rounds: SharedWork

    /// Seconds between two lines about progress.
    private static let sayInterval = 10.0

    /// Runs the share, or a part of it when asked to stop. Returns the images that could not be read, and whether ranks were stopped:
    /// the same on all.
    func run(
        _ source: any BatchSource, _ features: (Batch) throws -> [UnsafePointer<Float>],
        keep: ([UnsafePointer<Float>], Int) -> Void
    ) throws -> (unreadable: [Int: UnreadableSample], isStopped: Bool) {
        var unreadable: [Int: UnreadableSample] = [:]
        let start = monotonicNanoseconds()
        var lastSaid = start
        var done = 0
        say("features (\(split)): computing \(total)\(store.views > 1 ? ", \(store.views) views an image" : "")")
        views: for view in 0..<store.views {
            let samples = share.filter { store.view(of: $0) == view }.map { store.sample(of: $0) }
            let batches = stride(from: 0, to: samples.count, by: capacity).map {
                Array(samples[$0..<min($0 + capacity, samples.count)])
            }
            guard !batches.isEmpty else { continue }
            try source.order(batches, epoch: view)
            for _ in batches {
                if try rounds.isStopped() { break views }
                let batch = try source.next()
                for sample in batch.unreadable { unreadable[sample.sample] = sample }
                if batch.count > 0 { try self.keep(batch, view, try features(batch), keep) }
                done += batch.count
                // The stall watch sees that this rank is alive.
                heartbeat.enter(.caching, step: done)
                let now = monotonicNanoseconds()
                if Double(now - lastSaid) * 1e-9 >= Self.sayInterval {
                    lastSaid = now
                    let rate = Double(done) / (Double(now - start) * 1e-9)
                    let left = Int((Double(share.count - done) / max(rate, 1e-9)).rounded())
                    say(
                        "features (\(split)): \(done) of this rank's \(share.count), \(String(format: "%.1f", rate)) images/s, "
                            + "ETA \(left / 60):\(String(format: "%02d", left % 60))")
                }
            }
        }
        return (unreadable, try rounds.finish())
    }

    private func keep(
        _ batch: Batch, _ view: Int, _ features: [UnsafePointer<Float>], _ keep: ([UnsafePointer<Float>], Int) -> Void
    ) throws {
        let counts = store.layout.shapes.map(\.count)
        for position in 0..<batch.count {
            let values = zip(features, counts).map { $0 + position * $1 }
            keep(values, store.index(sample: batch.samples[position], view: view))
        }
    }
}
