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
    private let silenceSeconds: Double
    private let patience: Double
    private var rows: [Row?]
    private var nextReport = 0.0

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

    /// Notes what `rank` said at `time`, in seconds of the watcher's clock.
    package mutating func note(_ pulse: Pulse, of rank: Int, at time: Double) { rows[rank] = Row(pulse: pulse, time: time) }

    /// One line about who is missing, or nil while there is nothing to say.
    package mutating func report(at time: Double) -> String? {
        guard let wait = longestWait(at: time) else {
            nextReport = 0
            return nil
        }
        let late = hosts.indices.filter { isLate($0, at: time) }
        guard watcher == 0 || late.contains(0), wait >= max(limit(late, at: time), nextReport) else { return nil }
        nextReport = 2 * wait
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

    private func isSilent(_ rank: Int, at time: Double) -> Bool { rows[rank].map { time - $0.time > silenceSeconds } ?? false }

    /// Whether `rank` is one that others may be waiting for: not waiting itself, or not heard of any more.
    private func isLate(_ rank: Int, at time: Double) -> Bool {
        guard let row = rows[rank] else { return false }
        return row.pulse.waitSeconds == nil || isSilent(rank, at: time)
    }

    private func limit(_ late: [Int], at time: Double) -> Double {
        if late.contains(where: { isSilent($0, at: time) }) || late.isEmpty { return patience * Phase.computing.patienceSeconds }
        return patience * (late.compactMap { rows[$0]?.pulse.phase.patienceSeconds }.max() ?? 0)
    }

    private func describe(_ rank: Int, at time: Double) -> String {
        guard let row = rows[rank] else { return "rank \(rank) on host \(hosts[rank])" }
        let who = "rank \(rank) on host \(hosts[rank])"
        let silence = Int(time - row.time)
        if isSilent(rank, at: time) {
            return "\(who), not heard of for \(silence) s (last \(row.pulse.phase), step \(row.pulse.step))"
        }
        return "\(who), \(row.pulse.phase) at step \(row.pulse.step) for \(Int(row.pulse.phaseSeconds) + silence) s"
    }
}
