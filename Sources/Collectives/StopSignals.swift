// Signals: a wish to stop becomes a flag that the loop reads, and a crash leaves a line that names the rank.
import CProcess

/// A request from outside to stop: SIGTERM (a scheduler ends the job), SIGINT (control-C) or SIGUSR1 (a scheduler's early warning).
///
/// The handler only sets a flag. The training loop shares it between ranks, so that all stop at the same step; a signal may
/// reach one rank only. A second SIGINT ends the process at once.
package struct StopSignals: Sendable {
    /// Installs the handlers for this process, and forgets signals that came before.
    package init() {
        let error = graft_stop_signals_install()
        precondition(error == 0, "the system refused a signal handler (error \(error))")
    }

    /// Whether this rank was asked to stop.
    package var stopRequested: Bool { graft_stop_signal() != 0 }

    /// The name of the first signal that asked, for messages.
    package var signalName: String? {
        switch graft_stop_signal() {
        case 0: nil
        case 2: "SIGINT"
        case 10: "SIGUSR1"
        case 15: "SIGTERM"
        case let other: "signal \(other)"
        }
    }
}

/// The last words of a rank that crashes.
package enum CrashNote {
    /// From now on a crash of this process (a failed precondition, a bad address, an abort) first writes one line,
    /// `rank r on host h: crashed (…)`, to standard error, and then takes its usual course, which makes the launcher end the other ranks.
    package static func install(rank: Int, hostName: String) {
        let error = graft_crash_note_install("rank \(rank) on host \(hostName)")
        precondition(error == 0, "the system refused a signal handler (error \(error))")
    }
}
