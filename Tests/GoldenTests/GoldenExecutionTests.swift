// Graft computes what PyTorch computes: logits, gradients, and the weights after ten steps.
import Execution
import Foundation
import Graphs
import ImageData
import Networks
import Optimization
import TestSupport
import Tensors
import Testing

@Suite(.serialized) struct GoldenExecutionTests {
    /// Published tolerance: a thousandth of the logits.
    static let logitTolerance = 1e-3
    /// As with gradients, a family's larger members are left to the longer mode.
    static let names = GoldenNetwork.names(in: FixtureFolder.url).filter { name in
        testsAreLong || EveryNetworkTests.representatives.contains(name)
            || ["caffenet", "inception_v3", "resnext50_32x4d", "mobilenet_v3_large"].contains(name)
    }

    @Test(arguments: names)
    func logitsOfAPhotograph(_ name: String) throws {
        let golden = try GoldenNetwork.load(name, from: FixtureFolder.url)
        let entry = try NetworkCatalog.entry(named: name)
        let preparer = ImagePreparer(preprocessing: golden.transform)
        let photograph = try ImageDecoder().decode(path: FixtureFolder.url.appending(path: golden.image.file).path)
        var input = [Float](repeating: 0, count: preparer.elementCount)
        input.withUnsafeMutableBufferPointer { preparer.prepare(photograph, into: $0.baseAddress!) }
        let replica = try GoldenReplica(
            entry, inputSize: golden.transform.crop, stored: golden.stored, capacity: 1, exit: .logits)
        #expect(golden.image.logits.difference(of: replica.logits(of: input, count: 1)) < Self.logitTolerance)
    }

    @Test(arguments: names)
    func logitsOfNumbers(_ name: String) throws {
        let golden = try GoldenNetwork.load(name, from: FixtureFolder.url)
        let entry = try NetworkCatalog.entry(named: name)
        let shape = golden.synthetic.shape
        // One image more than given: a partly filled batch must not change the others.
        let replica = try GoldenReplica(
            entry, inputSize: shape[2], stored: golden.stored, capacity: shape[0] + 1, exit: .logits)
        let input = channelsLast(WeightRecipe.input(shape: shape), shape: shape)
        let padding = [Float](repeating: 0, count: input.count / shape[0])
        let logits = replica.logits(of: input + padding, count: shape[0])
        #expect(golden.synthetic.difference(of: logits) < Self.logitTolerance)
    }

    @Test(arguments: GoldenGradients.names(in: FixtureFolder.url), [true, false])
    func gradients(_ name: String, optimizes: Bool) throws {
        let golden = try GoldenGradients.load(name, from: FixtureFolder.url)
        let replica = try makeReplica(golden.settings, optimizes: optimizes)
        let batch = golden.settings.batch(step: 0)
        let images = try goldenImages(golden.settings)
        let loss = replica.step(Array(images[batch].joined()), labels: golden.settings.labels[batch].map(Int32.init))
        #expect(abs(loss - golden.losses[0]) < 1e-4 * abs(golden.losses[0]))
        for tensor in golden.tensors {
            let parameter = try #require(replica.weights.names.firstIndex(of: tensor.name))
            let gradient = try #require(replica.store.gradient(of: parameter), "\(tensor.name) has no gradient")
            #expect(tensor.difference(of: Array(gradient)) < golden.tolerance, "\(tensor.name)")
        }
        #expect(replica.plan.layout.slots.count == golden.tensors.count)
    }

