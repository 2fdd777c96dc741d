// The feature cache in the loop: cached equals uncached bit for bit, each image is computed once over all ranks, and what an earlier
// run left is taken up, extended, or refused.
import Collectives
import Execution
import Features
import Foundation
import Graphs
import ImageData
import PlanReports
import Optimization
import Synchronization
import Tensors
import Testing
import Training

@Suite struct FeatureCacheTests {
    /// A run of a small network whose boundary lies within a residual block.
    struct Run: Sendable {
        var ranks = 1
        var hosts: [String]?
        var place = FeaturePlace.off
        var views = 1
        /// What is in each image file.
        var contents = Array(0..<13)
        var broken: Set<Int> = []
        /// The folder of the cache; `HOST` in it stands for the host's name.
        var folder = ""
        var key = "1"
        var batchSize = 5
        /// The rank that is asked to stop at its second batch.
        var stoppingRank: Int?
    }

    struct Outcome: Sendable {
        var losses: [Double]
        var validation: [Double]
        var weights: [Float]
        /// The images that this rank computed, by contents.
        var computed: [Int]
        var unreadable: [String]
        var said: [String]
    }

    private static func samples(_ run: Run) -> SampleList {
        SampleList(
            split: "train", classes: ["a", "b", "c"], paths: run.contents.map { "\($0).jpg" },
            labels: run.contents.map { $0 % 3 })
    }

    private static func train(_ run: Run, _ communicator: any Communicator) throws -> Outcome {
        let graph = ProgramReplicaTests.network()
        let trainability = try FreezePolicy(unfrozen: ["block"], batchNorm: .frozen).resolve(graph)
        let capacity = EpochPlan.shareCapacity(batchSize: run.batchSize, size: communicator.size)
        func plan(_ entry: PlanEntry, _ exit: PlanExit) -> Plan {
            Planner.plan(
                PlanRequest(graph: graph, trainability: trainability, capacity: capacity, entry: entry, exit: exit))
        }
        let store = ParameterStore(graph: graph, trainability: trainability, layout: plan(.images, .loss).layout)
        for index in graph.parameters.indices { store.initialize(index, seed: 7) }
        let record = Record()
        let said = Mutex<[String]>([])
        let images = ViewSource(run.contents, broken: run.broken, views: run.views, capacity: capacity)
        var source: any BatchSource = images
        let entry: PlanEntry = run.place == .off ? .images : .boundary
        let resources = try ProgramResources(store: store, threads: 1, arenaBytes: 1 << 20)
        if run.place != .off {
            let filling = try fill(run, plan(.images, .boundary), resources, plan(.boundary, .loss), images, communicator) {
                line in said.withLock { $0.append(line) }
            }
            guard case .filled(let cached) = filling else {
                return Outcome(
                    losses: [], validation: [], weights: [], computed: images.delivered, unreadable: [],
                    said: said.withLock { $0 } + ["\(filling)"])
            }
            source = FeatureSource(
                cached.store, samples: samples(run), unreadable: cached.unreadable, capacity: capacity)
        }
        let replica = ProgramReplica(
            store: store, training: try Program(plan(entry, .loss), resources),
            inference: try Program(plan(entry, .logits), resources), communicator: communicator)
        let trainer = Trainer(
            parts(run, record, communicator), try stage(run, replica, source))
        _ = try trainer.run()
        return Outcome(
            losses: record.contents.losses, validation: record.contents.evaluations.map(\.summary.loss),
            weights: Array(store.trained), computed: images.delivered, unreadable: record.contents.unreadable,
            said: said.withLock { $0 })
    }

