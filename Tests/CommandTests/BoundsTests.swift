// Numbers that are absurd, sets that are small, classes that are many, scores that are none.
import Foundation
import TestSupport
import Testing
import Tensors
import WeightFiles

extension CommandTests {
    @Suite(.serialized) struct BoundsTests {
        @Test(arguments: [
            "training.epochs=9223372036854775807", "training.batch_size=9223372036854775807", "training.steps=99999999999",
            "training.accumulation=4611686018427387904", "evaluation.batch_size=99999999", "schedule.warmup_steps=9999999999",
            "checkpoints.every_steps=9223372036854775807",
        ]) func absurdNumbersAreRefusedWithTheLimit(_ setting: String) throws {
            let work = try Workplace(images: 1)
            for command in ["plan", "train"] {
                let end = try work.graft(command, "config.yaml", "--set", setting, expecting: 65)
                let key = setting.prefix { $0 != "=" }
                #expect(end.errors.contains("\(key) must be from") && end.errors.contains(" to "), "\(end.errors)")
            }
        }

        @Test(arguments: ["data.train=~/photos", "network.weights=$HOME/x.pth", "run.folder=~/runs"])
        func whatAShellWouldExpandIsRefused(_ setting: String) throws {
            let end = try Workplace(images: 1).graft("train", "config.yaml", "--set", setting, expecting: 65)
            #expect(end.errors.contains("'~' and '$' stand for nothing in a config"), "\(end.errors)")
        }

        /// The same photograph under two labels: one is wrong.
        @Test func aPhotographInTwoClassesIsTold() throws {
            let work = try Workplace(images: 2)
            try FileManager.default.copyItem(
                atPath: work.path("data/train/ant/ant-0.png"), toPath: work.path("data/train/bee/copy.png"))
            let end = try work.train("twice", ["data.validation=null", "training.epochs=1"])
            #expect(
                end.errors.contains(#/1 images stand in two classes, byte for byte, such as \S*ant-0.png and \S*copy.png/#),
                "\(end.errors)")
        }

        /// A batch larger than the set takes no more than the set does, and gives what a batch of its size gives.
        @Test func aBatchIsNoLargerThanTheSet() throws {
            let work = try Workplace(images: 4)
            let settings = ["training.epochs=3", "data.validation=null"]
            try work.train("whole", settings + ["training.batch_size=12"])
            try work.train("large", settings + ["training.batch_size=100000"])
            #expect(try work.contents(work.newest("whole")) == work.contents(work.newest("large")))
        }

        @Test func manyClassesAreToldInFewLines() throws {
            let work = try Workplace(images: 1)
            let picture = work.folder.appending(path: "data/train/ant/ant-0.png")
            for number in 0..<130 {
                let folder = work.folder.appending(path: "many/class-\(number)")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                for copy in 0..<2 { try FileManager.default.copyItem(at: picture, to: folder.appending(path: "\(copy).png")) }
            }
            let settings = ["data.train=many", "data.validation=many/../data/../many", "training.batch_size=64"]
            let refused = try work.train("same", settings, expecting: 65)
            #expect(refused.errors.contains("is the same folder as many"), "\(refused.errors)")
            let held = [
                "data.train=many", "data.validation=null", "data.validation_fraction=0.5", "training.batch_size=64",
            ]
            try work.train("many", held)
            let evaluation = try #require(try work.metrics("many", "evaluation").last)
            #expect(evaluation["confusion"] == nil && (evaluation["mistakes"] as? [[Int]])?.isEmpty == false)
            let header = String(decoding: try work.contents("runs/many/predictions.csv"), as: UTF8.self).prefix { $0 != "\n" }
            #expect(header.hasSuffix("class_5,probability_5"), "\(header)")
            let table = try work.graft("evaluate", "runs/many").output
            #expect(
                table.split(separator: "\n").allSatisfy { $0.count < 100 } && table.split(separator: "\n").count < 60, "\(table)")
            #expect(table.contains("taken for"))
        }

        @Test func scoresThatAreNoNumbersAreASentence() throws {
            let work = try Workplace(images: 1)
            try work.train("run", ["data.validation=null"])
            let saved = try WeightFile.open(work.path(try work.newest("run")))
            // Finite weights whose products are not.
            let tensors = saved.names.map { name -> SafetensorsWriter.Tensor in
                let values = ((try? saved.floats(name)) ?? []).map { name.hasPrefix("fc") ? $0 * 1e38 : $0 }
                let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
                _ = copy.initialize(from: values.map { $0.isFinite ? $0 : 3e38 })
                return (name, .float32, saved.tensors[name]?.shape ?? [], UnsafeRawBufferPointer(copy))
            }
            try SafetensorsWriter.write(to: work.path("huge.safetensors"), tensors: tensors, metadata: saved.metadata)
            tensors.forEach { $0.3.deallocate() }
            for options in [[], ["--json"]] {
                let end = try Launch(
                    ["predict", "--weights", "huge.safetensors", "data/train/ant/ant-0.png"] + options, in: work.folder)
                let isWell = end.status == 0 || end.status == 65 && end.errors.contains("the network's scores are no numbers")
                #expect(isWell, "\(end.status) \(end.errors)")
            }
        }

        /// What `train` refuses, `plan` does.
        @Test(arguments: ["network.weights=none.pth", "data.train=nowhere", "network.weights=data/train/ant/ant-0.png"])
        func aPlanRefusesWhatTrainingWould(_ setting: String) throws {
            let work = try Workplace(images: 1)
            let (plan, train) = (
                try work.graft("plan", "config.yaml", "--set", setting, expecting: 65),
                try work.graft("train", "config.yaml", "--set", setting, expecting: 65)
            )
            #expect(plan.errors == train.errors)
        }
    }
}
