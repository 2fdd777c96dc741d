// How many threads a rank computes on: its part of the cores it may use, so that ranks neither crowd one core nor leave others idle.
import CProcess
import Foundation

/// The cores that one rank may use, as it tells the others.
package struct CoreClaim: Sendable, Equatable, Codable {
    package var hostName: String
    /// The numbers of the cores in the rank's affinity mask, ascending.
    package var cores: [Int]
    /// The processor time that a container grants to all ranks in it together, in cores; nil without a limit.
    package var quota: Double?
    /// How many cores the host has in all.
    package var hostCores: Int

    package init(hostName: String, cores: [Int], quota: Double?, hostCores: Int) {
        self.hostName = hostName
        self.cores = cores
        self.quota = quota
        self.hostCores = hostCores
    }
}

/// One rank's computing threads and the reason for their number.
package struct ThreadPlacement: Sendable, Equatable {
    package var claim: CoreClaim
    /// How many ranks may use at least one of the same cores, this one included.
    package var sharers: Int
    /// The rank's part of the cores that it may use.
    package var fairThreads: Int
    /// How many threads the rank should compute on.
    package var threads: Int
    /// What decided that number: `compute.threads`, `OMP_NUM_THREADS` or `cores`.
    package var decidedBy: String
    /// What is wrong with the launch, and the fix; nil when nothing is.
    package var warning: String?

    /// Decides for the rank `rank` of the ranks that made `claims`.
    ///
    /// Every core of the mask counts for 1 / (ranks on the host that may use it), and a container's limit is divided by its ranks.
    /// - Parameters:
    ///   - requested: the configured number of threads, which has precedence.
    ///   - ompNumThreads: the value of `OMP_NUM_THREADS`, if set; its first number counts.
    package static func decide(rank: Int, claims: [CoreClaim], requested: Int?, ompNumThreads: String?) -> ThreadPlacement {
        let own = claims[rank]
        let neighbours = claims.filter { $0.hostName == own.hostName }
        let sharers = neighbours.filter { !Set($0.cores).isDisjoint(with: own.cores) }
        var share = own.cores.reduce(0.0) { sum, core in
            sum + 1 / Double(max(1, sharers.count { $0.cores.contains(core) }))
        }
        if let quota = own.quota { share = min(share, quota / Double(neighbours.count)) }
        // A third of a core three times over is one core: the tolerance is for rounding.
        let fair = max(1, Int(share + 1e-6))
        let fromEnvironment = ompNumThreads.flatMap { $0.split(separator: ",").first }.flatMap { Int($0) }.flatMap {
            // As many as compute.threads may be.
            $0 > 0 ? min($0, 4096) : nil
        }
        let (threads, decidedBy) =
            if let requested { (requested, "compute.threads") } else if let fromEnvironment {
                (fromEnvironment, "OMP_NUM_THREADS")
            } else {
                (fair, "cores")
            }
        var placement = ThreadPlacement(
            claim: own, sharers: sharers.count, fairThreads: fair, threads: threads, decidedBy: decidedBy)
        placement.warning = placement.findWarning(rank: rank, neighbours: neighbours)
        return placement
    }

    /// Lets all ranks agree on their placements, by rank. Every rank calls it, and before it starts other threads.
    package static func settle(
        over communicator: any Communicator, requested: Int?, environment: [String: String]
    ) throws -> [ThreadPlacement] {
        let own = CoreClaim(
            hostName: communicator.hostName, cores: affinityCores(), quota: containerQuota(),
            hostCores: ProcessInfo.processInfo.processorCount)
        struct Notice: Codable {
            var claim: CoreClaim
            var ompNumThreads: String?
        }
        let notice = try JSONEncoder().encode(Notice(claim: own, ompNumThreads: environment["OMP_NUM_THREADS"]))
        let notices = try communicator.gather(Array(notice)).map { try JSONDecoder().decode(Notice.self, from: Data($0)) }
        let claims = notices.map(\.claim)
        return claims.indices.map {
            decide(rank: $0, claims: claims, requested: requested, ompNumThreads: notices[$0].ompNumThreads)
        }
    }

    private func findWarning(rank: Int, neighbours: [CoreClaim]) -> String? {
        if threads > claim.cores.count {
            return
                "rank \(rank) on host \(claim.hostName) computes on \(threads) threads (\(decidedBy)) but is bound to \(claim.cores.count) "
                + "core\(claim.cores.count == 1 ? "" : "s"); launch with `--map-by slot:PE=\(threads) --bind-to core` or with `--bind-to none`"
        }
        if threads > fairThreads {
            return
                "rank \(rank) on host \(claim.hostName) computes on \(threads) threads (\(decidedBy)), but its part of the cores it shares "
                + "with \(sharers - 1) other rank\(sharers == 2 ? "" : "s") is \(fairThreads); the ranks will slow each other down"
        }
        let used = Set(neighbours.flatMap(\.cores)).count
        let usable = min(claim.hostCores, claim.quota.map { max(1, Int($0)) } ?? claim.hostCores)
        // Whoever set the number of threads wants it so.
        if decidedBy == "cores" && used < usable && neighbours.allSatisfy({ $0.cores.count == 1 }) {
            let who =
                neighbours.count == 1
                ? "rank \(rank) is bound to one core and leaves"
                : "\(neighbours.count) ranks are bound to one core each and leave"
            return
                "\(who) \(usable - used) of host \(claim.hostName)'s \(usable) cores idle; "
                + "launch with `--map-by slot:PE=\(usable / neighbours.count)` or with `--bind-to none`"
        }
        return nil
    }
}

/// The cores that this thread may run on, ascending.
package func affinityCores() -> [Int] {
    var cores = [Int32](repeating: 0, count: 4096)
    let count = graft_affinity_cores(&cores, Int32(cores.count))
    // Where the system does not tell, nobody has bound this process to a few cores.
    return count > 0 ? cores.prefix(Int(count)).map { Int($0) } : Array(0..<ProcessInfo.processInfo.processorCount)
}

/// The processor time that this container's control group grants, in cores; nil without a limit.
private func containerQuota() -> Double? {
    func numbers(_ path: String) -> [Double] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }
    let second = numbers("/sys/fs/cgroup/cpu.max")
    if second.count == 2, second[1] > 0 { return second[0] / second[1] }
    let quota = numbers("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    let period = numbers("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    guard let quota = quota.first, let period = period.first, quota > 0, period > 0 else { return nil }
    return quota / period
}
