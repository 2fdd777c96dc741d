// `data.stage`: shards are copied to the host first, and give the same run.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct StagingTests {
        private let shards = ["data.train=shards/train-*.tar", "data.validation=shards/validation-000.tar"]

        private func workplace() throws -> Workplace {
            let work = try Workplace()
            try work.graft("pack", "data/train", "shards", "--shard-size", "20KB")
            try work.graft("pack", "data/validation", "shards")
            return work
        }

        private func stages(_ work: Workplace) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: work.path("scratch")).map { "scratch/\($0)" }
        }

        private func copies(_ work: Workplace) throws -> [String] {
            try stages(work).flatMap { stage in
                try FileManager.default.contentsOfDirectory(atPath: work.path(stage)).filter { $0.hasSuffix(".tar") }.sorted()
                    .map { "\(stage)/\($0)" }
            }
        }

        /// Same bits, same names; copies are read, kept, and made anew where they are not whole.
        @Test func copiesTrainAsTheirShardsDo() throws {
            let work = try workplace()
            let settings = ["features.folder=cache", "features.cache=disk"] + shards
            try work.train("in-place", settings, ranks: 2)
            let variables = ["GRAFT_SCRATCH": work.path("")]
            #expect(
                try work.train("unset", settings + ["data.stage=$GRAFT_NOWHERE/x"], ranks: 2, expecting: 65).errors.contains(
                    "data.stage: the variable GRAFT_NOWHERE is not set on"))
            func train(_ name: String) throws -> Launch {
                let launch = try work.start(
                    name, settings + ["data.stage=${GRAFT_SCRATCH}/scratch"], ranks: 2, environment: variables
                ).end()
                try #require(launch.status == 0, "\(launch.errors)")
                return launch
            }
            #expect(try train("staged").errors.contains("shards, "))
            for file in ["predictions.csv", "receipt-photographs.tsv"] {
                #expect(try work.contents("runs/staged/\(file)") == work.contents("runs/in-place/\(file)"))
            }
            #expect(try work.contents(work.newest("staged")) == work.contents(work.newest("in-place")))
            let copies = try copies(work)
            #expect(copies.count > 3)
            // A copy that was cut short, as by a dying host, is not taken for whole.
            try work.write("short", to: copies[1])
            #expect(try train("cut").errors.contains("copying 1 of \(copies.count) shards"))
            #expect(try work.contents(work.newest("cut")) == work.contents(work.newest("in-place")))
            // A changed shard is another.
            let shard = "shards/validation-000.tar"
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: work.path(shard))
            #expect(try train("changed").errors.contains("copying \(copies.count) of \(copies.count) shards"))
            #expect(try stages(work).count == 2)
        }

        @Test func foldersAndFullDisksAreRefusedInWords() throws {
            let work = try workplace()
            let words = "data.stage copies shards, and data/train holds files: graft pack writes them into shards"
            #expect(
                try work.train("folder", ["data.stage=scratch"], ranks: 2, expecting: 65).errors.contains(words))
            #expect(
                try work.train("file", ["data.stage=config.yaml"] + shards, expecting: 65).errors.contains(
                    "name a folder in data.stage"))
            // A hole of ten terabytes behind the archive's end takes no room, but a copy would.
            let shard = try FileHandle(forWritingTo: work.folder.appending(path: "shards/validation-000.tar"))
            try shard.truncate(atOffset: 10 << 40)
            let errors = try work.train("large", ["data.stage=scratch"] + shards, ranks: 2, expecting: 65).errors
            #expect(
                errors.contains("data.stage: the shards take 11.0 TB in scratch, which has ")
                    && errors.contains(" free: make room"))
            #expect(try copies(work).isEmpty)
        }
    }
}
