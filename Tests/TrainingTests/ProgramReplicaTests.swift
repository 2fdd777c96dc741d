// The loop over the real engine: a small convolutional network, synthetic photographs through the real loader.
import Collectives
import Execution
import Graphs
import ImageData
import Optimization
import Tensors
import Testing
import Training

@Suite struct ProgramReplicaTests {
    /// A run of the small network.
    struct Run: Sendable {
        var ranks = 1
        var batchNorm = NormMode.frozen
        var batchSize = 6
        var images = 20
        var epochs = 2
        var folder: String?
        var resumes = false
        var stepLimit: Int?
        var group: Int?
        var bucketBytes = 1024
        var accumulation = 1
    }

    struct Outcome: Sendable {
        var losses: [Double]
        var accuracies: [Double]
        /// All tensors by name, and those that must not change as they were before the run.
        var tensors: [String: [Float]]
        var frozen: [String: [Float]]
    }

    static func network() -> Graph {
        var builder = GraphBuilder()
        var x = builder.input(height: 12, width: 12)
        x = builder.relu(
            builder.batchNorm("stem.bn", builder.convolution("stem.conv", x, out: 8, kernel: 3, stride: 2, padding: 1)))
        let y = builder.relu(builder.batchNorm("block.bn", builder.convolution("block.conv", x, out: 8, kernel: 3, padding: 1)))
        x = builder.adaptiveAveragePool("pool", builder.add("block.add", x, y), to: 1)
        x = builder.dropout("drop", builder.flatten(x), rate: 0.2)
        let logits = builder.linear("fc", x, out: 3)
        return builder.finish(name: "small", logits: logits, head: "fc")
    }

    private static func replica(_ run: Run, _ communicator: any Communicator) throws -> ProgramReplica {
        let graph = network()
        let trainability = try FreezePolicy(unfrozen: ["block"], batchNorm: run.batchNorm).resolve(graph)
        let capacity = EpochPlan.shareCapacity(batchSize: run.batchSize, size: communicator.size, group: run.group)
        let plans = [PlanExit.loss, .logits].map {
            Planner.plan(PlanRequest(graph: graph, trainability: trainability, capacity: capacity, exit: $0))
        }
        let store = ParameterStore(graph: graph, trainability: trainability, layout: plans[0].layout)
        for index in graph.parameters.indices { store.initialize(index, seed: 7) }
        let groups = run.group.map { EpochPlan.shareGroups(batchSize: run.batchSize, size: communicator.size, group: $0) }
        let resources = try ProgramResources(
            store: store, threads: 1, arenaBytes: max(plans[0].arenaBytes, plans[1].arenaBytes), groups: groups ?? 1)
        return ProgramReplica(
            store: store, training: try Program(plans[0], resources), inference: try Program(plans[1], resources),
            communicator: communicator)
    }

    private static func loader(_ run: Run, count: Int, capacity: Int) -> LoaderSource {
        let preprocessing = Preprocessing(resize: 12, crop: 12, mean: [0, 0, 0], deviation: [1, 1, 1])
        return LoaderSource(
            BatchLoader(
                source: .synthetic(count: count, classes: 3),
                options: .init(capacity: capacity, threads: 1, seed: 4, preprocessing: preprocessing, augmentation: .none)))
    }

    private static func samples(_ count: Int, _ split: String) -> SampleList {
        SampleList(
            split: split, classes: ["a", "b", "c"], paths: (0..<count).map { "\($0)" }, labels: (0..<count).map { $0 % 3 })
    }

