// What is frozen stays as it was, to the bit; what is unfrozen learns.
import Foundation
import Testing
import WeightFiles

extension CommandTests {
    @Suite(.serialized) struct FrozenTests {
        @Test func onlyUnfrozenTensorsChange() throws {
            let work = try Workplace(images: 4)
            // Weights with statistics that say something.
            try work.train(
                "origin",
                [
                    residualNetwork, "network.unfrozen=[\"*\"]", "network.batch_norm=local", "training.batch_size=4",
                    "data.validation=null",
                ])
            let weights = "network.weights=\(try work.newest("origin"))"
            let origin = try WeightFile.open(work.path(try work.newest("origin")))
            #expect(try origin.floats("layer1.0.bn1.running_mean").contains { $0 != 0 })
            let cases: [(name: String, settings: [String], changes: (String) -> Bool)] = [
                ("head", [], { $0.hasPrefix("fc.") }),
                (
                    "frozen", ["network.unfrozen=[layer4]"],
                    { $0.hasPrefix("fc.") || $0.hasPrefix("layer4.") && ($0.contains("conv") || $0.contains("downsample.0")) }
                ),
                (
                    "affine", ["network.unfrozen=[layer4]", "network.batch_norm=affine"],
                    { $0.hasPrefix("fc.") || $0.hasPrefix("layer4.") && !$0.contains("running") }
                ),
                (
                    "local", ["network.unfrozen=[layer4.1]", "network.batch_norm=local"],
                    { $0.hasPrefix("fc.") || $0.hasPrefix("layer4.1.") }
                ),
            ]
            for (name, settings, changes) in cases {
                try work.train(name, settings + [residualNetwork, weights, "data.validation=null"])
                let trained = try WeightFile.open(work.path(try work.newest(name)))
                #expect(Set(trained.names) == Set(origin.names))
                for tensor in trained.names {
                    let isSame = try bytes(trained, tensor) == bytes(origin, tensor)
                    #expect(isSame != changes(tensor), "\(name): \(tensor) \(isSame ? "did not change" : "changed")")
                }
            }
        }

        private func bytes(_ file: WeightFile, _ tensor: String) throws -> Data {
            let bytes = try #require(file.floatBytesIfContiguous(tensor))
            return Data(bytes: try #require(bytes.baseAddress), count: bytes.count)
        }
    }
}
