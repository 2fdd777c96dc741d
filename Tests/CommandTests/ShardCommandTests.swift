// `graft pack`, and training from the shards that it writes.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct ShardCommandTests {
        /// The same images, order and weights, bit for bit, also cached on disk and cut off on the way.
        @Test func shardsTrainAsFoldersDo() throws {
            let work = try Workplace()
            // Small enough for several archives.
            let packed = try work.graft("pack", "data/train", "shards", "--shard-size", "20KB")
            #expect(
                packed.output.contains("24 photographs of 3 classes in ")
                    && packed.output.contains("data.train: 'shards/train-{000.."))
            #expect(try work.graft("pack", "data/train", "shards", expecting: 65).errors.contains("is there already"))
            try work.graft("pack", "data/validation", "shards", "--json")
            let settings = [
                "network.preprocessing={resize: 256, crop: 224}", "training.epochs=2", "checkpoints.every_steps=1",
                "features.folder=cache",
            ]
            let shards = ["data.train=shards/train-*.tar", "data.validation=shards/validation-000.tar"]
            for (ranks, more) in [(1, []), (2, ["features.cache=disk"]), (3, ["network.unfrozen=[conv5]"])] {
                try work.train("folder-\(ranks)", settings + more, ranks: ranks)
                try work.train("cut-\(ranks)", settings + more + shards + ["training.steps=2"], ranks: ranks)
                try work.train("cut-\(ranks)", settings + more + shards, ranks: ranks, resume: true)
                #expect(
                    try work.contents(work.newest("cut-\(ranks)")) == work.contents(work.newest("folder-\(ranks)")),
                    "\(ranks) ranks")
            }
            let (own, other) = ("runs/folder-2", "runs/cut-2")
            #expect(
                try work.graft("evaluate", other, "--json").output.split(separator: ",")[0]
                    == work.graft("evaluate", own, "--json").output.split(separator: ",")[0])
            #expect(try work.graft("evaluate", own, "--data", "shards/validation-000.tar").output.contains("of 12 images"))
            #expect(try work.graft("plan", "config.yaml", "--set", shards[0], "--set", shards[1], "--summary").status == 0)
        }

        @Test(arguments: [
            ("data.train=shards/none-{00..03}.tar", "shards/none-00.tar: there is no such archive"),
            ("data.train=shards/*.tar", "shards/*.tar: no archive has a name like this"),
            ("data.train=shards/{0..x}.tar", "{0..x} is no range of numbers"),
            ("data.train=config.yaml.tar.gz", "config.yaml.tar.gz: there is no such archive"),
        ])
        func shardsThatAreNotThereEndTheRun(_ setting: String, _ words: String) throws {
            let work = try Workplace(images: 2)
            for ranks in [1, 2] {
                #expect(try work.train("bad", [setting], ranks: ranks, expecting: 65).errors.contains(words))
            }
        }
    }
}
