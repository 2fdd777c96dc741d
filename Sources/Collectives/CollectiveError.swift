// What can go wrong between ranks, apart from the errors of a particular message-passing library.

/// A failure that a user of several processes can meet.
package enum CollectiveError: Error, Equatable, CustomStringConvertible {
    /// The process was started as one of several but finds itself alone: `variable` of the environment says `value` (LaunchCheck).
    case lonelyProcess(variable: String, value: String, remedy: String)
    /// Every one of Slurm's tasks has a launcher of its own (LaunchCheck).
    case launcherInEveryTask(tasks: Int)
    /// The ranks did not call the same collectives in the same order.
    case orderBroken(order: Int, first: String, other: String)
    /// Another rank failed, so that the group cannot go on.
    case peerFailed(rank: Int, reason: String)

    package var description: String {
        switch self {
        case .lonelyProcess(let variable, let value, let remedy):
            "this process was started as one of several (\(variable)=\(value)) but cannot find the others; \(remedy)"
        case .launcherInEveryTask(let tasks):
            "srun has started mpirun \(tasks) times, so \(tasks) jobs would train the same run; start `srun --mpi=pmix graft …`, or in the "
                + "batch script `mpirun graft …` without srun"
        case .orderBroken(let order, let first, let other):
            "collective \(order) differs between ranks: \(first), but \(other); this is a defect of the program, please report it"
        case .peerFailed(let rank, let reason):
            "rank \(rank) failed (\(reason)), so this rank cannot go on"
        }
    }
}
