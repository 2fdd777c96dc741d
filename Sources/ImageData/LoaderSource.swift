// The loop's batches from an image loader.

/// A `BatchSource` over a `BatchLoader`.
package final class LoaderSource: BatchSource {
    private let loader: BatchLoader
    private let views: Int?

    /// - Parameter views: after how many epochs augmentation repeats itself; nil for never.
    package init(_ loader: BatchLoader, views: Int? = nil) {
        self.loader = loader
        self.views = views
    }

    /// Shows when each image is read. For traces.
    package func watch(_ watcher: @escaping @Sendable (ReadMoment) -> Void) { loader.watch(watcher) }

    package func order(_ batches: [[Int]], epoch: Int) {
        loader.begin(epoch: views.map { epoch % $0 } ?? epoch, batches: batches)
    }

    package func next() -> Batch {
        guard let batch = loader.next() else { preconditionFailure("the loop asked for more batches than it ordered") }
        guard let samples = batch.samples.baseAddress else { preconditionFailure("a loader's slot has memory, even when empty") }
        return Batch(
            images: UnsafePointer(batch.images), labels: batch.labels, samples: samples, count: batch.count,
            unreadable: batch.newlyUnreadable.map {
                UnreadableSample(sample: $0.sample, path: $0.path, reason: "\($0.reason)")
            })
    }
}
