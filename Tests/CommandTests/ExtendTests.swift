// `graft train --extend`: a run over more photographs and classes is the run that is trained anew.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct ExtendTests {
        @Test func moreClassesAreTrainedAsAnew() throws {
            let work = try Workplace()
            try work.train("a", ["data.augmentation=none", "features.cache=disk"])
            for split in ["train", "validation"] {
                let folder = work.path("data/\(split)")
                try FileManager.default.createDirectory(atPath: "\(folder)/wasp", withIntermediateDirectories: true)
                for (number, file) in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/bee").sorted().enumerated() {
                    try FileManager.default.copyItem(atPath: "\(folder)/bee/\(file)", toPath: "\(folder)/wasp/wasp-\(number).png")
                }
            }
            try FileManager.default.moveItem(
                atPath: work.path("data/train/ant/ant-1.png"), toPath: work.path("data/train/wasp/ant-1.png"))
            let extended = try work.graft("train", "--extend", "runs/a")
            #expect(
                extended.errors.contains("extending runs/a: 13 photographs are new, 1 are gone, new class wasp"),
                "\(extended.errors)")
            try work.train("anew", ["data.augmentation=none", "features.cache=off"])
            #expect(try work.losses("a-extended") == work.losses("anew"))
            let step = try #require(
                FileManager.default.contentsOfDirectory(atPath: work.path("runs/anew/checkpoints")).filter {
                    $0.hasPrefix("step")
                }.max())
            #expect(
                try work.contents("runs/a-extended/checkpoints/\(step)/model.safetensors")
                    == work.contents("runs/anew/checkpoints/\(step)/model.safetensors"))
            try work.graft("train", "--extend", "runs/a", "--set", "training.epochs=1")
            #expect(work.has("runs/a-extended-2/checkpoints"))
            #expect(
                try work.graft("train", "--extend", "runs/none", expecting: 65).errors.contains("holds no run of graft train"))
            try work.graft("train", "config.yaml", "--extend", "runs/a", expecting: 64)
        }
    }
}
