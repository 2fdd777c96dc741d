// Refuses to run as one of several silent single processes that would all write the same files.
import Foundation

/// Compares what the environment says about the launch with the group that was actually formed.
///
/// A program linked with one message-passing library but started by another's launcher (or by `srun` without a matching
/// `--mpi`) comes up as "rank 0 of 1", once per task. The variables below are set per *process* by launchers, so that one
/// `mpirun` inside an `salloc` shell or a batch script, where `SLURM_NTASKS` describes the allocation, is left alone.
package enum LaunchCheck {
    /// Variables that hold how many processes the launcher started, and what to do when they cannot find each other.
    private static let sizes: [(variable: String, remedy: String)] = [
        ("OMPI_COMM_WORLD_SIZE", "use the mpirun of the Open MPI that graft was built with"),
        ("MV2_COMM_WORLD_SIZE", "this is MVAPICH's launcher: use the mpirun of the Open MPI that graft was built with"),
        ("PMI_SIZE", "this is another library's launcher: use Open MPI's mpirun, or `srun --mpi=pmix` under Slurm"),
        ("SLURM_STEP_NUM_TASKS", "start it with `srun --mpi=pmix`, or with Open MPI's mpirun inside the allocation"),
    ]

    /// Variables that hold this process's own number: above 0 there must be others.
    private static let ranks: [(variable: String, remedy: String)] = [
        ("PMIX_RANK", "the launcher's PMIx does not fit the one that graft was built with: use Open MPI's own mpirun"),
        ("PMI_RANK", "this is another library's launcher: use Open MPI's mpirun, or `srun --mpi=pmix` under Slurm"),
        ("SLURM_PROCID", "start it with `srun --mpi=pmix`, or with Open MPI's mpirun inside the allocation"),
    ]

    /// Whether the environment says that an Open MPI or PMIx launcher started this process, so that MPI can be initialised.
    ///
    /// Without a launcher MPI is left alone: initialising it starts a helper daemon, which takes a third of a second and
    /// fails where neither `orted` nor `ssh` is found.
    package static func wasLaunched(environment: [String: String]) -> Bool {
        ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"].contains { environment[$0] != nil }
    }

    /// This process's rank as its launcher says it, before the ranks have found each other; 0 where nothing is said.
    package static func statedRank(environment: [String: String]) -> Int {
        (["OMPI_COMM_WORLD_RANK"] + ranks.map(\.variable)).lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 0
    }

    /// Refuses `srun mpirun`: each of Slurm's tasks would start a whole job, and all of them would train the same run.
    ///
    /// Where mpirun itself has daemons started by Slurm, those are tasks too, but then the daemon is the ranks' parent.
    /// - Parameter parent: the name of the parent process.
    /// - Throws: `CollectiveError.launcherInEveryTask`.
    package static func checkLauncher(environment: [String: String], parent: String) throws {
        let names: Set = ["mpirun", "mpiexec", "orterun", "prterun"]
        guard environment["OMPI_COMM_WORLD_SIZE"] != nil, names.contains(parent),
            let tasks = environment["SLURM_STEP_NUM_TASKS"].flatMap({ Int($0) }), tasks > 1
        else { return }
        throw CollectiveError.launcherInEveryTask(tasks: tasks)
    }

    /// The name of this process's parent, as the system has it; empty where it does not tell.
    package static var parentName: String {
        let name = try? String(contentsOfFile: "/proc/\(getppid())/comm", encoding: .utf8)
        return name?.trimmingCharacters(in: .newlines) ?? ""
    }

    /// Checks a group of `size` ranks against the environment.
    ///
    /// - Throws: `CollectiveError.lonelyProcess` when the group has one rank and a launcher's variable proves that there are more.
    package static func check(environment: [String: String], size: Int) throws {
        guard size == 1 else { return }
        // Open MPI's launcher knows best: with `mpirun -n 1` on a remote host its daemon is itself one of several Slurm tasks.
        if environment["OMPI_COMM_WORLD_SIZE"] == "1" { return }
        let found =
            sizes.first { (environment[$0.variable].flatMap { Int($0) } ?? 1) > 1 }
            ?? ranks.first { (environment[$0.variable].flatMap { Int($0) } ?? 0) > 0 }
        if let (variable, remedy) = found {
            throw CollectiveError.lonelyProcess(variable: variable, value: environment[variable] ?? "", remedy: remedy)
        }
    }
}
