// Threads share the work and change nothing but the order of some additions.
import Execution
import Graphs
import Networks
import TestSupport
import Tensors
import Testing

struct ThreadTests {
    static let cases =
        BoundaryTests.cases + [
            .init(network: "resnet18", unfrozen: ["*"], norm: .local),
            .init(network: "resnet50", unfrozen: ["*"]),
            .init(network: "efficientnet_b0", unfrozen: ["*"], norm: .local),
            .init(network: "googlenet", unfrozen: ["*"], norm: .local),
            .init(network: "vgg11", unfrozen: ["*"]),
        ]

    /// Two threads divide evenly what three do not: in the shorter mode each case takes one of them.
    static let chosen = cases.enumerated().flatMap { index, example in
        (testsAreLong ? [2, 3] : [2 + index % 2]).map { (example, $0) }
    }

    @Test(arguments: chosen)
    func manyThreadsComputeWhatOneDoes(_ example: BoundaryTests.Case, _ threads: Int) throws {
        for cacheBytes in [nil, ChunkTests.cacheBytes] {
            let one = try Bench(example, cacheBytes: cacheBytes)
            let first = one.trainingPass(entries: [one.images.base], one.whole)
            let scores = one.scores(entries: [one.images.base], one.inference)
            let many = try Bench(example, cacheBytes: cacheBytes, threads: threads)
            let second = many.trainingPass(entries: [many.images.base], many.whole)
            #expect(abs(first.loss - second.loss) <= 1e-6 * first.loss)
            #expect(distance(first.gradients, second.gradients) < 1e-4)
            #expect(distance(scores, many.scores(entries: [many.images.base], many.inference)) < 1e-5)
        }
    }
}
