// How a process finds its place: joined by MPI when a launcher started it, alone otherwise.
package import Collectives

/// The ranks of this job.
package enum World {
    /// Joins the ranks that the launcher started; without a launcher this process is the only rank and MPI is not touched.
    ///
    /// From here on a crash of this process is announced with its rank and host.
    /// - Parameters:
    ///   - environment: the variables of this process.
    ///   - overlap: how started sums move.
    ///   - patience: scales the time after which a stall is reported.
    /// - Throws: `CollectiveError.lonelyProcess` if the launcher's processes did not find each other; `MPIFailure`.
    package static func join(environment: [String: String], overlap: Overlap, patience: Double = 1) throws -> any Communicator {
        let communicator: any Communicator =
            LaunchCheck.wasLaunched(environment: environment)
            ? try MPICommunicator(overlap: overlap, patience: patience) : SingleProcess()
        try LaunchCheck.check(environment: environment, size: communicator.size)
        CrashNote.install(rank: communicator.rank, hostName: communicator.hostName)
        return communicator
    }
}