    private static func fill(
        _ run: Run, _ plan: Plan, _ resources: ProgramResources, _ suffix: Plan, _ images: ViewSource,
        _ communicator: any Communicator, say: @escaping (String) -> Void
    ) throws -> FeatureFilling {
        let layout = FeatureLayout(shapes: suffix.entryValues.map { suffix.values[$0].shape })
        #expect(layout.shapes.count == 1 && plan.exitValues.count == 1)
        var disk: FeatureDisk?
        if run.place == .disk {
            var key = FeatureKey()
            key.add("network", run.key)
            let folder = FeatureFolder(
                root: run.folder.replacing("HOST", with: communicator.hostName), key: key, layout: layout)
            let ids = FeatureIdentities.ids(
                of: run.contents.map { run.broken.contains($0) ? nil : UInt64($0) }, views: run.views,
                keys: run.views > 1 ? run.contents : nil)
            disk = FeatureDisk(folder: folder, ids: ids)
        }
        let program = try Program(plan, resources)
        let cache = FeatureCache(
            samples: samples(run), layout: layout, views: run.views, disk: disk, communicator, agreementSeconds: 0, say: say)
        let stop = StopFlag()
        var batches = 0
        return try cache.fill(from: images, capacity: images.capacity, stop: stop) { batch in
            batches += 1
            if communicator.rank == run.stoppingRank, batches == 2 { stop.request() }
            program.forward(PassInput(entries: [UnsafeMutableRawPointer(mutating: batch.images)], count: batch.count))
            return [UnsafePointer(program.exitValue(0))]
        }
    }

    private static func parts(_ run: Run, _ record: Record, _ communicator: any Communicator) -> Trainer.Parts {
        Trainer.Parts(
            settings: TrainingSettings(
                epochs: 4, batchSize: run.batchSize, accumulation: 1, stepLimit: nil, labelSmoothing: 0, clipNorm: nil, seed: 4,
                shuffle: true, evaluationEpochs: 1, checkpointEpochs: 0, checkpointSteps: nil, unreadableLimit: 0.5,
                overlap: true),
            identity: RunIdentity(
                name: "small", architecture: "small", classes: ["a", "b", "c"], preprocessing: .imageNet(), configDigest: "",
                filesDigest: ""),
            communicator: communicator, samples: samples(run), observers: [record])
    }

    private static func stage(_ run: Run, _ replica: ProgramReplica, _ source: any BatchSource) throws -> Stage {
        let count = replica.trained.count
        return Stage(
            replica: replica, source: source,
            optimizer: Optimizer(
                kind: .sgd(momentum: 0.9, nesterov: false),
                groups: try ParameterGroups(weightDecay: 0.01).resolve(
                    parameters: replica.parameters, of: "test", slots: replica.slots, count: count),
                count: count),
            schedule: LearningRateSchedule(baseRate: 0.05, shape: .constant), bucketBytes: 1024,
            evaluator: Evaluator(samples: samples(run), source: source, batchSize: source.largestBatch, ranks: .all))
    }

    private func outcomes(_ run: Run) throws -> [Outcome] {
        run.ranks == 1
            ? [try Self.train(run, SingleProcess())]
            : try ThreadGroup.run(size: run.ranks, hosts: run.hosts) { try Self.train(run, $0) }
    }

