// A trained or published network, ready to tell classes: what `evaluate` and `predict` run.
import Execution
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

    /// Loads weights. `network` may be missing if the file names its architecture itself, as Graft's own files do, or fits one alone.
    convenience init(weights path: String, network: String?, threads: Int, capacity: Int) throws {
        try self.init(file: try WeightFile.open(path), network: network, threads: threads, capacity: capacity)
    }

    /// Throws `UserError` for a file that needs a network's name and for weights that do not fit.
    init(file: WeightFile, network: String?, threads: Int, capacity: Int) throws {
        let weights = try FittedWeights(file, network: network)
        entry = weights.entry
        classes = weights.classes
        preprocessing = weights.preprocessing
        classCount = weights.graph.classCount
        self.capacity = capacity
        let plan = Planner.plan(
            PlanRequest(graph: weights.graph, trainability: .frozen(weights.graph), capacity: capacity, exit: .logits))
        program = try Program(
            plan, try ProgramResources(store: weights.store, threads: threads, arenaBytes: plan.arenaBytes))
    }

    /// The class scores of the first `count` of `capacity` prepared images, `[count, classCount]`; valid until the next call.
    func logits(_ images: UnsafeMutablePointer<Float>, count: Int) -> UnsafeBufferPointer<Float> {
        program.forward(StepInput(entries: [UnsafeMutableRawPointer(images)], count: count))
        return UnsafeBufferPointer(start: program.exitValue(0), count: count * classCount)
    }

    func logits(of batch: Batch) throws -> UnsafeBufferPointer<Float> {
        logits(UnsafeMutablePointer(mutating: batch.images), count: batch.count)
    }
}
