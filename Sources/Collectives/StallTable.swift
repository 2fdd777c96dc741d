// Decides from the ranks' pulses whether someone is missing, and words it in one line. Pure: clocks and transport are elsewhere.

/// The last pulse of every rank that a watcher hears of, and the rule by which it speaks up.
///
/// A stall is reported when a rank has waited for others longer than the phase of the rank it waits for allows: a minute
/// for computing, ten for evaluating or saving. It is repeated when the wait has doubled.
package struct StallTable: Sendable {
    private struct Row {
        var pulse: Pulse
        var time: Double
    }

    private let hosts: [String]
    private let watcher: Int
    private var silenceSeconds: Double
    private let patience: Double
    private var rows: [Row?]
    private var nextReport = 0.0
    /// When this table began to be kept.
    private var start: Double?

    /// How long ranks wait for one that is not heard of before the job is ended, in seconds; nil for ever.
    package var endSeconds: Double? = StallTable.usualEndSeconds
    package static let usualEndSeconds = 600.0

    /// - Parameters:
    ///   - hosts: host names by rank.
    ///   - watcher: the rank that keeps this table; any but rank 0 reports only a silent rank 0.
    ///   - pulseInterval: how often ranks send pulses, in seconds.
    ///   - patience: scales every time limit.
    package init(hosts: [String], watcher: Int, pulseInterval: Double, patience: Double) {
        self.hosts = hosts
        self.watcher = watcher
        self.patience = patience
        silenceSeconds = 4 * pulseInterval
        rows = Array(repeating: nil, count: hosts.count)
    }

    /// How often ranks send pulses from now on, in seconds.
    package mutating func expectPulses(every seconds: Double) { silenceSeconds = 4 * seconds }

    /// Notes what `rank` said at `time`, in seconds of the watcher's clock.
    package mutating func note(_ pulse: Pulse, of rank: Int, at time: Double) {
        start = start ?? time
        rows[rank] = Row(pulse: pulse, time: time)
    }

    /// Why the job must be ended: ranks have waited too long for one that is not heard of, or all of them on the network. A rank that is
    /// heard of, however long it computes or saves, is waited for. Nil while there is hope.
    package func hopeless(at time: Double) -> String? {
        guard let endSeconds, let wait = longestWait(at: time), wait >= endSeconds else { return nil }
        let late = heardBy(watcher).filter { isLate($0, at: time) }
        guard late.allSatisfy({ isSilent($0, at: time) }), watcher == 0 || !late.isEmpty else { return nil }
        return "gave up after \(Int(wait)) s: \(sentence(late, wait, at: time))"
    }

    /// The root hears all ranks, the others hear it.
    private func heardBy(_ watcher: Int) -> [Int] { watcher == 0 ? Array(hosts.indices) : [0] }

    /// One line about who is missing, or nil while there is nothing to say.
    package mutating func report(at time: Double) -> String? {
        guard let wait = longestWait(at: time) else {
            nextReport = 0
            return nil
        }
        let late = hosts.indices.filter { isLate($0, at: time) }
        guard watcher == 0 || late.contains(0), wait >= max(limit(late, at: time), nextReport) else { return nil }
        nextReport = 2 * wait
        return sentence(late, wait, at: time)
    }

    private func sentence(_ late: [Int], _ wait: Double, at time: Double) -> String {
        guard !late.isEmpty else {
            let step = rows[watcher]?.pulse.step ?? 0
            return "all ranks have been waiting for \(Int(wait)) s at step \(step): the network between them may be down"
        }
        let names = late.prefix(3).map { describe($0, at: time) }.joined(separator: "; ")
        let others = late.count > 3 ? "; and \(late.count - 3) others" : ""
        return "waiting for \(Int(wait)) s for \(names)\(others)"
    }

    /// How long the rank that has waited longest has done so; nil if none waits.
    private func longestWait(at time: Double) -> Double? {
        rows.compactMap { row in row.flatMap { row in row.pulse.waitSeconds.map { $0 + time - row.time } } }.max()
    }

    private func isSilent(_ rank: Int, at time: Double) -> Bool { time - (rows[rank]?.time ?? start ?? time) > silenceSeconds }

    /// Whether `rank` is one that others may be waiting for: not waiting itself, or not heard of any more.
    private func isLate(_ rank: Int, at time: Double) -> Bool {
        guard watcher == 0 || rank == 0 || rank == watcher else { return false }
        return rows[rank].map { $0.pulse.waitSeconds == nil } ?? false || isSilent(rank, at: time)
    }

    private func limit(_ late: [Int], at time: Double) -> Double {
        if late.contains(where: { isSilent($0, at: time) }) || late.isEmpty { return patience * Phase.computing.patienceSeconds }
        return patience * (late.compactMap { rows[$0]?.pulse.phase.patienceSeconds }.max() ?? 0)
    }

    private func describe(_ rank: Int, at time: Double) -> String {
        let who = "rank \(rank) on host \(hosts[rank])"
        guard let row = rows[rank] else { return "\(who), not heard of since the start" }
        let silence = Int(time - row.time)
        if isSilent(rank, at: time) {
            return "\(who), not heard of for \(silence) s (last \(row.pulse.phase), step \(row.pulse.step))"
        }
        return "\(who), \(row.pulse.phase) at step \(row.pulse.step) for \(Int(row.pulse.phaseSeconds) + silence) s"
    }
}
