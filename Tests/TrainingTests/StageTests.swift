// A run in three stages over the real engine: the head alone, then the last layers, then everything.
import Collectives
import Execution
import Graphs
import ImageData
import Networks
import Optimization
import TestSupport
import Tensors
import Testing
import Training

@Suite struct StageTests {
    /// ResNet-18 over 10 generated images of 32 pixels: two epochs in each of three stages, two updates an epoch.
    struct Run: Sendable {
        var ranks = 1
        var unfrozen: [[String]] = [[], ["layer4"], ["*"]]
        var kind = OptimizerKind.adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        var learningRate = 1e-3
        var compresses = false
        var folder: String?
        /// Ends as a kill would: with what was saved by then, and nothing said.
        var stepLimit: Int?
        var resumes = false

        static let epochsOfStage = 2
        static let images = 10
        static let batchSize = 6
        static let side = 32

        func stage(ofEpoch epoch: Int) -> Int { min(epoch / Self.epochsOfStage, unfrozen.count - 1) }
    }

    struct Outcome: Sendable {
        var losses: [Double]
        var step: Int
        var tensors: [String: [Float]]
        /// Tensors at the start of each stage, by the number of the stage.
        var starts: [Int: [String: [Float]]]
    }

    /// Makes stages, each from the values of the one before.
    private final class Maker {
        let run: Run
        let communicator: any Communicator
        let graph: Graph
        var store: ParameterStore?
        var number = -1
        var starts: [Int: [String: [Float]]] = [:]

        init(_ run: Run, _ communicator: any Communicator) throws {
            (self.run, self.communicator) = (run, communicator)
            graph = try NetworkCatalog.entry(named: "resnet18").build(BuildOptions(classes: 3, inputSize: Run.side))
        }

        func make(_ number: Int) throws -> Stage {
            let trainability = try FreezePolicy(unfrozen: run.unfrozen[number], batchNorm: .affine).resolve(graph)
            let capacity = EpochPlan.shareCapacity(batchSize: Run.batchSize, size: communicator.size)
            let plans = [PlanExit.loss, .logits].map { exit in
                var request = PlanRequest(graph: graph, trainability: trainability, capacity: capacity, exit: exit)
                request.isOptimizerAdaptive = run.kind.isAdaptive
                return Planner.plan(request)
            }
            let store: ParameterStore
            if let earlier = self.store {
                store = ParameterStore(trainability: trainability, layout: plans[0].layout, carrying: earlier)
            } else {
                store = ParameterStore(graph: graph, trainability: trainability, layout: plans[0].layout)
                for index in graph.parameters.indices { store.initialize(index, seed: 7) }
            }
            (self.store, self.number) = (store, number)
            let resources = try ProgramResources(
                store: store, threads: 1, arenaBytes: max(plans[0].arenaBytes, plans[1].arenaBytes))
            let replica = ProgramReplica(
                store: store, training: try Program(plans[0], resources), inference: try Program(plans[1], resources),
                communicator: communicator)
            starts[number] = StageTests.tensors(replica)
            let count = replica.trained.count
            return Stage(
                replica: replica, source: loader(capacity),
                optimizer: Optimizer(
                    kind: run.kind,
                    groups: try ParameterGroups(weightDecay: 0.01).resolve(
                        parameters: replica.parameters, of: graph.name, slots: replica.slots, count: count), count: count),
                schedule: LearningRateSchedule(baseRate: run.learningRate, shape: .constant), bucketBytes: 1 << 20,
                evaluator: Evaluator(
                    samples: StageTests.samples("validation"), source: loader(capacity), batchSize: capacity, ranks: .all))
        }

        private func loader(_ capacity: Int) -> LoaderSource {
            let preprocessing = Preprocessing(
                resize: Run.side, crop: Run.side, mean: [0.5, 0.5, 0.5], deviation: [0.25, 0.25, 0.25])
            return LoaderSource(
                BatchLoader(
                    source: .synthetic(count: Run.images, classes: 3),
                    options: .init(capacity: capacity, threads: 1, seed: 4, preprocessing: preprocessing, augmentation: .none)))
        }
    }

    private static func samples(_ split: String) -> SampleList {
        SampleList(
            split: split, classes: ["a", "b", "c"], paths: (0..<Run.images).map { "\($0)" },
            labels: (0..<Run.images).map { $0 % 3 })
    }

    private static func tensors(_ replica: any Replica) -> [String: [Float]] {
        Dictionary(
            uniqueKeysWithValues: replica.parameters.indices.map { (replica.parameters[$0].name, Array(replica.values(of: $0))) })
    }

    private static func train(_ run: Run, _ communicator: any Communicator) throws -> Outcome {
        let maker = try Maker(run, communicator)
        let checkpoints = run.folder.map { CheckpointFolder(path: $0, retention: Retention(keeping: 9)) }
        let record = Record()
        var settings = TrainingSettings(
            epochs: run.unfrozen.count * Run.epochsOfStage, batchSize: Run.batchSize, accumulation: 1, stepLimit: run.stepLimit,
            labelSmoothing: 0.1, clipNorm: nil, seed: 4, shuffle: true, evaluationEpochs: 1, checkpointEpochs: 1,
            checkpointSteps: 1, unreadableLimit: 0, overlap: true)
        settings.compresses = run.compresses
        var parts = Trainer.Parts(
            settings: settings,
            identity: RunIdentity(
                name: "stages", architecture: "resnet18", classes: ["a", "b", "c"], preprocessing: .imageNet(), configDigest: "",
                filesDigest: ""),
            communicator: communicator, samples: samples("train"), checkpoints: communicator.isRoot ? checkpoints : nil,
            observers: [record])
        parts.stageAfter = { epochs, _ in
            let wanted = run.stage(ofEpoch: epochs)
            return wanted == maker.number ? nil : try maker.make(wanted)
        }
        let newest = run.resumes && communicator.isRoot ? try checkpoints?.newest().checkpoint : nil
        let saved = try communicator.broadcast([UInt8(newest?.state.progress.epochOfLastStep ?? 0)])
        let trainer = Trainer(parts, try maker.make(run.stage(ofEpoch: Int(saved[0]))))
        if run.resumes { try trainer.resume(from: newest) }
        _ = try trainer.run()
        return Outcome(
            losses: record.contents.losses, step: trainer.progress.step, tensors: tensors(trainer.stage.replica),
            starts: maker.starts)
    }

