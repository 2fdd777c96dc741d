// The engine of started sums: a queue in front of a pipeline, moved by whoever calls in.
import CMPI
import Collectives
import Foundation

/// Runs started sums on a `SumPipeline`.
///
/// Messages move when the computing thread calls `progress()` (`Overlap.poked`), when a helper thread wakes for a moment every
/// fraction of a millisecond (`Overlap.thread`), or only when a sum is waited for (`Overlap.none`). The helper sleeps between
/// looks, because one that waits inside MPI spins, and takes the core from the computing thread where both share one.
final class StartedSums: @unchecked Sendable {
    // Sendable because `condition` guards every variable and the pipeline, and a sum's values belong to the engine until it is complete.
    private struct Sum {
        var values: UnsafeMutableBufferPointer<Float>
        /// Where what rounding takes away is kept, if sums may be rounded.
        var rest: UnsafeMutablePointer<Float>?
        /// How many numbers have been launched.
        var launched = 0
        /// How many pieces are not complete.
        var openPieces: Int
        var startedAt: UInt64 = 0
    }

    private let pipeline: any SumPipeline
    private let overlap: Overlap
    private let condition = NSCondition()
    /// A ring of places: sum `n` stands at `n % sums.count`.
    private var sums: [Sum]
    private var startedCount = 0
    /// The first sum that has pieces to launch.
    private var launchingOrder = 0
    private var completeCount = 0
    private var isStopping = false
    private var failure: (any Error)?
    /// Nanoseconds in which sums were under way, and since when they are now.
    private var busyNanoseconds: UInt64 = 0
    private var busySince: UInt64 = 0
    private var watcher: (@Sendable (SumSpan) -> Void)?

    /// How long the helper sleeps: in it a link of 10 Gbit/s moves 250 kB, a sixteenth of what may be under way.
    private static let napNanoseconds = 200_000
    /// The most numbers of a sum for which the helper stays asleep.
    private static let helperCount = 16 << 10

    /// - Parameters:
    ///   - pipeline: the way of the sums; nothing else uses it.
    ///   - overlap: what moves the sums.
    init(pipeline: any SumPipeline, overlap: Overlap) {
        self.overlap = overlap
        self.pipeline = pipeline
        let none = Sum(values: UnsafeMutableBufferPointer(start: nil, count: 0), rest: nil, openPieces: 0)
        sums = Array(repeating: none, count: 64)
        guard overlap == .thread else { return }
        let thread = Thread { self.runHelper() }
        thread.name = "graft sums"
        thread.start()
    }

    /// Takes a sum on and returns its place in the order, from 0.
    func start(_ values: UnsafeMutableBufferPointer<Float>, rest: UnsafeMutableBufferPointer<Float>?) throws -> Int {
        precondition(rest.map { $0.count == values.count } != false, "a rest is as long as its values")
        condition.lock()
        defer { condition.unlock() }
        if let failure { throw failure }
        if startedCount - completeCount == sums.count { growQueue() }
        let now = monotonicNanoseconds()
        if startedCount == completeCount { busySince = now }
        // A rank alone has its sums already.
        if pipeline.isAlone { rest?.update(repeating: 0) }
        let values = pipeline.isAlone ? UnsafeMutableBufferPointer(rebasing: values[..<0]) : values
        let pieces = (values.count + pipeline.pieceCount - 1) / pipeline.pieceCount
        sums[startedCount % sums.count] = Sum(
            values: values, rest: rest?.baseAddress, openPieces: pieces, startedAt: now)
        startedCount += 1
        // An empty sum has nothing to launch and is complete when those before it are.
        noteCompletion()
        if overlap != .none { try move(blocking: false) }
        // A sum of few messages is sooner complete than the helper awake: the next call, or whoever waits, moves it.
        if overlap == .thread && values.count > Self.helperCount { condition.signal() }
        return startedCount - 1
    }

    /// Moves what can be moved without waiting.
    func progress() throws {
        guard overlap != .none else { return }
        condition.lock()
        defer { condition.unlock() }
        if let failure { throw failure }
        if completeCount < startedCount { try move(blocking: false) }
    }

    /// Returns when sum `order` and all before it are complete.
    func wait(through order: Int) throws {
        condition.lock()
        defer { condition.unlock() }
        precondition(order < startedCount, "sum \(order) was never started")
        while completeCount <= order {
            if let failure { throw failure }
            try move(blocking: true)
        }
    }

    /// Shows every sum that has values when it is complete.
    func watch(_ watcher: @escaping @Sendable (SumSpan) -> Void) {
        condition.lock()
        self.watcher = watcher
        condition.unlock()
    }

    /// The seconds so far in which a sum was under way.
    var busySeconds: Double {
        condition.lock()
        defer { condition.unlock() }
        let now = completeCount < startedCount ? monotonicNanoseconds() - busySince : 0
        return Double(busyNanoseconds + now) * 1e-9
    }

    /// Ends the helper thread. No sum is under way.
    func stop() {
        condition.lock()
        isStopping = true
        condition.signal()
        condition.unlock()
    }

    private func runHelper() {
        condition.lock()
        defer { condition.unlock() }
        while !isStopping && failure == nil {
            if completeCount == startedCount {
                condition.wait()
            } else {
                do { try move(blocking: false) } catch { failure = error }
                condition.unlock()
                var nap = timespec(tv_sec: 0, tv_nsec: Self.napNanoseconds)
                nanosleep(&nap, nil)
                condition.lock()
            }
        }
    }

    /// Launches what there is room for and moves what is under way. Called with the lock held.
    private func move(blocking: Bool) throws {
        try launch()
        guard pipeline.openSlots > 0 else { return }
        try pipeline.advance(blocking: blocking) { order in sums[order % sums.count].openPieces -= 1 }
        noteCompletion()
        try launch()
    }

    private func launch() throws {
        while launchingOrder < startedCount && pipeline.hasRoom {
            let place = launchingOrder % sums.count
            let sum = sums[place]
            guard sum.launched < sum.values.count, let base = sum.values.baseAddress else {
                launchingOrder += 1
                continue
            }
            let count = min(pipeline.pieceCount, sum.values.count - sum.launched)
            try pipeline.launch(
                base + sum.launched, rest: sum.rest.map { $0 + sum.launched }, count: count, order: launchingOrder)
            sums[place].launched += count
        }
    }

    private func noteCompletion() {
        guard completeCount < startedCount else { return }
        while completeCount < startedCount && sums[completeCount % sums.count].openPieces == 0 {
            let sum = sums[completeCount % sums.count]
            if let watcher, !sum.values.isEmpty {
                let bytes = sum.values.count * MemoryLayout<Float>.stride
                watcher(SumSpan(bytes: bytes, start: sum.startedAt, end: monotonicNanoseconds()))
            }
            completeCount += 1
        }
        if completeCount == startedCount { busyNanoseconds += monotonicNanoseconds() - busySince }
    }

    private func growQueue() {
        var larger = sums + sums
        for order in completeCount..<startedCount { larger[order % larger.count] = sums[order % sums.count] }
        sums = larger
    }
}
