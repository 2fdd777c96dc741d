// `graft train --log`: a log for each rank, which a resumed run goes on in.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.enabled(if: Launch.mpirun != nil, needsLauncher)) struct RankLogTests {
        @Test func everyRankTellsItsSteps() throws {
            let work = try Workplace()
            for (steps, options) in [("2", ["--log"]), ("3", ["--log", "--resume"])] {
                let settings = ["run.name=logged", "training.batch_size=6", "training.steps=\(steps)"].flatMap { ["--set", $0] }
                try work.graft(["train", "config.yaml"] + settings + options, ranks: 2)
            }
            for rank in 0..<2 {
                let log = String(decoding: try work.contents("runs/logged/log/rank-000\(rank).log"), as: UTF8.self)
                let lines = log.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1).last ?? "" }
                #expect(lines.count { $0.hasPrefix("rank \(rank) of 2 on ") } == 2 && lines.count { $0 == "finished" } == 2)
                for step in 1...3 {
                    let line = try #require(lines.first { $0.hasPrefix("step \(step): ") }, "\(log)")
                    #expect(line.contains("computing 0.") && line.contains("waiting for images 0."), "\(line)")
                }
            }
        }

        @Test func nothingIsLoggedUnasked() throws {
            let work = try Workplace(images: 4)
            try work.train("quiet", ["training.steps=1"])
            #expect(!FileManager.default.fileExists(atPath: "\(work.folder)/runs/quiet/log"))
        }
    }
}
