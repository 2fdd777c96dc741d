// How gradient sums travel while the rank computes.

/// How gradient sums overlap with computing. The results are the same, up to float rounding.
package enum Overlap: String, Sendable, CaseIterable {
    /// A thread of its own runs blocking sums, one after the other. It spins while it waits for other ranks, so it pays only
    /// where the rank owns a core that computes nothing.
    case thread
    /// Non-blocking sums, which the computing thread moves by calling `progress()` between its steps.
    case poked
    /// Sums run when they are waited for.
    case none

    /// The best choice for ranks placed like this, the same on every rank: `thread` where each has a core to spare, else `poked`.
    ///
    /// Measured with one core a rank over a 1 Gbit/s link, 12 buckets of 4 MB beside one second of computing: `poked` left
    /// 80 ms of 760 exposed and took 45–85 ms of processor time, `thread` left 290 ms exposed because it spins on the core that
    /// computes. Between two ranks of one machine nothing can be hidden, only kept small. `graft doctor` repeats the measurement.
    package static func recommended(for placements: [ThreadPlacement]) -> Overlap {
        placements.allSatisfy { $0.fairThreads > $0.threads } ? .thread : .poked
    }
}
