// A run's folder keeps the list of its photographs, and the next start trusts it as far as it may.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct KeptListTests {
        private let words = "the list of photographs is the run's: no folder has changed since"
        private let list = "runs/base/photographs.list"

        /// Longer than folders must have been left alone for their list to be kept.
        private func settle() { usleep(2_200_000) }

        @Test func listsAreKeptUntilAFolderChanges() throws {
            let work = try Workplace(images: 4)
            let settings = ["features.cache=off"]
            func names() throws -> Int {
                String(decoding: try work.contents("runs/base/receipt-photographs.tsv"), as: UTF8.self).split(separator: "\n")
                    .count
            }
            try work.train("early", settings)
            #expect(!work.has("runs/early/photographs.list"), "folders that have just changed may change again unseen")
            settle()
            #expect(try !work.train("base", settings, ranks: 2).errors.contains(words))
            #expect(work.has(list))
            let more = settings + ["training.epochs=2"]
            #expect(try work.train("base", more, ranks: 2, resume: true).errors.contains(words))
            #expect(try names() == 18)
            // Damaged anywhere, it is as good as none.
            var bytes = try work.contents(list)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: work.folder.appending(path: list))
            #expect(try !work.train("base", settings).errors.contains(words))
            // Of other settings, the list is another.
            let fraction = settings + ["data.validation=null", "data.validation_fraction=0.25"]
            #expect(try !work.train("base", fraction).errors.contains(words))
            try work.contents("data/train/ant/ant-0.png").write(to: work.folder.appending(path: "data/train/ant/new.png"))
            #expect(try !work.train("base", fraction).errors.contains(words))
            #expect(try names() == 13 && !work.has(list))
        }

        @Test func listsOfShardsAreKeptUntilOneIsAdded() throws {
            let work = try Workplace(images: 4)
            try work.graft("pack", "data/train", "shards")
            settle()
            let settings = ["features.cache=off", "data.train=shards/*.tar", "data.validation=null"]
            try work.train("base", settings)
            #expect(try work.train("base", settings).errors.contains(words))
            try work.graft("pack", "data/validation", "shards")
            #expect(try !work.train("base", settings).errors.contains(words))
        }

        /// What a link points to may go without any change to a folder.
        @Test func listsWithLinksAreNotKept() throws {
            let work = try Workplace(images: 2)
            try FileManager.default.createSymbolicLink(
                atPath: work.path("data/train/ant/link.png"), withDestinationPath: work.path("data/train/ant/ant-0.png"))
            settle()
            try work.train("base", ["features.cache=off"])
            #expect(!work.has(list))
        }
    }
}
