// Training that diverges ends with a sentence and leaves good checkpoints; weights that are no numbers are never used.
import Foundation
import TestSupport
import Testing
import WeightFiles

extension CommandTests {
    @Suite(.serialized) struct DivergenceTests {
        /// The second of these keeps finite losses over weights that are none: ReLU turns NaN into 0.
        @Test(arguments: [
            ["network.unfrozen=[conv5]", "network.batch_norm=local", "optimizer.learning_rate=1e30"],
            ["network.unfrozen=[\"*\"]", "optimizer.learning_rate=1e5", "network.preprocessing={resize: 64, crop: 64}"],
            // Weights of this one stay numbers for many steps.
            ["network.unfrozen=[conv5]", "optimizer.learning_rate=1e6"],
        ]) func aRunThatDivergesNamesStepAndLayer(settings: [String]) throws {
            let work = try Workplace(images: 4)
            let launch = try work.train(
                "wild",
                settings + [
                    "data.augmentation=none", "training.epochs=3", "training.batch_size=2", "checkpoints.every_steps=1",
                    "checkpoints.keep=30",
                ], expecting: 65)
            #expect(
                launch.errors.contains(/training diverged: (in|after) step \d+ the .*lower optimizer.learning_rate/),
                "\(launch.errors)")
            for name in (try? work.checkpoints("wild")) ?? [] {
                let file = try WeightFile.open(work.path("runs/wild/checkpoints/\(name)/model.safetensors"))
                for tensor in file.tensors.keys { #expect(try file.floats(tensor).allSatisfy(\.isFinite), "\(name): \(tensor)") }
            }
        }

        @Test func weightsThatAreNoNumbersAreRefused() throws {
            let work = try Workplace(images: 2)
            try work.train("good", ["data.validation=null"])
            let cases: [(String, Float, String)] = [
                ("conv1.0.weight", .nan, "1 of the 648 values of 'conv1.0.weight' are no numbers"),
                ("fc.bias", -.infinity, "1 of the 3 values of 'fc.bias' are no numbers"),
                ("conv1.1.running_var", -0.5, "1 of the 24 variances in 'conv1.1.running_var' are negative"),
            ]
            for (tensor, value, words) in cases {
                let spoiled = try spoil(work, tensor, value)
                let photograph = "data/train/ant/ant-0.png"
                for launch in [
                    try work.graft("predict", "--weights", spoiled, photograph, expecting: 65),
                    try work.graft("evaluate", "runs/good", "--checkpoint", spoiled, "--data", "data/train", expecting: 65),
                    try work.graft("export", spoiled, "--format", "onnx", "--output", "x.onnx", expecting: 65),
                    try work.graft("weights", "convert", spoiled, "x.safetensors", expecting: 65),
                    try work.train("bad", ["network.weights=\(spoiled)"], expecting: 65),
                ] { #expect(launch.errors.contains("\(spoiled) cannot be used: \(words)"), "\(launch.errors)") }
            }
            #expect(!work.has("x.onnx") && !work.has("x.safetensors") && !work.has("runs/bad"))
        }

        /// Puts a value at the beginning of a tensor of the run's model, and returns the name of the file.
        private func spoil(_ work: Workplace, _ tensor: String, _ value: Float) throws -> String {
            var bytes = try work.contents(work.newest("good"))
            let length = bytes.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
            let header = try #require(
                try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any])
            let entry = try #require(header[tensor] as? [String: Any], "no \(tensor) among \(header.keys.sorted().prefix(20))")
            let offset = 8 + length + (try #require((entry["data_offsets"] as? [Int])?.first))
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.replaceSubrange(offset..<offset + 4, with: $0) }
            try bytes.write(to: work.folder.appending(path: "spoiled.safetensors"))
            return "spoiled.safetensors"
        }
    }
}
