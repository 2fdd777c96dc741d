// Real ranks: sums, and how a job ends when one of them fails.
import Foundation
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: Launch.mpirun != nil, "needs mpirun"))
struct DoctorTests {
    @Test(arguments: ["poked", "thread", "none"], [1, 2, 3]) func ranksSumAndAgree(overlap: String, ranks: Int) throws {
        let launch = try Launch(["doctor", "--json", "--seconds", "0", "--overlap", overlap], ranks: ranks)
        try #require(launch.status == 0, "\(launch.errors)")
        let report = try JSONSerialization.jsonObject(with: Data(launch.output.utf8)) as? [String: Any]
        #expect((report?["ranks"] as? [Any])?.count == ranks)
        #expect(report?["overlap"] as? String == overlap)
    }

    @Test(arguments: ["ring", "shared_memory", "mpi"], [2, 4]) func everyWayOfSumsIsRight(algorithm: String, ranks: Int) throws {
        let launch = try Launch(["doctor", "--seconds", "0", "--algorithm", algorithm], ranks: ranks)
        #expect(launch.status == 0, "\(launch.errors)")
    }

    @Test func sumsAreMeasured() throws {
        let launch = try Launch(["doctor", "--seconds", "0.01", "--repetitions", "1"], ranks: 2)
        #expect(launch.status == 0, "\(launch.errors)")
        #expect(launch.output.contains("16384 kB"))
        for way in ["ring", "shared_memory", "mpi"] { #expect(launch.output.contains(way)) }
    }

    @Test func anErrorOnOneRankEndsAll() throws {
        let launch = try Launch(["doctor", "--rehearse", "error"], ranks: 3)
        #expect(launch.status == 70)
        #expect(launch.errors.contains(/rank 1 on host \S+: this error was asked for/))
        #expect(launch.seconds < 30)
    }

    @Test func aCrashOnOneRankEndsAll() throws {
        let launch = try Launch(["doctor", "--rehearse", "crash", "--failing-rank", "0"], ranks: 2)
        #expect(launch.status != 0)
        #expect(launch.errors.contains(/rank 0 on host \S+: crashed \(SIG/))
        #expect(launch.seconds < 30)
    }

    @Test func aStallIsNamed() throws {
        let launch = try Launch(["doctor", "--rehearse", "stall", "--patience", "0.02", "--seconds", "0"], ranks: 3)
        #expect(launch.status == 0, "\(launch.errors)")
        #expect(launch.errors.contains(/waiting for \d+ s for rank 1 on host \S+, computing at step 1 for \d+ s/))
    }

    @Test func oneProcessNeedsNoLauncher() throws {
        let launch = try Launch(["doctor"], environment: ["PATH": "/nonexistent"])
        #expect(launch.status == 0, "\(launch.errors)")
        #expect(launch.output.contains("one rank"))
    }

    @Test func aLonelyTaskIsRefused() throws {
        let launch = try Launch(["doctor"], environment: ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"])
        #expect(launch.status == 64)
        #expect(launch.errors.contains("SLURM_STEP_NUM_TASKS=4"))
    }

    private func report(_ arguments: [String], ranks: Int) throws -> [String: Any] {
        let launch = try Launch(["doctor", "--json", "--seconds", "0"] + arguments, ranks: ranks)
        try #require(launch.status == 0, "\(launch.errors)")
        return try #require(try JSONSerialization.jsonObject(with: Data(launch.output.utf8)) as? [String: Any])
    }

    @Test(arguments: [(1, 0), (2, 1), (3, 3)]) func everyLinkIsTried(ranks: Int, count: Int) throws {
        let links = try #require(try report(["--links", "--algorithm", "ring"], ranks: ranks)["links"] as? [[String: Any]])
        #expect(links.count == count)
        for link in links {
            for key in ["latency_seconds", "bytes_per_second", "bytes_per_second_back"] {
                #expect(try #require(link[key] as? Double) > 0, "\(key)")
            }
            #expect(link["from"] as? String != link["to"] as? String)
        }
        #expect(Set(links.compactMap { link in (link["from"] as? String).map { "\($0) \(link["to"] ?? "")" } }).count == count)
    }

    @Test func readsOfAFolderAreMeasured() throws {
        let pictures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../ImageDataTests/Fixtures").standardizedFileURL.path
        let reads = try #require(try report([pictures], ranks: 2)["reads"] as? [[String: Any]])
        #expect(reads.count == 1)
        for key in ["files_per_second", "bytes_per_second", "decoded_per_second"] {
            #expect(try #require(reads.first?[key] as? Double) > 0, "\(key)")
        }
        #expect(reads.first?["network_images_per_second"] == nil)
        let launch = try Launch(["doctor", "--seconds", "0", "/nonexistent"], ranks: 2)
        #expect(launch.status == 65, "\(launch.errors)")
    }
}