    @Test(arguments: GoldenTraining.names(in: FixtureFolder.url))
    func tenSteps(_ name: String) throws {
        let golden = try GoldenTraining.load(name, from: FixtureFolder.url)
        let settings = golden.settings
        let replica = try makeReplica(settings)
        let images = try goldenImages(settings)
        let optimizer = makeOptimizer(settings, replica)
        for (step, expected) in golden.losses.enumerated() {
            let batch = settings.batch(step: step)
            let loss = replica.step(
                Array(images[batch].joined())
                    + [Float](repeating: 0, count: (settings.batchSize - batch.count) * images[0].count),
                labels: settings.labels[batch].map(Int32.init), smoothing: settings.labelSmoothing)
            #expect(abs(loss - expected) < 1e-3 * abs(expected), "loss of step \(step + 1)")
            let gradients = replica.store.gradients
            let norm = GradientClipping.norm(of: UnsafePointer(gradients.baseAddress!), count: gradients.count, scale: 1)
            let factor = settings.clipNorm.map { GradientClipping.factor(norm: norm, maximumNorm: $0) } ?? 1
            optimizer.update(
                parameters: replica.store.trained.baseAddress!, gradients: UnsafePointer(gradients.baseAddress!),
                learningRate: settings.optimizer.learningRate, gradientScale: Float(factor), updateNumber: step + 1)
        }
        for tensor in golden.tensors {
            let parameter = try #require(replica.weights.names.firstIndex(of: tensor.name))
            let after = Array(replica.store.values(of: parameter))
            #expect(tensor.weightDifference(after: after) < 1e-3, "\(tensor.name)")
            let change = tensor.changeDifference(before: replica.weights.values[parameter], after: after)
            #expect(change < golden.tolerance, "change of \(tensor.name)")
        }
    }

    /// bfloat16 has 8 bits: a loss within two hundredths, and gradients that point the same way. (Not for the recipe's Lite0, where
    /// torch's own bfloat16 gradients have a cosine of 0.54 with its float32 ones.)
    @Test(
        .enabled(if: processorMultipliesBFloat16, Comment(rawValue: needsBFloat16)),
        arguments: ["resnet18-middle", "resnet50-all", "resnet50_v1-all-local"])
    func bfloat16StaysClose(_ name: String) throws {
        let settings = try GoldenGradients.load(name, from: FixtureFolder.url).settings
        let batch = settings.batch(step: 0)
        let images = Array(try goldenImages(settings)[batch].joined())
        let labels = settings.labels[batch].map(Int32.init)
        let (wide, narrow) = (try makeReplica(settings), try makeReplica(settings, precision: .bfloat16))
        let (expected, loss) = (wide.step(images, labels: labels), narrow.step(images, labels: labels))
        #expect(abs(loss - expected) < 2e-2 * abs(expected))
        #expect(narrow.plan.arenaBytes < wide.plan.arenaBytes)
        let (a, b) = (wide.store.gradients, narrow.store.gradients)
        let product = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let norms = [a, b].map { $0.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
        #expect(product / (norms[0] * norms[1]) > 0.98)
    }

    private func makeReplica(
        _ settings: GoldenSettings, optimizes: Bool = true, precision: ElementType = .float32
    ) throws -> GoldenReplica {
        let golden = try GoldenNetwork.load(settings.network, from: FixtureFolder.url)
        return try GoldenReplica(
            NetworkCatalog.entry(named: settings.network), classes: settings.classes, inputSize: settings.crop,
            stored: golden.stored, moved: settings.moved, unfrozen: settings.unfrozen,
            batchNorm: #require(NormMode(rawValue: settings.batchNorm)),
            capacity: settings.batchSize, exit: .loss, optimizes: optimizes, precision: precision,
            isOptimizerAdaptive: settings.optimizer.kind != "sgd")
    }

    private func makeOptimizer(_ settings: GoldenSettings, _ replica: GoldenReplica) -> Optimizer {
        let kind: OptimizerKind =
            settings.optimizer.kind == "sgd"
            ? .sgd(momentum: settings.optimizer.momentum ?? 0, nesterov: false)
            : .adamW(
                beta1: settings.optimizer.betas?[0] ?? 0.9, beta2: settings.optimizer.betas?[1] ?? 0.999,
                epsilon: settings.optimizer.epsilon ?? 1e-8)
        let slots = replica.plan.layout.slots
        let ends = slots.dropFirst().map(\.range.lowerBound) + [replica.plan.layout.count]
        let groups = zip(slots, ends).map { slot, end in
            let decays = replica.plan.graph.parameters[slot.parameter].role.isDecayed
            return ParameterGroup(
                range: slot.range.lowerBound..<end, multiplier: 1, weightDecay: decays ? settings.optimizer.weightDecay : 0)
        }
        return Optimizer(kind: kind, groups: groups, count: replica.plan.layout.count)
    }
}
