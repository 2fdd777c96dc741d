// How cores become threads.
import Collectives
import Testing

@Suite struct ThreadPlacementTests {
    private func claim(_ cores: [Int], host: String = "a", of hostCores: Int = 8, quota: Double? = nil) -> CoreClaim {
        CoreClaim(hostName: host, cores: cores, quota: quota, hostCores: hostCores)
    }

    @Test func aRankAloneUsesItsMask() {
        let placement = ThreadPlacement.decide(rank: 0, claims: [claim(Array(0..<8))], requested: nil, ompNumThreads: nil)
        #expect(placement.threads == 8 && placement.sharers == 1 && placement.warning == nil)
    }

    @Test func ranksThatShareAMaskDivideIt() {
        let claims = Array(repeating: claim(Array(0..<8)), count: 3) + [claim(Array(0..<8), host: "b")]
        let threads = claims.indices.map {
            ThreadPlacement.decide(rank: $0, claims: claims, requested: nil, ompNumThreads: nil).threads
        }
        #expect(threads == [2, 2, 2, 8])
    }

    @Test func boundRanksKeepTheirCores() {
        let claims = [claim([0, 1, 2, 3]), claim([4, 5, 6, 7])]
        let placements = claims.indices.map {
            ThreadPlacement.decide(rank: $0, claims: claims, requested: nil, ompNumThreads: "")
        }
        #expect(placements.map(\.threads) == [4, 4] && placements.allSatisfy { $0.sharers == 1 && $0.warning == nil })
    }

    @Test func moreRanksThanCoresStillComputeOnOneThread() {
        let claims = Array(repeating: claim([0, 1], of: 2), count: 5)
        #expect(ThreadPlacement.decide(rank: 4, claims: claims, requested: nil, ompNumThreads: nil).threads == 1)
    }

    @Test func aContainersLimitIsDivided() {
        let claims = Array(repeating: claim(Array(0..<64), of: 64, quota: 6), count: 2)
        #expect(ThreadPlacement.decide(rank: 1, claims: claims, requested: nil, ompNumThreads: nil).threads == 3)
    }

    @Test func whoDecides() {
        let claims = [claim(Array(0..<8))]
        let requested = ThreadPlacement.decide(rank: 0, claims: claims, requested: 3, ompNumThreads: "5")
        let environment = ThreadPlacement.decide(rank: 0, claims: claims, requested: nil, ompNumThreads: "5,2")
        let nonsense = ThreadPlacement.decide(rank: 0, claims: claims, requested: nil, ompNumThreads: "lots")
        #expect(requested.threads == 3 && requested.decidedBy == "compute.threads")
        #expect(environment.threads == 5 && environment.decidedBy == "OMP_NUM_THREADS")
        #expect(nonsense.threads == 8 && nonsense.decidedBy == "cores")
    }

    @Test func badLaunchesAreNamed() throws {
        let crowded = ThreadPlacement.decide(rank: 0, claims: [claim([3])], requested: 4, ompNumThreads: nil)
        #expect(try #require(crowded.warning).contains("bound to 1 core; launch with `--map-by slot:PE=4"))
        let shared = ThreadPlacement.decide(
            rank: 0, claims: Array(repeating: claim(Array(0..<8)), count: 2), requested: 8, ompNumThreads: nil)
        #expect(try #require(shared.warning).contains("shares with 1 other rank is 4"))
        let idle = ThreadPlacement.decide(rank: 0, claims: [claim([0]), claim([1])], requested: nil, ompNumThreads: nil)
        #expect(try #require(idle.warning).contains("leave 6 of host a's 8 cores idle; launch with `--map-by slot:PE=4`"))
        let full = ThreadPlacement.decide(
            rank: 0, claims: [claim([0], of: 2), claim([1], of: 2)], requested: nil, ompNumThreads: nil)
        #expect(full.warning == nil)
    }

    @Test func ranksAgree() throws {
        let results = try ThreadGroup.run(size: 2, hosts: ["a", "b"]) {
            try ThreadPlacement.settle(over: $0, requested: nil, environment: ["OMP_NUM_THREADS": "\($0.rank + 1)"])
        }
        #expect(results[0] == results[1] && results[0].map(\.threads) == [1, 2])
        #expect(results[0][0].claim.cores == affinityCores() && !affinityCores().isEmpty)
    }
}