    private func run(_ run: Run) throws -> [Outcome] {
        run.ranks == 1
            ? [try Self.train(run, SingleProcess())] : try ThreadGroup.run(size: run.ranks) { try Self.train(run, $0) }
    }

    /// With momentum, whose updates are as small as the gradients: AdamW's first ones are of the rate's size in any direction, and make
    /// last digits large. By small updates, so that no value crosses a ReLU's kink for the last digits of the weights before it.
    @Test func ranksDoNotChangeTheLosses() throws {
        let kind = OptimizerKind.sgd(momentum: 0.9, nesterov: false)
        let alone = try run(Run(kind: kind, learningRate: 1e-4))[0]
        #expect(alone.losses.count == 12)
        for ranks in [2, 3] {
            let together = try run(Run(ranks: ranks, kind: kind, learningRate: 1e-4))
            #expect(
                zip(alone.losses, together[0].losses).allSatisfy { abs($0 - $1) < 1e-5 * $0 },
                "\(alone.losses) \(together[0].losses)")
            #expect(together.allSatisfy { $0.tensors == together[0].tensors })
        }
    }

    /// What a stage freezes is after it what it was before, bit for bit; what it trains has moved.
    @Test(arguments: [1, 2, 3]) func eachStageTrainsItsOwnAlone(ranks: Int) throws {
        let outcome = try run(Run(ranks: ranks))[0]
        let states = try (0...2).map { try #require(outcome.starts[$0]) } + [outcome.tensors]
        let trained: [(String) -> Bool] = [
            { $0.hasPrefix("fc.") }, { $0.hasPrefix("fc.") || $0.hasPrefix("layer4.") }, { _ in true },
        ]
        for (stage, isTrained) in trained.enumerated() {
            for (name, before) in states[stage] {
                let changes = isTrained(name) && !name.contains("running")
                #expect((states[stage + 1][name] != before) == changes, "stage \(stage): \(name)")
            }
        }
    }

    /// A kill after an update of the first, second and third stage, and after the last of the first two, where the next stage is due.
    static let resumes =
        testsAreLong
        ? [1, 2, 3].flatMap { ranks in [3, 4, 6, 8, 11].map { (ranks, $0) } } : [(1, 3), (2, 4), (1, 6), (3, 8), (2, 11)]

    @Test(arguments: resumes) func aResumeInEachStageIsExact(ranks: Int, step: Int) throws {
        let folder = try TemporaryFolder()
        let straight = try run(Run(ranks: ranks))
        let first = try run(Run(ranks: ranks, folder: folder.path, stepLimit: step))
        let second = try run(Run(ranks: ranks, folder: folder.path, resumes: true))
        #expect(first[0].losses + second[0].losses == straight[0].losses)
        #expect(second[0].tensors == straight[0].tensors)
    }

    /// Layers that a later stage leaves alone again keep what they have learnt; the rule is momentum's, with rounded sums.
    @Test func aStageMayFreezeWhatTheOneBeforeTrained() throws {
        let folder = try TemporaryFolder()
        var plan = Run(ranks: 2, unfrozen: [["layer4"], []], kind: .sgd(momentum: 0.9, nesterov: false), compresses: true)
        let straight = try run(plan)[0]
        let before = try #require(straight.starts[1])
        #expect(before["layer4.1.conv2.weight"] != straight.starts[0]?["layer4.1.conv2.weight"])
        #expect(straight.tensors["layer4.1.conv2.weight"] == before["layer4.1.conv2.weight"])
        #expect(straight.tensors["fc.weight"] != before["fc.weight"])
        plan.folder = folder.path
        plan.stepLimit = 3
        let first = try run(plan)[0]
        plan.stepLimit = nil
        plan.resumes = true
        let second = try run(plan)[0]
        #expect(first.losses + second.losses == straight.losses && second.tensors == straight.tensors)
    }

    /// AdamW corrects the bias of averages for as many updates as they have seen: a first update is of the rate's size in any stage.
    @Test func newlyTrainedLayersStartAsInAFreshRun() throws {
        let optimizer = Optimizer(
            kind: .adamW(beta1: 0.9, beta2: 0.999, epsilon: 0), groups: [.init(range: 0..<1), .init(range: 1..<2)], count: 2)
        var (weights, gradients): ([Float], [Float]) = ([0, 0], [1, 0])
        for number in 1...5 {
            optimizer.update(parameters: &weights, gradients: gradients, learningRate: 0.1, updateNumber: number)
            weights = [0, 0]
        }
        optimizer.begin { $0.lowerBound == 1 ? 5 : 0 }
        gradients = [1, 3]
        optimizer.update(parameters: &weights, gradients: gradients, learningRate: 0.1, updateNumber: 6)
        #expect(abs(weights[0] + 0.1) < 1e-6 && abs(weights[1] + 0.1) < 1e-6)
    }
}
