// Who of a host's ranks has come to a job's start and who is missing, in one sentence. Pure: the processes are listed elsewhere.

/// The roll of one host's ranks, called by one of them that has waited long enough.
package struct StartRoll: Sendable {
    private let hostName: String
    /// Ranks of the job, and of this host; nil where the launcher does not say.
    private let size: Int?
    private let localSize: Int?
    /// The numbers of this host's ranks, where the launcher says them.
    private let localRanks: [Int]?
    private let hosts: String?
    /// The process that stands for each rank that has any.
    private let present: [Int: RankProcess]
    private let program: String?

    /// - Parameters:
    ///   - environment: the variables of this rank's process.
    ///   - own: its rank.
    ///   - processes: those of the job's ranks on this host.
    package init(environment: [String: String], hostName: String, own: Int, processes: [RankProcess]) {
        self.hostName = hostName
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        // Where mpirun runs inside of Slurm, Slurm's variables tell of mpirun's daemons.
        if let size = number("OMPI_COMM_WORLD_SIZE") {
            (self.size, localSize, hosts) = (size, number("OMPI_COMM_WORLD_LOCAL_SIZE"), nil)
            localRanks = localSize == size ? Array(0..<size) : nil
        } else {
            size = number("SLURM_STEP_NUM_TASKS")
            hosts = environment["SLURM_STEP_NODELIST"] ?? environment["SLURM_JOB_NODELIST"]
            localRanks = environment["SLURM_GTIDS"].map { $0.split(separator: ",").compactMap { Int($0) }.sorted() }
            localSize = localRanks?.count
        }
        let others = Dictionary(grouping: processes, by: \.rank)
        let program = others[own]?.first(where: \.hasCome)?.name
        self.program = program
        // A script around a rank may be there as well as the rank.
        func precedence(_ process: RankProcess) -> Int {
            process.hasCome ? 4 : process.isStopped ? 3 : process.state == "D" ? 2 : process.name == program ? 1 : 0
        }
        present = others.compactMapValues { of in of.max { (precedence($0), $0.id) < (precedence($1), $1.id) } }
    }

    /// The rank that speaks for this host: the first of those that wait; nil where none is seen.
    package var speaker: Int? { present.values.filter(\.isWaiting).map(\.rank).min() }

    /// Whether some rank of this host is known to be missing.
    package var hasGaps: Bool { !missing.isEmpty || unseen > 0 }

    /// Those of this host that do not wait with the others, ascending, and the process that stands for each.
    private var missing: [(rank: Int, process: RankProcess?)] {
        Set(localRanks ?? []).union(present.keys).sorted().map { ($0, present[$0]) }.filter { $0.1.map { !$0.isWaiting } ?? true }
    }

    /// How many of this host's ranks have neither a process nor a known number.
    private var unseen: Int { localRanks == nil ? max(0, (localSize ?? 0) - present.count) : 0 }

    /// Why the job is given up after so many seconds, and what to do.
    package func sentence(after seconds: Double) -> String {
        let patience = "communication.patience sets how long ranks wait"
        let begin = "gave up after \(Int(seconds)) s, before the first step: "
        guard hasGaps else {
            let here = present.keys.sorted()
            let all =
                here.count > 1
                ? "all ranks of host \(hostName) (\(numberRanges(here)))"
                : (here.first.map { "rank \($0)" } ?? "this rank") + " on host \(hostName)"
            let verb = here.count > 1 ? "wait" : "waits"
            guard size != here.count else {
                return begin
                    + "\(all) \(verb), but MPI does not join them; see whether it may use the network that it is "
                    + "told to, then start again (\(patience))"
            }
            let named = hosts.map { " (the job's hosts: \($0))" } ?? ""
            return begin
                + "\(all) \(verb) for ranks of other hosts, which never came or are not reached\(named); see whether "
                + "those hosts are up and reach this one, then start again (\(patience))"
        }
        var parts = missing.prefix(5).map { describe($0.rank, $0.process) }
        if missing.count > 5 { parts.append("nor did ranks \(numberRanges(missing.dropFirst(5).map(\.rank)))") }
        if unseen > 0 { parts.append("\(unseen) more of its ranks \(unseen == 1 ? "has" : "have") no process") }
        return begin
            + "on host \(hostName) \(parts.joined(separator: ", ")); see what holds them up, then start again (\(patience))"
    }

    private func describe(_ rank: Int, _ process: RankProcess?) -> String {
        let what: String
        switch process {
        case nil: what = "it has no process"
        case let process? where process.isStopped: what = "process \(process.id) is stopped"
        case let process? where process.state == "D": what = "process \(process.id) waits for a disk"
        case let process? where process.name != program: what = "process \(process.id) is still \(process.name)"
        case let process?: what = "process \(process.id) has not got so far"
        }
        return "rank \(rank) never came (\(what))"
    }
}
