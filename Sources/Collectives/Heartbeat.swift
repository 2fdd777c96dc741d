// What a rank says about itself while it works, so that a stall can be named: which rank, which step, which phase, since when.
import Foundation
import Synchronization

/// What a rank is busy with, as far as a stall message needs to know.
package enum Phase: Int, Sendable, CaseIterable, CustomStringConvertible {
    case starting, loading, computing, summing, evaluating, saving, caching, finishing

    package var description: String {
        switch self {
        case .starting: "starting"
        case .loading: "waiting for images"
        case .computing: "computing"
        case .summing: "summing gradients"
        case .evaluating: "evaluating"
        case .saving: "saving a checkpoint"
        case .caching: "filling the feature cache"
        case .finishing: "finishing"
        }
    }

    /// How long a rank may stay in this phase before others that wait for it say so, in seconds.
    package var patienceSeconds: Double {
        switch self {
        case .loading, .computing, .summing, .finishing: 60
        case .starting, .evaluating, .saving, .caching: 600
        }
    }
}

/// A rank's own account of where it is. Written by the training thread at no cost worth naming, read by the stall watch.
package final class Heartbeat: Sendable {
    private let phase = Atomic<Int>(Phase.starting.rawValue)
    private let step = Atomic<Int>(0)
    private let phaseStart = Atomic<UInt64>(monotonicNanoseconds())
    /// When the present wait for other ranks began; 0 while the rank is not waiting.
    private let waitStart = Atomic<UInt64>(0)
    private let listener = Mutex<(@Sendable (Phase, Int) -> Void)?>(nil)

    package init() {}

    /// Tells `listener` of every phase that begins and of its step, on the thread that begins it.
    package func tell(_ listener: @escaping @Sendable (Phase, Int) -> Void) { self.listener.withLock { $0 = listener } }

    /// Says that this rank now begins `phase` of step `step`.
    package func enter(_ phase: Phase, step: Int) {
        self.step.store(step, ordering: .relaxed)
        self.phase.store(phase.rawValue, ordering: .relaxed)
        phaseStart.store(monotonicNanoseconds(), ordering: .releasing)
        listener.withLock { $0 }?(phase, step)
    }

    /// Marks this rank as waiting for others while `body` runs. Communicators call it around everything that blocks.
    package func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        waitStart.store(monotonicNanoseconds(), ordering: .relaxed)
        defer { waitStart.store(0, ordering: .relaxed) }
        return try body()
    }

    /// What the rank would say if asked now.
    package func pulse() -> Pulse {
        let now = monotonicNanoseconds()
        let waitStart = waitStart.load(ordering: .relaxed)
        return Pulse(
            step: step.load(ordering: .relaxed), phase: Phase(rawValue: phase.load(ordering: .relaxed)) ?? .starting,
            phaseSeconds: seconds(from: phaseStart.load(ordering: .acquiring), to: now),
            waitSeconds: waitStart == 0 ? nil : seconds(from: waitStart, to: now))
    }
}

/// One reading of a heartbeat.
package struct Pulse: Sendable, Equatable {
    package var step: Int
    package var phase: Phase
    /// How long the rank has been in this phase.
    package var phaseSeconds: Double
    /// How long it has been waiting for other ranks; nil if it is not waiting.
    package var waitSeconds: Double?

    package init(step: Int, phase: Phase, phaseSeconds: Double, waitSeconds: Double?) {
        self.step = step
        self.phase = phase
        self.phaseSeconds = phaseSeconds
        self.waitSeconds = waitSeconds
    }
}

/// A clock that only moves forward, in nanoseconds; costs a few of them.
package func monotonicNanoseconds() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

private func seconds(from start: UInt64, to end: UInt64) -> Double { end > start ? Double(end - start) * 1e-9 : 0 }
