// Ends a job some of whose ranks never come to its start: MPI itself would wait for them without end, and without a word.
import Collectives
import Foundation

/// A thread beside the one that waits in MPI's start. It sleeps until the ranks have found each other, which costs a start nothing.
///
/// A host where a rank is missing speaks first, through one of its ranks; only if none does, hosts whose ranks are all there say so.
final class StartWatch: @unchecked Sendable {
    // Sendable because `condition` guards `hasEnded` and the rest never changes.
    private let environment: [String: String]
    private let seconds: Double
    private let condition = NSCondition()
    private var hasEnded = false

    /// Begins to wait.
    init(environment: [String: String], seconds: Double) {
        (self.environment, self.seconds) = (environment, seconds)
        Thread { self.run() }.start()
    }

    /// All ranks are there, or this one has failed.
    func end() {
        condition.lock()
        hasEnded = true
        condition.broadcast()
        condition.unlock()
    }

    private func run() {
        RankProcess.nameWaitingThread()
        if waits(seconds) { return }
        let own = LaunchCheck.statedRank(environment: environment)
        let processes = RankProcess.ofJob(environment: environment)
        let roll = StartRoll(environment: environment, hostName: currentHostName(), own: own, processes: processes)
        if !roll.hasGaps, waits(5) { return }
        // Whoever does not speak is ended by the launcher with the rank that does, or a little later by itself.
        if roll.speaker ?? own != own, waits(5) { return }
        if roll.speaker ?? own == own {
            GivingUp.announce(roll.sentence(after: seconds))
            // Ranks that began a moment later must still see it here, and be silent.
            sleep(2)
        }
        _exit(GivingUp.status)
    }

    /// Whether the start has ended within so many seconds.
    private func waits(_ seconds: Double) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while !hasEnded, condition.wait(until: deadline) {}
        return hasEnded
    }
}
