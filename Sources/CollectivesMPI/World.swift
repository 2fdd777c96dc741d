// How a process finds its place among the ranks of a job, and how all of them end when one fails.
package import Collectives
import Foundation

/// The ranks of this job.
package enum World {
    /// Runs `body` as one rank of the job, and leaves the group when it returns.
    ///
    /// An error of any rank is printed with its rank and host, and ends all ranks: the launcher's exit status is
    /// `exitStatus` of that error. An error that all ranks meet (a missing file, say) is printed by one of them, as a rule.
    /// - Parameters:
    ///   - environment: the variables of this process.
    ///   - patience: scales the time after which a stall is reported; tests shorten it.
    ///   - startSeconds: how long ranks wait for others that do not come to the start, until the job is ended; nil for ever.
    ///   - exitStatus: the status that stands for an error, not 0.
    package static func run<Result>(
        environment: [String: String], patience: Double = 1, startSeconds: Double? = StallTable.usualEndSeconds,
        exitStatus: (any Error) -> Int32,
        _ body: (any Communicator) throws -> Result
    ) -> Result {
        var joined: (any Communicator)?
        do {
            let communicator = try join(environment: environment, patience: patience, startSeconds: startSeconds)
            joined = communicator
            let result = try body(communicator)
            try communicator.finalize()
            return result
        } catch {
            // A rank that fails alone is heard half a second later; where all fail alike, rank 0 has ended the job by then.
            if joined?.rank ?? LaunchCheck.statedRank(environment: environment) > 0 { usleep(500_000) }
            let who = joined.map { $0.size > 1 ? "rank \($0.rank) on host \($0.hostName)" : "graft" } ?? "graft"
            fflush(nil)
            FileHandle.standardError.write(Data("\(who): \(error)\n".utf8))
            let status = exitStatus(error)
            joined?.abort(status: status)
            exit(status)
        }
    }

    /// Joins the ranks that the launcher started; without a launcher this process is the only rank and MPI is not touched.
    ///
    /// From here on a crash of this process is announced with its rank and host.
    /// - Parameters:
    ///   - environment: the variables of this process.
    ///   - patience: scales the time after which a stall is reported.
    ///   - startSeconds: how long ranks wait for others that do not come, until the job is ended; nil for ever.
    /// - Throws: `CollectiveError.lonelyProcess` if the launcher's processes did not find each other, `launcherInEveryTask` if there are
    ///   several launchers; `MPIFailure`.
    package static func join(
        environment: [String: String], patience: Double = 1, startSeconds: Double? = StallTable.usualEndSeconds
    ) throws -> any Communicator {
        try LaunchCheck.checkLauncher(environment: environment, parent: LaunchCheck.parentName)
        let communicator: any Communicator
        if LaunchCheck.wasLaunched(environment: environment) {
            // Until the ranks' own watch hears pulses.
            let watch = startSeconds.map { StartWatch(environment: environment, seconds: $0) }
            defer { watch?.end() }
            communicator = try MPICommunicator(patience: patience)
        } else {
            communicator = SingleProcess()
        }
        try LaunchCheck.check(environment: environment, size: communicator.size)
        CrashNote.install(rank: communicator.rank, hostName: communicator.hostName)
        return communicator
    }
}
