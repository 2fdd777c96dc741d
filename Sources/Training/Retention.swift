// Which checkpoints stay.

/// Keeps the best checkpoint and the newest `count`.
package struct Retention: Sendable, Equatable {
    package let count: Int

    package init(keeping count: Int) {
        precondition(count >= 1, "at least the newest checkpoint is kept")
        self.count = count
    }

    /// The steps whose checkpoints go, ascending.
    package func expired(existing: [Int], best: Int?) -> [Int] {
        existing.sorted().dropLast(count).filter { $0 != best }
    }
}
