// Signals: a wish to stop becomes a flag that the loop reads, and a crash leaves a line that names the rank.
import CProcess
import Foundation

/// A request from outside to stop: SIGTERM (a scheduler ends the job), SIGINT (control-C) or SIGUSR1 (a scheduler's early warning).
///
/// The handler only sets a flag. The training loop shares it between ranks, so that all stop at the same step; a signal may
/// reach one rank only. A second SIGINT ends the process at once.
package struct StopSignals: Sendable {
    /// Installs the handlers for this process, and forgets signals that came before.
    ///
    /// No handler ever runs on this thread or on one that it starts from now on: make it before any of them, and before MPI.
    /// - Parameter tellsUser: whether the first signal is answered at once by a line on standard error.
    package init(tellsUser: Bool = false) {
        let error = graft_stop_signals_install(tellsUser ? 1 : 0)
        precondition(error == 0, "the system refused a signal handler (error \(error))")
    }

    /// Whether this rank was asked to stop.
    package var stopRequested: Bool { graft_stop_signal() != 0 }

    /// The name of the first signal that asked, for messages.
    package var signalName: String? { graft_stop_signal_name().map { String(cString: $0) } }

    /// Runs `body`, which starts a process, so that the process hears the signals: it inherits what this thread blocks.
    package static func lettingThrough<Result>(_ body: () throws -> Result) rethrows -> Result {
        var (signals, former) = (sigset_t(), sigset_t())
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGUSR1] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_UNBLOCK, &signals, &former)
        defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
        return try body()
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

    /// Gives the calling thread a stack for that line: the one of a thread that runs generated code may not be one at that moment.
    package static let prepareThread: @convention(c) () -> Void = {
        // Without it a crash still ends the process; only its line may be lost.
        _ = graft_alternate_stack_install()
    }
}