    /// 13 images in batches of 5 leave short and, with 4 ranks, empty shares.
    @Test(arguments: [FeaturePlace.memory, .disk], [1, 2, 4]) func cachedEqualsUncachedBitForBit(
        place: FeaturePlace, ranks: Int
    ) throws {
        let folder = try TemporaryFolder()
        let plain = try outcomes(Run(ranks: ranks))
        let cached = try outcomes(Run(ranks: ranks, place: place, folder: folder.path))
        #expect(plain[0].losses == cached[0].losses && plain[0].losses.count == 12)
        #expect(plain[0].validation == cached[0].validation && plain[0].validation.count == 4)
        for rank in 0..<ranks { #expect(plain[rank].weights == cached[rank].weights) }
        #expect(cached.flatMap(\.computed).sorted() == Array(0..<13))
    }

    @Test(arguments: [FeaturePlace.memory, .disk], [1, 3]) func viewsRepeatWithAndWithoutTheCache(
        place: FeaturePlace, ranks: Int
    ) throws {
        let folder = try TemporaryFolder()
        let plain = try outcomes(Run(ranks: ranks, views: 3))
        let cached = try outcomes(Run(ranks: ranks, place: place, views: 3, folder: folder.path))
        #expect(plain[0].losses == cached[0].losses && plain[0].weights == cached[0].weights)
        #expect(plain[0].losses != (try outcomes(Run(ranks: ranks)))[0].losses)
        #expect(cached.flatMap(\.computed).count == 39)
    }

    @Test func laterRunsComputeOnlyWhatIsNew() throws {
        let folder = try TemporaryFolder()
        func run(_ ranks: Int, _ contents: [Int], key: String = "1", views: Int = 1) throws -> [Outcome] {
            try outcomes(
                Run(ranks: ranks, place: .disk, views: views, contents: contents, folder: folder.path, key: key))
        }
        let first = try run(2, Array(0..<13))
        let second = try run(2, Array(0..<13))
        #expect(first[0].losses == second[0].losses && second.flatMap(\.computed) == [])
        // Files that are added, also before others, and files that are gone.
        let grown = [20, 21] + Array(2..<13) + [20]
        let third = try run(3, grown)
        #expect(third.flatMap(\.computed).sorted() == [20, 20, 21])
        #expect(third[0].losses == (try outcomes(Run(ranks: 3, contents: grown)))[0].losses)
        #expect(try run(1, grown).flatMap(\.computed) == [])
        // Another key: other weights, say.
        #expect(try run(1, Array(0..<13), key: "2").flatMap(\.computed).count == 13)
    }

    @Test(arguments: [1, 2]) func aDamagedFileIsNamedAndComputedAnew(ranks: Int) throws {
        let folder = try TemporaryFolder()
        let run = Run(ranks: ranks, place: .disk, folder: folder.path)
        let first = try outcomes(run)
        let place = "\(folder.path)/\(try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first))"
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: place).first { $0.hasSuffix(".features") })
        let url = URL(fileURLWithPath: "\(place)/\(name)")
        var bytes = try Data(contentsOf: url)
        bytes[4096 + 70] ^= 1
        try bytes.write(to: url)
        let second = try outcomes(run)
        #expect(second[0].losses == first[0].losses)
        #expect(second.flatMap(\.computed).count == (ranks == 1 ? 13 : 7) || second.flatMap(\.computed).count == 6)
        #expect(second[0].said.contains { $0.contains(name) && $0.contains("is damaged") && $0.contains("computed anew") })
        #expect(!FileManager.default.fileExists(atPath: url.path))
        #expect(try outcomes(run).flatMap(\.computed) == [])
    }

    /// Each host has a disk of its own: what one lacks is sent.
    @Test func hostsWithoutACommonDiskExchangeWhatTheyLack() throws {
        let folder = try TemporaryFolder()
        let run = Run(ranks: 3, hosts: ["x", "y", "y"], place: .disk, folder: "\(folder.path)/HOST")
        let first = try outcomes(run)
        #expect(first[0].losses == (try outcomes(Run(ranks: 3)))[0].losses)
        #expect(first.flatMap(\.computed).sorted() == Array(0..<13))
        let second = try outcomes(run)
        #expect(second[0].losses == first[0].losses && second.flatMap(\.computed) == [])
    }

    @Test(arguments: [FeaturePlace.memory, .disk], [1, 2]) func unreadableImagesAreLeftOutAndNamedOnce(
        place: FeaturePlace, ranks: Int
    ) throws {
        let folder = try TemporaryFolder()
        let plain = try outcomes(Run(ranks: ranks, broken: [3, 8]))
        for _ in 0..<2 {
            let cached = try outcomes(Run(ranks: ranks, place: place, broken: [3, 8], folder: folder.path))
            #expect(plain[0].losses == cached[0].losses && plain[0].weights == cached[0].weights)
            let training = cached[0].unreadable.filter { $0.hasPrefix("train") }
            #expect(Set(training) == ["train 3.jpg: is cut short", "train 8.jpg: is cut short"])
        }
    }

    @Test func allRanksGoOnWithoutACacheWhereOneCannotWrite() throws {
        let folder = try TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: "\(folder.path)/y"))
        let run = Run(ranks: 2, hosts: ["x", "y"], place: .disk, folder: "\(folder.path)/HOST")
        for outcome in try outcomes(run) {
            #expect(outcome.said.last?.contains("cannot create the folder: Not a directory") == true)
        }
    }

    @Test func whatWasComputedBeforeAStopIsKeptOnDisk() throws {
        let folder = try TemporaryFolder()
        let stopped = try outcomes(Run(place: .disk, folder: folder.path, stoppingRank: 0))
        #expect(stopped[0].said.last == "stopped" && stopped[0].computed.count == 10)
        #expect(try outcomes(Run(place: .disk, folder: folder.path))[0].computed.count == 3)
    }

    /// The other ranks leave their shares too, and what all have computed is kept.
    @Test(arguments: [FeaturePlace.memory, .disk], [2, 3]) func oneRankThatIsAskedToStopStopsAllSoon(
        place: FeaturePlace, ranks: Int
    ) throws {
        let folder = try TemporaryFolder()
        var run = Run(ranks: ranks, place: place, contents: Array(0..<90), folder: folder.path)
        run.batchSize = 2 * ranks
        run.stoppingRank = ranks - 1
        let stopped = try outcomes(run)
        #expect(stopped.allSatisfy { $0.said.last == "stopped" })
        let computed = stopped.map(\.computed.count)
        #expect(computed.allSatisfy { $0 <= 12 } && computed[ranks - 1] >= 4, "\(computed)")
        run.stoppingRank = nil
        let kept = place == .disk ? computed.reduce(0, +) : 0
        #expect(try outcomes(run).flatMap(\.computed).count == 90 - kept)
    }
}

