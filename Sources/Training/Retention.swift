// Which checkpoints stay.

/// Keeps the best checkpoint and the newest `count`.
package struct Retention: Sendable, Equatable {
    package let count: Int

    package init(keeping count: Int) {
        precondition(count >= 1, "at least the newest checkpoint is kept")
        self.count = count
    }

    /// The steps whose checkpoints go after `saved` was saved, ascending. Later steps are of another course of the run: they neither go
    /// nor count.
    package func expired(existing: [Int], best: Int?, saved: Int) -> [Int] {
        existing.filter { $0 <= saved }.sorted().dropLast(count).filter { $0 != best && $0 != saved }
    }
}
