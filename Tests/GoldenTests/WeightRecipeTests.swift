// The recipe gives the same bits in Swift as in Python, or no other comparison here means anything.
import Foundation
import TestSupport
import Testing

@Suite struct WeightRecipeTests {
    private struct Expected: Decodable {
        struct Tensor: Decodable {
            let name: String
            let shape: [Int]
            let checksum: String
            let first: Float
        }
        let tensors: [Tensor]
    }

    @Test func equalsPythonBitForBit() throws {
        let data = try Data(contentsOf: FixtureFolder.url.appending(path: "recipe.json"))
        let tensors = try JSONDecoder().decode(Expected.self, from: data).tensors
        #expect(tensors.count > 15)
        let recipe = WeightRecipe(names: tensors.map(\.name))
        for tensor in tensors {
            let values = recipe.values(name: tensor.name, shape: tensor.shape)
            #expect(values.first == tensor.first, "\(tensor.name)")
            #expect(values.withUnsafeBytes { hexadecimal(WeightRecipe.fnv($0)) } == tensor.checksum, "\(tensor.name)")
        }
    }

    @Test func sketchSeesSmallErrors() {
        let values = WeightRecipe.uniform(name: "values", count: 1000).map(Double.init)
        let noise = WeightRecipe.uniform(name: "noise", count: 1000).map { Double($0) - 0.5 }
        let wrong = zip(values, noise).map { $0 + 0.01 * $1 }
        let actual = relativeDifference(wrong, values)
        let estimate = TensorSketch(of: values, name: "x").difference(of: TensorSketch(of: wrong, name: "x"))
        #expect(estimate > actual / 4 && estimate < actual * 4)
        #expect(TensorSketch(of: values, name: "x").difference(of: TensorSketch(of: values, name: "x")) == 0)
    }

    @Test func notANumberIsInfinitelyFar() {
        #expect(relativeDifference([Double.nan], [1]) == .infinity)
        #expect(TensorSketch(of: [1, 2], name: "x").difference(of: TensorSketch(of: [1, .nan], name: "x")) == .infinity)
    }
}
