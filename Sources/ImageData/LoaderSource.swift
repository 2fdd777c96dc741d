// The loop's batches from an image loader.

/// A `BatchSource` over a `BatchLoader`.
package final class LoaderSource: BatchSource {
    private let loader: BatchLoader

    package init(_ loader: BatchLoader) { self.loader = loader }

    /// Shows when each image is read. For traces.
    package func watch(_ watcher: @escaping @Sendable (ReadMoment) -> Void) { loader.watch(watcher) }

    package func order(_ batches: [[Int]], epoch: Int) { loader.begin(epoch: epoch, batches: batches) }

    package func next() -> Batch {
        guard let batch = loader.next() else { preconditionFailure("the loop asked for more batches than it ordered") }
        return batch
    }
}
