// `graft doctor`: is this launch in order? Placement, shared memory, how fast the ranks sum, single links, and the storage.
import ArgumentParser
import Collectives
import CollectivesMPI
import Foundation
import Kernels

extension Overlap: ExpressibleByArgument {}
extension SumAlgorithm: ExpressibleByArgument {}

/// Checks a launch, with or without a config: run it exactly as the training is to be run.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks how this job was launched: cores and threads of each rank, shared memory, and the speed of sums.",
        discussion: """
            Launch it as you launch training:

            mpirun -n 4 graft doctor
            mpirun -n 4 --hostfile hosts graft doctor --links
            mpirun -n 4 graft doctor configs/my.yaml
            """)

    @Argument(
        help: ArgumentHelp(
            "Also measures how fast photographs are read and decoded: those of a config, with whether reads keep up with its network, or all "
                + "files below a folder.", valueName: "config|folder"))
    var source: String?
    @Flag(
        help: "Also tries every pair of hosts once, both ways: latency and rate. On one host, every pair of ranks.")
    var links = false
    @Option(help: "How sums move: thread (as in training), poked or none.")
    var overlap: Overlap?
    @Option(help: "The way of sums to look at: ring, shared_memory or mpi; all of them if not given.")
    var algorithm: SumAlgorithm?
    @Option(help: "Seconds of computing beside which sums are measured; 0 leaves the measurement out.")
    var seconds = 0.2
    @Option(help: "How often each measurement is repeated.")
    var repetitions = 5
    @Flag(help: "Print one JSON object instead of text.")
    var json = false
    @Option(help: ArgumentHelp("Rehearse a failure of one rank: error, crash or stall.", visibility: .hidden))
    var rehearse: RehearsedFailure?
    @Option(help: ArgumentHelp("The rank that fails in a rehearsal.", visibility: .hidden))
    var failingRank = 1
    @Option(help: ArgumentHelp("Scales the time after which a stall is reported.", visibility: .hidden))
    var patience = 1.0

    func validate() throws {
        guard seconds >= 0, repetitions > 0 else {
            throw ValidationError("--seconds must not be negative, and --repetitions at least 1")
        }
    }

    func run() {
        let environment = ProcessInfo.processInfo.environment
        World.run(environment: environment, patience: patience, exitStatus: ExitStatus.of) { communicator in
            try rehearse?.happen(on: failingRank, of: communicator)
            try examine(communicator, environment: environment)
        }
    }

    private func examine(_ communicator: any Communicator, environment: [String: String]) throws {
        let placements = try ThreadPlacement.settle(over: communicator, requested: nil, environment: environment)
        let shares = try communicator.gather(Array((SharedMemoryCheck().warning(ranks: communicator.localSize) ?? "").utf8))
            .map { String(decoding: $0, as: UTF8.self) }
        if let overlap { try communicator.use(overlap) }
        let instructions = try communicator.gather(Array(Instructions.summary.utf8)).map { String(decoding: $0, as: UTF8.self) }
        var report = DoctorReport(placements: placements, instructions: instructions, overlap: communicator.overlap.rawValue)
        report.warnings += zip(placements, shares).compactMap { $1.isEmpty ? nil : "host \($0.claim.hostName): \($1)" }.uniqued()
        let preferred = algorithm ?? .preferred(hosts: placements.map(\.claim.hostName))
        for way in algorithm.map({ [$0] }) ?? [preferred] + SumAlgorithm.allCases.filter({ $0 != preferred }) {
            if let refusal = try communicator.use(way) {
                report.warnings.append("\(way.rawValue): \(refusal)")
                if communicator.algorithm != preferred { continue }
            }
            try checkSums(over: communicator)
            guard communicator.size > 1 && seconds > 0 else { continue }
            report.sums += try measure(over: communicator, sizes: way == preferred ? Self.sizes : [Self.sizes[2]])
        }
        if links {
            report.links =
                try (communicator as? MPICommunicator).map { try LinkReport(over: $0, environment: environment) }
                ?? LinkReport(links: [])
        }
        if let source {
            let placement = placements[communicator.rank]
            report.reads = ReadReport(
                hosts: try ReadBench(communicator: communicator, threads: placement.threads, seconds: 1).run(source))
        }
        guard communicator.isRoot else { return }
        print(json ? try report.json() : report.text(sharedMemoryBytes: SharedMemoryCheck().bytes))
    }

    /// Bytes of a sum, and how many a repetition starts.
    private static let sizes = [(64 << 10, 64), (1 << 20, 16), (4 << 20, 8), (16 << 20, 4)]

    private func measure(over communicator: any Communicator, sizes: [(Int, Int)]) throws -> [SumMeasurement] {
        let bench = SumBench(communicator: communicator, repetitions: repetitions)
        return try sizes.map { try bench.measure(bytes: $0, sums: $1, computingSeconds: seconds, slices: 50) }
    }
}

/// A failure on purpose, to see that a job ends as it should.
enum RehearsedFailure: String, ExpressibleByArgument {
    case error, crash, stall

    struct Rehearsed: Error, CustomStringConvertible {
        let description = "this error was asked for"
    }

    /// Lets rank `rank` fail while the others wait for it.
    func happen(on rank: Int, of communicator: any Communicator) throws {
        communicator.heartbeat.enter(.computing, step: 1)
        if communicator.rank == rank {
            switch self {
            case .error: throw Rehearsed()
            case .crash: preconditionFailure("this crash was asked for")
            case .stall: sleep(5)
            }
        }
        try communicator.barrier()
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, at its first place.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