    private static func train(_ run: Run, _ communicator: any Communicator) throws -> Outcome {
        let replica = try replica(run, communicator)
        let capacity = EpochPlan.shareCapacity(batchSize: run.batchSize, size: communicator.size, group: run.group)
        let frozen = tensors(replica) { !replica.changes($0) }
        let checkpoints = run.folder.map { CheckpointFolder(path: $0, retention: Retention(keeping: 2)) }
        let record = Record()
        let count = replica.trained.count
        var settings = TrainingSettings(
            epochs: run.epochs, batchSize: run.batchSize, accumulation: run.accumulation, stepLimit: run.stepLimit,
            labelSmoothing: 0.1, clipNorm: nil, seed: 4, shuffle: true, evaluationEpochs: 1, checkpointEpochs: 1,
            checkpointSteps: nil, unreadableLimit: 0, overlap: true)
        settings.group = run.group
        let trainer = Trainer(
            Trainer.Parts(
                settings: settings,
                identity: RunIdentity(
                    name: "small", architecture: "small", classes: ["a", "b", "c"], preprocessing: .imageNet(), configDigest: "",
                    filesDigest: ""),
                communicator: communicator, samples: samples(run.images, "train"),
                checkpoints: communicator.isRoot ? checkpoints : nil, observers: [record]),
            Stage(
                replica: replica, source: loader(run, count: run.images, capacity: capacity),
                optimizer: Optimizer(
                    kind: .adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8),
                    groups: try ParameterGroups(weightDecay: 0.01).resolve(
                        parameters: replica.parameters, of: "test", slots: replica.slots, count: count),
                    count: count),
                schedule: LearningRateSchedule(baseRate: 0.01, shape: .constant), bucketBytes: run.bucketBytes,
                evaluator: Evaluator(
                    samples: samples(7, "validation"), source: loader(run, count: 7, capacity: capacity), batchSize: capacity,
                    ranks: .all)))
        if run.resumes { try trainer.resume(from: communicator.isRoot ? try checkpoints?.newest().checkpoint : nil) }
        _ = try trainer.run()
        return Outcome(
            losses: record.contents.losses, accuracies: record.contents.evaluations.map(\.summary.accuracy),
            tensors: tensors(replica) { _ in true }, frozen: frozen)
    }

    private static func tensors(_ replica: ProgramReplica, where isWanted: (Int) -> Bool) -> [String: [Float]] {
        let wanted = replica.parameters.indices.filter(isWanted)
        return Dictionary(uniqueKeysWithValues: wanted.map { (replica.parameters[$0].name, Array(replica.values(of: $0))) })
    }

    private func run(_ run: Run) throws -> [Outcome] {
        run.ranks == 1
            ? [try Self.train(run, SingleProcess())] : try ThreadGroup.run(size: run.ranks) { try Self.train(run, $0) }
    }

    /// A batch of 3 leaves the fourth rank without images. With statistics of the whole batch ranks agree as well.
    @Test(arguments: [NormMode.frozen, .affine, .synchronized], [(2, 6), (3, 6), (4, 3)])
    func ranksDoNotChangeTheLosses(batchNorm: NormMode, shares: (ranks: Int, batchSize: Int)) throws {
        let alone = try run(Run(batchNorm: batchNorm, batchSize: shares.batchSize))[0]
        let together = try run(Run(ranks: shares.ranks, batchNorm: batchNorm, batchSize: shares.batchSize))
        #expect(alone.losses.count == together[0].losses.count && alone.accuracies == together[0].accuracies)
        #expect(zip(alone.losses, together[0].losses).allSatisfy { abs($0 - $1) < 1e-4 * $0 })
        #expect(together.allSatisfy { $0.tensors == together[0].tensors })
    }

    @Test(arguments: NormMode.allCases) func frozenTensorsStayAsTheyWereBitForBit(batchNorm: NormMode) throws {
        let outcomes = try run(Run(ranks: 2, batchNorm: batchNorm))
        for (name, values) in outcomes[0].frozen { #expect(outcomes[0].tensors[name] == values, "\(name)") }
        #expect(outcomes[0].frozen["stem.bn.running_mean"] != nil)
        #expect((outcomes[0].frozen["block.bn.running_mean"] == nil) == batchNorm.usesBatchStatistics)
        #expect(outcomes[0].tensors == outcomes[1].tensors)
    }

    @Test(arguments: [NormMode.frozen, .local]) func resumedEqualsUninterruptedBitForBit(batchNorm: NormMode) throws {
        let folder = try TemporaryFolder()
        let straight = try run(Run(batchNorm: batchNorm))[0]
        let first = try run(Run(batchNorm: batchNorm, folder: folder.path, stepLimit: 6))[0]
        let second = try run(Run(batchNorm: batchNorm, folder: folder.path, resumes: true))[0]
        #expect(first.losses + second.losses == straight.losses)
        #expect(second.tensors == straight.tensors)
    }

    /// More ranks than groups leave some without any; 13 images in batches of 6 a last batch of one.
    @Test(arguments: NormMode.allCases) func groupsHaveTheSameBitsOnAnyNumberOfRanks(batchNorm: NormMode) throws {
        func run(_ ranks: Int, _ bucketBytes: Int, _ change: (inout Run) -> Void = { _ in }) throws -> [Outcome] {
            var wanted = Run(ranks: ranks, batchNorm: batchNorm)
            (wanted.images, wanted.batchSize, wanted.group, wanted.bucketBytes) = (13, 6, 2, bucketBytes)
            wanted.accumulation = 2
            change(&wanted)
            return try self.run(wanted)
        }
        let alone = try run(1, 1024)[0]
        for (ranks, bucketBytes) in [(1, 64), (2, 256), (3, 1024), (4, 1 << 20), (7, 512)] {
            for outcome in try run(ranks, bucketBytes) { #expect(outcome.tensors == alone.tensors, "\(ranks) ranks") }
            #expect(try run(ranks, bucketBytes)[0].losses == alone.losses, "\(ranks) ranks")
        }
        let folder = try TemporaryFolder()
        _ = try run(2, 1024) { ($0.folder, $0.stepLimit) = (folder.path, 2) }
        let resumed = try run(3, 1024) { ($0.folder, $0.resumes) = (folder.path, true) }
        #expect(resumed[2].tensors == alone.tensors)
        // The same training but for rounding.
        let usual = try run(1, 1024) { $0.group = nil }[0]
        if batchNorm != .local { #expect(zip(usual.losses, alone.losses).allSatisfy { abs($0 - $1) < 1e-4 * $0 }) }
    }
}
