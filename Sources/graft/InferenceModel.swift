// A trained or published network, ready to tell classes: what `evaluate` and `predict` run.
import Collectives
import Execution
import Graphs
import Kernels
import ImageData
import Networks
import RunConfiguration
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
    /// What the network was trained against.
    let loss: LossKind
    /// From which probability on an image is of a class, where it may be of several.
    let thresholds: [Float]
    /// What scores are divided by before softmax; nil for 1.
    let temperature: Double?
    /// Images that are run at once.
    let capacity: Int
    /// The type in which its frozen layers compute.
    let precision: ElementType
    private let program: Program
    private var input: PassInput?
    /// Where the model is a run's whose validation was looked at, and it was asked for.
    let familiarity: Familiarity?
    /// Where it was asked for.
    private let explainer: Explainer?

    /// Loads weights. `network` may be missing if the file names its architecture itself, as Graft's own files do, or fits one alone.
    convenience init(
        weights path: String, network: String?, threads: Int, capacity: Int, precision: InferencePrecision = .trained,
        explaining wish: ExplanationWish? = nil
    ) throws {
        try self.init(
            SavedModel(try WeightFile.named(path)), network: network, threads: threads, capacity: capacity, precision: precision,
            explaining: wish)
    }

    /// - Parameter sample: training images prepared as told, for an int8 prefix whose ranges the file does not bring.
    /// - Throws: `UserError` for a file that needs a network's name, for weights that do not fit, and for int8 without ranges and sample.
    init(
        _ saved: SavedModel, network: String?, threads: Int, capacity: Int, precision: InferencePrecision = .trained,
        instructions: RunConfiguration.InstructionLimit = .auto, explaining wish: ExplanationWish? = nil,
        tellsFamiliarity: Bool = false,
        sample: ((Preprocessing) throws -> CalibrationSample)? = nil
    ) throws {
        let weights = try FittedWeights(saved, network: network)
        entry = weights.entry
        classes = weights.classes
        preprocessing = weights.preprocessing
        classCount = weights.graph.classCount
        (loss, temperature) = (weights.loss, weights.temperature)
        thresholds = weights.thresholds ?? Array(repeating: 0.5, count: classCount)
        self.capacity = capacity
        let (computation, note) = precision.computation(saved: weights.computation, .own(instructions))
        if let note { say(note) }
        var request = PlanRequest(weights.graph, computation, isTold: weights.computation != nil, capacity: capacity)
        if request.prefixPrecision == .int8, !Planner.plan(request).hasAllRanges {
            guard let sample else {
                throw UserError("\(saved.file.path) brings no ranges for int8; --precision float32 needs none")
            }
            let found = try Calibration.run(request, weights.store, threads: threads, SingleProcess()) {
                try sample(weights.preprocessing)
            }
            request.ranges = found.ranges
        }
        self.precision = request.prefixPrecision
        familiarity = tellsFamiliarity ? try saved.checkpoint?.openFamiliarity() : nil
        request.givesHeadInput = familiarity != nil
        request.cacheBytes = PlanRequest.usualCacheBytes
        let (plan, explaining) = (Planner.plan(request), try wish?.plan(of: request))
        let resources = try ProgramResources(
            store: weights.store, threads: threads, arenaBytes: max(plan.arenaBytes, explaining?.arenaBytes ?? 0))
        program = try Program(plan, resources)
        explainer = try wish.flatMap { wish in try explaining.map { Explainer(try Program($0, resources), wish.method) } }
    }

    /// The class scores of the first `count` of `capacity` prepared images, `[count, classCount]`; valid until the next call.
    func logits(_ images: UnsafeMutablePointer<Float>, count: Int) -> UnsafeBufferPointer<Float> {
        let input = PassInput(entries: [UnsafeMutableRawPointer(images)], count: count)
        self.input = input
        program.forward(input)
        return UnsafeBufferPointer(start: program.exitValue(0), count: count * classCount)
    }

    var headInputs: (width: Int, values: UnsafeBufferPointer<Float>)? { input.flatMap { program.headInputs(of: $0) } }

    /// How far each image of the last run is from photographs like those of validation; nil where nothing tells.
    func distances() -> [Float]? {
        guard let familiarity, let (width, values) = headInputs else { return nil }
        return stride(from: 0, to: values.count, by: width).map {
            familiarity.distance(to: UnsafeBufferPointer(rebasing: values[$0..<$0 + width]))
        }
    }

    /// What in each of the first prepared images speaks for a class of it; for a model that was made to explain.
    func maps(_ images: UnsafeMutablePointer<Float>, classes: [Int]) -> [ActivationMap] {
        guard let explainer else { preconditionFailure("the model was not made to explain") }
        return explainer.maps(of: images, classes: classes)
    }

    func logits(of batch: Batch) throws -> UnsafeBufferPointer<Float> {
        logits(UnsafeMutablePointer(mutating: batch.images), count: batch.count)
    }
}
