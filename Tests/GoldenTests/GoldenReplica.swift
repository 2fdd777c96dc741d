// A replica with the recipe's weights, run directly on the engine.
import Execution
import Foundation
import Graphs
import ImageData
import Kernels
import Networks
import TestSupport
import Tensors

/// A network with the recipe's weights, planned, bound and ready to run.
final class GoldenReplica {
    let weights: GoldenWeights
    let store: ParameterStore
    let plan: Plan
    let program: Program
    private let resources: ProgramResources

    init(
        _ entry: NetworkEntry, classes: Int = 1000, inputSize: Int, stored: [String: [Int]]? = nil,
        moved: MovedWeights = [:], unfrozen: [String] = [],
        batchNorm: NormMode = .frozen, capacity: Int, exit: PlanExit, optimizes: Bool = true,
        precision: ElementType = .float32, auxiliary: Bool = false, isOptimizerAdaptive: Bool = false
    ) throws {
        let graph = entry.build(
            BuildOptions(classes: classes, inputSize: inputSize, auxiliary: auxiliary, dropout: 0, stochasticDepth: 0))
        let trainability = try FreezePolicy(unfrozen: unfrozen, batchNorm: batchNorm).resolve(graph)
        var request = PlanRequest(graph: graph, trainability: trainability, capacity: capacity, exit: exit)
        (request.optimizes, request.isOptimizerAdaptive) = (optimizes, isOptimizerAdaptive)
        (request.prefixPrecision, request.suffixPrecision) = (precision, precision)
        plan = Planner.plan(request)
        store = ParameterStore(graph: graph, trainability: trainability, layout: plan.layout)
        weights = try GoldenWeights(for: graph, of: entry, stored: stored, moved: moved)
        for (parameter, values) in weights.values.enumerated() {
            _ = store.values(of: parameter).update(fromContentsOf: values)
        }
        resources = try ProgramResources(store: store, threads: 1, arenaBytes: plan.arenaBytes)
        program = try Program(plan, resources)
    }

    /// The class scores of images `[N, H, W, 3]`.
    func logits(of images: [Float], count: Int) -> [Float] {
        var images = images
        images.withUnsafeMutableBytes { bytes in
            program.forward(PassInput(entries: [bytes.baseAddress!], count: count))
        }
        return Array(UnsafeBufferPointer(start: program.exitValue(0), count: count * plan.graph.classCount))
    }

    /// One forward and backward pass; returns the mean loss.
    func step(_ images: [Float], labels: [Int32], smoothing: Double = 0) -> Double {
        var images = images
        return images.withUnsafeMutableBytes { bytes in
            labels.withUnsafeBufferPointer { labels in
                var input = PassInput(entries: [bytes.baseAddress!], labels: labels.baseAddress, count: labels.count)
                input.imageWeight = 1 / Float(labels.count)
                input.labelSmoothing = Float(smoothing)
                return program.trainPass(input) { _ in }.lossSum / Double(labels.count)
            }
        }
    }
}

/// The prepared images of a golden run, `[files, H, W, 3]`.
func goldenImages(_ settings: GoldenSettings) throws -> [[Float]] {
    var transform = try NetworkCatalog.entry(named: settings.network).preprocessing
    (transform.resize, transform.crop) = (settings.resize, settings.crop)
    let preparer = ImagePreparer(preprocessing: transform)
    return try settings.files.map { file in
        var input = [Float](repeating: 0, count: preparer.elementCount)
        let picture = try ImageDecoder().decode(path: FixtureFolder.url.appending(path: "classes/\(file)").path)
        input.withUnsafeMutableBufferPointer { preparer.prepare(picture, into: $0.baseAddress!) }
        return input
    }
}
