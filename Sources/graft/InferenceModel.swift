// A trained or published network, ready to tell classes: what `evaluate` and `predict` run.
import Execution
import Foundation
import Graphs
import ImageData
import Networks
import Tensors
import Training
import WeightFiles

/// A network in inference mode with its weights, class names and preprocessing.
final class InferenceModel: Classifier {
    let entry: NetworkEntry
    /// By class index; nil where the weights bring no names.
    let classes: [String]?
    let preprocessing: Preprocessing
    let classCount: Int
    /// Images that are run at once.
    let capacity: Int
    private let program: Program
    private var input: StepInput?

    /// Loads weights. `network` may be missing if the file names its architecture itself, as Graft's own files do.
    convenience init(weights path: String, network: String?, threads: Int, capacity: Int) throws {
        try self.init(file: try WeightFile.open(path), network: network, threads: threads, capacity: capacity)
    }

    /// Throws `UserError` for a file that needs a network's name, `NetworkError` for weights that do not fit.
    init(file: WeightFile, network: String?, threads: Int, capacity: Int) throws {
        guard let name = network ?? Checkpoint.architecture(of: file) else {
            throw UserError(
                "\(file.path) does not say which network it is for; name it with --network ('graft networks' lists all)")
        }
        entry = try NetworkCatalog.entry(named: name)
        classes = Checkpoint.classes(of: file)
        let stated = Checkpoint.preprocessing(of: file)
        let size = stated?.crop
        classCount = try classes?.count ?? Self.classCount(in: file, entry)
        let graph = entry.build(BuildOptions(classes: classCount, inputSize: size))
        let plan = Planner.plan(
            PlanRequest(graph: graph, trainability: .frozen(graph), capacity: capacity, exit: .logits))
        let store = ParameterStore(graph: graph, trainability: .frozen(graph), layout: .none)
        let loaded = try loadWeights(from: file, into: store, of: entry, seed: 0)
        preprocessing = stated ?? loaded.preprocessing
        self.capacity = capacity
        program = try Program(plan, try ProgramResources(store: store, threads: threads, arenaBytes: plan.arenaBytes))
    }

    /// The class scores of the first `count` of `capacity` prepared images, `[count, classCount]`; valid until the next call.
    func logits(_ images: UnsafeMutablePointer<Float>, count: Int) -> UnsafeBufferPointer<Float> {
        program.forward(StepInput(entries: [UnsafeMutableRawPointer(images)], count: count))
        return UnsafeBufferPointer(start: program.exitValue(0), count: count * classCount)
    }

    func logits(of batch: Batch) throws -> UnsafeBufferPointer<Float> {
        logits(UnsafeMutablePointer(mutating: batch.images), count: batch.count)
    }

    /// The number of classes of a file that does not say: its head's.
    private static func classCount(in file: WeightFile, _ entry: NetworkEntry) throws -> Int {
        let graph = entry.build()
        return try NameTable.match(file.tensors.mapValues(\.shape), to: graph, of: entry).storedClasses ?? graph.classCount
    }
}