/// Images made from their contents and view; counts what it delivers for filling.
private final class ViewSource: BatchSource {
    let capacity: Int
    private(set) var delivered: [Int] = []
    private let contents: [Int]
    private let broken: Set<Int>
    private let views: Int
    private var named: Set<Int> = []
    private var ordered: ArraySlice<[Int]> = []
    private var view = 0
    private let images: AlignedBuffer
    private let labels: UnsafeMutablePointer<Int32>
    private let indices: UnsafeMutablePointer<Int>
    private static let pixels = 12 * 12 * 3

    init(_ contents: [Int], broken: Set<Int>, views: Int, capacity: Int) {
        (self.contents, self.broken, self.views, self.capacity) = (contents, broken, views, capacity)
        images = AlignedBuffer(floatCount: capacity * Self.pixels)
        labels = .allocate(capacity: capacity)
        indices = .allocate(capacity: capacity)
    }

    deinit {
        labels.deallocate()
        indices.deallocate()
    }

    func order(_ batches: [[Int]], epoch: Int) {
        ordered = batches[...]
        view = epoch % views
    }

    func next() -> Batch {
        var count = 0
        var unreadable: [UnreadableSample] = []
        for sample in ordered.removeFirst() {
            let content = contents[sample]
            if broken.contains(content) {
                guard named.insert(sample).inserted else { continue }
                unreadable.append(UnreadableSample(sample: sample, path: "\(content).jpg", reason: "is cut short"))
                continue
            }
            var random = CounterRandom(seed: 1, epoch: view, index: content, purpose: .synthetic)
            for pixel in 0..<Self.pixels { images.floats[count * Self.pixels + pixel] = random.uniform(-2, 2) }
            (labels[count], indices[count]) = (Int32(content % 3), sample)
            delivered.append(content)
            count += 1
        }
        return Batch(
            images: UnsafePointer(images.base.assumingMemoryBound(to: Float.self)), labels: labels, samples: indices,
            count: count, unreadable: unreadable)
    }
}

extension BatchSource {
    fileprivate var largestBatch: Int { (self as? ViewSource)?.capacity ?? 2 }
}
