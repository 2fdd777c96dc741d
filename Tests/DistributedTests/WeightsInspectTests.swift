// `graft weights inspect`: what it says of whole, spoiled and foreign files.
import Foundation
import Graphs
import Networks
import TestSupport
import Tensors
import Testing
import WeightFiles

@Suite struct WeightsInspectTests {
    /// What is said of a file of zeros with these tensors.
    private func inspect(_ tensors: [(name: String, shape: TensorShape)]) throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "graft-inspect-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = SafetensorsWriter(tensors.map { .init(name: $0.name, elementType: .uint8, shape: $0.shape) })
        let bytes = writer.header + [UInt8](repeating: 0, count: writer.order.reduce(0) { $0 + $1.byteCount })
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let launch = try Launch(["weights", "inspect", path])
        try #require(launch.status == 0, "\(launch.errors)")
        return launch.output
    }

    @Test func whatIsMissingAndUnexpectedIsTold() throws {
        var tensors = try NetworkCatalog.entry(named: "efficientnet_lite0").build().parameters.map {
            (name: $0.name, shape: $0.shape)
        }
        let whole = try inspect(tensors)
        #expect(whole.contains("network     efficientnet_lite0: all names and shapes fit, and those of no other network"))
        #expect(whole.contains("missing     none") && whole.contains("unexpected  none"))
        let last = tensors.removeLast()
        tensors[0].shape = [1, 2, 3, 4]
        tensors.append(("surprise", [2]))
        let spoiled = try inspect(tensors)
        #expect(spoiled.contains("network     efficientnet_lite0: the nearest; not all of it fits"))
        #expect(spoiled.contains("missing     \(last.name)\n") && spoiled.contains("unexpected  surprise\n"))
        #expect(spoiled.contains("misshapen   \(tensors[0].name) is 1×2×3×4, not 32×3×3×3"))
    }

    @Test func foreignNetworksAreNotTakenForAnother() throws {
        let output = try inspect([
            ("conv_stem.0.rbr.weight", [4, 4, 1, 1]), ("norm5.weight", [4]), ("classifier.1.bias", [1000]),
        ])
        #expect(output.contains("network    unknown: it has the names of a RepVGG"), "\(output)")
        #expect(!output.contains("missing") && !output.contains("pixels"))
    }
}
