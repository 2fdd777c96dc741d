// When a process may believe that it is alone.
import Collectives
import Testing

@Suite struct LaunchCheckTests {
    struct Launch: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let environment: [String: String]
        var size = 1
        /// The variable that gives the launch away, or nil where it is in order.
        var culprit: String?
    }

    static let launches: [Launch] = [
        Launch(testDescription: "a plain shell", environment: ["HOME": "/root"]),
        Launch(testDescription: "mpirun -n 1", environment: ["OMPI_COMM_WORLD_SIZE": "1", "PMIX_RANK": "0"]),
        Launch(testDescription: "mpirun -n 4, joined", environment: ["OMPI_COMM_WORLD_SIZE": "4"], size: 4),
        Launch(
            testDescription: "mpirun -n 4, not joined", environment: ["OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "0"],
            culprit: "OMPI_COMM_WORLD_SIZE"),
        Launch(
            testDescription: "an salloc shell or batch script",
            environment: ["SLURM_JOB_ID": "1", "SLURM_NTASKS": "8", "SLURM_NPROCS": "8"]),
        Launch(testDescription: "the batch step", environment: ["SLURM_NTASKS": "8", "SLURM_PROCID": "0"]),
        Launch(
            testDescription: "an interactive step",
            environment: ["SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"]),
        Launch(
            testDescription: "srun -n 8 without PMIx", environment: ["SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "0"],
            culprit: "SLURM_STEP_NUM_TASKS"),
        Launch(testDescription: "a later srun task", environment: ["SLURM_PROCID": "3"], culprit: "SLURM_PROCID"),
        Launch(
            testDescription: "mpirun -n 1 on another node of an allocation",
            environment: ["OMPI_COMM_WORLD_SIZE": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2"]),
        Launch(testDescription: "MPICH's launcher", environment: ["PMI_SIZE": "2", "PMI_RANK": "0"], culprit: "PMI_SIZE"),
        Launch(testDescription: "MVAPICH's launcher", environment: ["MV2_COMM_WORLD_SIZE": "2"], culprit: "MV2_COMM_WORLD_SIZE"),
        Launch(testDescription: "a PMIx server that does not answer", environment: ["PMIX_RANK": "1"], culprit: "PMIX_RANK"),
        Launch(testDescription: "nonsense values", environment: ["PMI_SIZE": "many", "SLURM_PROCID": ""]),
    ]

    @Test(arguments: launches) func refusesOnlyLonelyProcesses(launch: Launch) {
        if let culprit = launch.culprit {
            #expect {
                try LaunchCheck.check(environment: launch.environment, size: launch.size)
            } throws: {
                guard case CollectiveError.lonelyProcess(culprit, _, _) = $0 else { return false }
                return "\($0)".contains("mpirun")
            }
        } else {
            #expect(throws: Never.self) { try LaunchCheck.check(environment: launch.environment, size: launch.size) }
        }
    }

    @Test(arguments: [
        ("mpirun", ["OMPI_COMM_WORLD_SIZE": "2", "SLURM_STEP_NUM_TASKS": "3"], true),
        ("mpirun", ["OMPI_COMM_WORLD_SIZE": "2", "SLURM_STEP_NUM_TASKS": "1"], false),
        ("mpirun", ["OMPI_COMM_WORLD_SIZE": "2", "SLURM_NTASKS": "3"], false),
        ("orted", ["OMPI_COMM_WORLD_SIZE": "2", "SLURM_STEP_NUM_TASKS": "3"], false),
        ("slurmstepd", ["PMIX_RANK": "1", "SLURM_STEP_NUM_TASKS": "3"], false),
    ]) func aLauncherInEveryTaskIsRefused(parent: String, environment: [String: String], isRefused: Bool) {
        do {
            try LaunchCheck.checkLauncher(environment: environment, parent: parent)
            #expect(!isRefused)
        } catch {
            #expect(isRefused && "\(error)".contains("srun has started mpirun 3 times"))
        }
    }

    @Test func theParentIsNamed() { #expect(!LaunchCheck.parentName.isEmpty) }

    @Test func mpiIsLeftAloneWithoutALauncher() {
        #expect(!LaunchCheck.wasLaunched(environment: ["SLURM_NTASKS": "4", "PATH": "/bin"]))
        #expect(LaunchCheck.wasLaunched(environment: ["OMPI_COMM_WORLD_SIZE": "1"]))
        #expect(LaunchCheck.wasLaunched(environment: ["PMIX_RANK": "0"]))
    }
}
