// Graft's networks and its picture preparation are PyTorch's: the same tensors, the same pixels.
import Foundation
import Graphs
import ImageData
import Networks
import TestSupport
import Tensors
import Testing

@Suite struct GoldenNetworkTests {
    static let names = GoldenNetwork.names(in: FixtureFolder.url)

    @Test func noNetworkIsLeftOut() { #expect(Set(Self.names) == Set(NetworkCatalog.entries.map(\.name))) }

    @Test(arguments: names)
    func tensorsAreThePublishedOnes(_ name: String) throws {
        let golden = try GoldenNetwork.load(name, from: FixtureFolder.url)
        let entry = try NetworkCatalog.entry(named: name)
        let graph = entry.build()
        let weights = try GoldenWeights(for: graph, of: entry, stored: golden.stored)
        let shapes = Dictionary(uniqueKeysWithValues: zip(weights.names, graph.parameters.map(\.shape.extents)))
        #expect(shapes.count == golden.tensors)
        #expect(GoldenNetwork.checksum(shapes) == golden.namesAndShapesChecksum)
        #expect(graph.parameterCount == golden.parameterCount)
    }

    @Test(arguments: names)
    func photographBecomesTheSameInput(_ name: String) throws {
        let golden = try GoldenNetwork.load(name, from: FixtureFolder.url)
        let file = FixtureFolder.url.appending(path: golden.image.file).path
        let preparer = ImagePreparer(preprocessing: golden.transform)
        var input = [Float](repeating: 0, count: preparer.elementCount)
        let picture = try ImageDecoder().decode(path: file)
        input.withUnsafeMutableBufferPointer { preparer.prepare(picture, into: $0.baseAddress!) }
        #expect(hexadecimal(WeightRecipe.fnv(pixels(of: input, golden.transform))) == golden.image.pixelsChecksum)
        let norm = input.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm - golden.image.inputNorm) < 1e-5 * golden.image.inputNorm)
    }

    @Test(arguments: GoldenTraining.names(in: FixtureFolder.url))
    func trainingImagesBecomeTheSamePixels(_ name: String) throws {
        let settings = try GoldenTraining.load(name, from: FixtureFolder.url).settings
        var transform = try NetworkCatalog.entry(named: settings.network).preprocessing
        (transform.resize, transform.crop) = (settings.resize, settings.crop)
        let preparer = ImagePreparer(preprocessing: transform)
        var all: [UInt8] = []
        for file in settings.files {
            var input = [Float](repeating: 0, count: preparer.elementCount)
            let picture = try ImageDecoder().decode(path: FixtureFolder.url.appending(path: "classes/\(file)").path)
            input.withUnsafeMutableBufferPointer { preparer.prepare(picture, into: $0.baseAddress!) }
            all += pixels(of: input, transform)
        }
        #expect(hexadecimal(WeightRecipe.fnv(all)) == settings.pixelsChecksum)
    }

    /// The 8-bit pixels that a normalised input `[H, W, C]` came from.
    private func pixels(of input: [Float], _ transform: Preprocessing) -> [UInt8] {
        input.indices.map { index in
            // The checksum is of red, green, blue, whatever the network wants.
            let channel = transform.channelOrder == .rgb ? index % 3 : 2 - index % 3
            let value = (input[index - index % 3 + channel] * transform.deviation[channel] + transform.mean[channel]).rounded()
            return UInt8(max(0, min(255, value)))
        }
    }
}
