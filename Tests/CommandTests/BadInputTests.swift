// Mistakes in what users give: each ends with a sentence that names it and with the documented exit status.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct BadInputTests {
        @Test func wrongUsageIs64() throws {
            let work = try Workplace(images: 1)
            for arguments in [["train"], ["train", "config.yaml", "--bogus"], ["predict", "x.png"], ["nonsense"]] {
                #expect(try Launch(arguments, in: work.folder).status == 64, "\(arguments)")
            }
        }

        @Test func allMistakesOfAConfigAreListed() throws { try expectAllMistakes(ranks: nil) }

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func allMistakesOfAConfigAreListedByRanks() throws {
            try expectAllMistakes(ranks: 2)
        }

        private func expectAllMistakes(ranks: Int?) throws {
            let work = try Workplace(images: 1)
            try work.write(
                """
                network:
                  architecture: resnet18
                  weights: random
                  unfroze: [layer4]
                data:
                  train: data/train
                training:
                  epochs: 0
                  batch_size: many
                """, to: "config.yaml")
            let launch = try Launch(["train", "config.yaml"], ranks: ranks, in: work.folder)
            #expect(launch.status == 65)
            for line in [
                "config.yaml:4: unknown key 'unfroze' in network (did you mean 'unfrozen'?)",
                "config.yaml:8: training.epochs must be from 1 to 1000000, found 0",
                "config.yaml:9: training.batch_size must be a whole number, found 'many'",
            ] { #expect(launch.errors.contains(line), "\(launch.errors)") }
            #expect(!work.has("runs"), "nothing was begun")
        }

        @Test(arguments: ["unfrozen", "fresh", "multipliers"]) func aPatternThatNamesNothingIsRefusedBeforeAnyWork(_ key: String)
            throws
        {
            let work = try Workplace(images: 1)
            let setting = key == "multipliers" ? "optimizer.multipliers={inception_3x: 0.1}" : "network.\(key)=[inception_3x]"
            let network = "network.architecture=googlenet_2014"
            let launch = try Launch(["plan", "config.yaml", "--set", network, "--set", setting], in: work.folder)
            #expect(launch.status == 65)
            let name = setting.prefix { $0 != "=" }
            #expect(launch.errors.contains("\(name): 'inception_3x' matches no layer of googlenet_2014; the nearest names are"))
            let right = setting.replacing("inception_3x", with: "inception_3a")
            _ = try work.graft("plan", "config.yaml", "--set", network, "--set", right)
        }

        @Test func unreadableImagesAreNamedAndSkipped() throws {
            let work = try Workplace()
            try spoil(work)
            try work.train("spoiled", Self.tolerant)
            let found = try work.metrics("spoiled", "unreadable").map { try #require($0["path"] as? String) }
            #expect(
                found.map { String($0.split(separator: "/").last ?? "") }.sorted() == ["ant-0.png", "bee-1.jpg", "cat-2.png"])
            #expect(try work.metrics("spoiled", "step").map { $0["images"] as? Int } == [22, 22])
        }

        private static let tolerant = [
            "training.batch_size=25", "data.unreadable_limit=0.2", "training.epochs=2",
        ]

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func ranksSkipTheSameImages() throws {
            let work = try Workplace()
            try spoil(work)
            try work.train("spoiled", Self.tolerant)
            try work.train("ranks", Self.tolerant, ranks: 2)
            #expect(isClose(try work.losses("spoiled"), try work.losses("ranks"), within: 1e-4))
            #expect(try work.metrics("ranks", "unreadable").count == 3)
        }

        @Test func tooManyUnreadableImagesEndTheRunWithTheirList() throws { try expectTooManyUnreadable(ranks: nil) }

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func tooManyUnreadableImagesEndAllRanks() throws {
            try expectTooManyUnreadable(ranks: 3)
        }

        private func expectTooManyUnreadable(ranks: Int?) throws {
            let work = try Workplace()
            try spoil(work)
            let launch = try work.train("spoiled", ["training.batch_size=25"], ranks: ranks, expecting: 65)
            #expect(launch.errors.contains("3 of 25 train images cannot be read, more than data.unreadable_limit (0.01) allows"))
            for reason in [
                "ant-0.png: is truncated", "bee-1.jpg: is not an image: starts with the text 'hello", "cat-2.png: is damaged",
            ] { #expect(launch.errors.contains(reason), "\(launch.errors)") }
        }

        @Test func foldersThatDoNotFitAreRefused() throws {
            let work = try Workplace(images: 1)
            try FileManager.default.createDirectory(
                at: work.folder.appending(path: "data/train/dog"), withIntermediateDirectories: true)
            try work.expect("has class folder 'dog' without images; add images or remove the folder")
            try FileManager.default.removeItem(at: work.folder.appending(path: "data/train/dog"))
            try FileManager.default.moveItem(
                atPath: work.path("data/validation/cat"), toPath: work.path("data/validation/wolf"))
            try work.expect("has class 'wolf' that the training set lacks (its classes: ant, bee, cat)")
            try work.expect("nowhere: cannot be read: No such file or directory", ["data.train=nowhere"])
        }

        @Test func weightsThatDoNotFitAreRefused() throws {
            let work = try Workplace(images: 1)
            try work.train("small", ["data.validation=null"])
            let whole = try work.newest("small")
            try work.contents(whole).prefix(1_000_000).write(to: work.folder.appending(path: "cut.safetensors"))
            try work.expect("cut.safetensors: is cut short", ["network.weights=cut.safetensors"])
            try work.expect(
                "it is for shufflenet_v2_x0_5, not for resnet18", ["network.weights=\(whole)", "network.architecture=resnet18"])
            try work.expect("there is no network 'resnet19'", ["network.architecture=resnet19"])
            try work.expect("'layer9' matches no layer", ["network.unfrozen=[layer9]"])
        }

        @Test func aCropBeyondTheImageIsRefused() throws {
            let work = try Workplace(images: 1)
            try work.expect(
                "a crop of 300 pixels does not fit into a short side of 72; set resize too", ["network.preprocessing.crop=300"])
            try work.expect(
                "auxiliary heads need an input of 96 pixels or more, not 64",
                ["network.architecture=googlenet_2014", "network.auxiliary=true", "network.preprocessing.crop=64"])
        }

        /// A pickle that asks for `os.system("touch …")`, in the container of old torch files.
        @Test func aPickleThatCallsAShellIsNeverExecuted() throws {
            let work = try Workplace(images: 1)
            let command = Array("touch \(work.path("executed"))".utf8)
            var file: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
            file += [0x80, 2, 0x4D, 0xE9, 3, 0x2E] + [0x80, 2, 0x7D, 0x2E]
            file +=
                [0x80, 2] + Array("cposix\nsystem\n".utf8) + [0x58, UInt8(command.count), 0, 0, 0] + command + [0x85, 0x52, 0x2E]
            try Data(file).write(to: work.folder.appending(path: "evil.pth"))
            try work.expect("evil.pth: asks to call posix.system", ["network.weights=evil.pth"])
            let launch = try work.graft(
                "predict", "--network", "resnet18", "--weights", "evil.pth", "data/train/ant/ant-0.png", expecting: 65)
            #expect(launch.errors.contains("posix.system"))
            #expect(!work.has("executed"))
        }

        @Test func aLonelyTaskOfManyIsRefused() throws {
            let work = try Workplace(images: 1)
            for variables in [["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"], ["SLURM_PROCID": "3"]] {
                let launch = try Launch(["train", "config.yaml"], in: work.folder, environment: variables)
                #expect(launch.status == 64)
                #expect(launch.errors.contains("this process was started as one of several"), "\(launch.errors)")
            }
            #expect(!work.has("runs"))
        }

        /// A truncated picture, a damaged one, and a text that calls itself one.
        private func spoil(_ work: Workplace) throws {
            let picture = SampleImages.png(of: 0, number: 0)
            try picture.prefix(6000).write(to: work.folder.appending(path: "data/train/ant/ant-0.png"))
            var damaged = SampleImages.png(of: 2, number: 2)
            damaged.replaceSubrange(3000..<3100, with: Data(repeating: 0xFF, count: 100))
            try damaged.write(to: work.folder.appending(path: "data/train/cat/cat-2.png"))
            try work.write("hello, I am a text\n", to: "data/train/bee/bee-1.jpg")
        }
    }
}

extension Workplace {
    /// Trains with settings that must be refused as bad input, in words that contain these.
    fileprivate func expect(_ words: String, _ settings: [String] = []) throws {
        let launch = try train("refused", settings, expecting: 65)
        #expect(launch.errors.contains(words), "\(launch.errors)")
        #expect(!has("runs/refused"), "nothing was begun")
    }
}
