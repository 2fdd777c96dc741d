// Brings pretrained weights into a parameter store.
import Execution
import Foundation
import Graphs
import Networks
import Tensors
import Training
import WeightFiles

/// What loading a file has found out.
struct LoadedWeights {
    /// XXH64 of the file, or nil for random weights.
    let checksum: UInt64?
    /// How pixels must be prepared for these weights.
    var preprocessing: Preprocessing
    /// Whose names the file uses.
    let source: WeightSource?
    /// Layers that started anew.
    let freshLayers: [String]
    /// Those of them that training leaves as they are.
    let idleLayers: [String]
    /// What became of the file's head, where it is not plain: a sentence.
    var headNote: String?
    /// What the file's name or a file beside it says against reading it so: a sentence.
    var warning: String?
    /// Tensors of the file that were left out: beside the network, or on top of it.
    var leftOut: [String] = []

    /// What the user should know of layers that start at random though weights were loaded.
    var notes: [String] {
        var notes = (headNote.map { ["note: \($0)"] } ?? []) + (warning.map { ["warning: \($0)"] } ?? [])
        if !leftOut.isEmpty {
            let more = leftOut.count > 8 ? " and \(leftOut.count - 8) more" : ""
            notes.append("note: left out of the weight file: \(leftOut.prefix(8).joined(separator: ", "))\(more)")
        }
        guard source != nil, !freshLayers.isEmpty else { return notes }
        notes.append("note: these layers start at random: \(freshLayers.joined(separator: ", "))")
        guard !idleLayers.isEmpty else { return notes }
        let idle = idleLayers.joined(separator: ", ")
        return notes + ["warning: these stay random, because network.unfrozen does not name them: \(idle)"]
    }
}

/// Fills `store` from an opened weight file, or from the seed if there is none. Frozen parameters that the file holds as float32 stay
/// in the mapped file. Layers named in `fresh` start from the seed.
///
/// - Parameter classes: those that are to be trained, in order. The file's head is compared with them by name: its rows are put into
///   their order, or it starts anew; so does a head, and what else stands on top, that is not there or of another shape. Nil takes
///   the file's head as it is, and wants one.
///
/// Throws `UserError` with the file and every name that does not fit, and for values that cannot be weights; `LayerPatternError` for a
/// pattern of `fresh` that names no layer.
func loadWeights(
    from file: WeightFile?, into store: ParameterStore, of entry: NetworkEntry, seed: UInt64, fresh: [String] = [],
    classes: [String]? = nil
) throws -> LoadedWeights {
    let graph = store.graph
    guard let file else {
        for parameter in graph.parameters.indices { store.initialize(parameter, seed: seed) }
        return LoadedWeights(checksum: nil, preprocessing: entry.preprocessing, source: nil, freshLayers: ["*"], idleLayers: [])
    }
    try file.checkHub()
    if let stated = file.statedEntry, stated.name != entry.name {
        throw UserError("\(file.path) says that it is for \(stated.name), not for \(entry.name)")
    }
    let plain = try file.match(to: graph, of: entry, fresh: fresh, replacesTop: classes != nil)
    let head = HeadOrder(of: file, for: classes, plain, graph)
    let match =
        head.startsAnew
        ? try file.match(to: graph, of: entry, fresh: fresh + [graph.headLayer], replacesTop: true) : plain
    do { try match.validate(for: graph.name) } catch { throw UserError("\(file.path): \(error)") }
    let usesHead = !graph.headParameters.contains(where: match.fresh.contains)
    if match.source == .keras, let refusal = file.kerasModel?.refusal(for: entry.family, usesHead: usesHead) {
        throw UserError("\(file.path): \(refusal); save a model without it, or prepare the images so that it is not needed")
    }
    for assignment in match.assignments { try fill(assignment, from: file, store) }
    if let rows = head.rows { for parameter in graph.headParameters { store.reorderRows(of: parameter, rows) } }
    try checkNumbers(match.assignments, of: file, in: store)
    for parameter in match.fresh { store.initialize(parameter, seed: seed, as: graph.startOverPretrained(of: parameter)) }
    store.touch()
    let layers = { (parameters: [Int]) in
        Set(parameters.compactMap { LayerPattern.ancestors(of: graph.parameters[$0].name).dropFirst().first }).sorted()
    }
    let isIdle = { (parameter: Int) in !store.changes(parameter) && !graph.parameters[parameter].role.isNorm }
    return LoadedWeights(
        checksum: file.checksum, preprocessing: try preprocessing(of: match, in: file, entry), source: match.source,
        freshLayers: layers(match.fresh), idleLayers: layers(match.fresh.filter(isIdle)), headNote: head.note,
        warning: try warning(of: file, match.source, entry), leftOut: match.leftOut)
}

/// What the hub's files beside the weights, or else the file's name and neighbours, say against reading it so.
private func warning(of file: WeightFile, _ source: WeightSource, _ entry: NetworkEntry) throws -> String? {
    guard let hub = file.hubModel else { return try WeightOrigin(of: file.path).warning(source, entry) }
    return hub.warnings.isEmpty ? nil : hub.warnings.joined(separator: "; ")
}

/// What becomes of a file's head when it is trained on.
private struct HeadOrder {
    /// For each class the file's row, where the order is another one.
    var rows: [Int]?
    var startsAnew = false
    var note: String?

    init(of file: WeightFile, for classes: [String]?, _ match: WeightMatch, _ graph: Graph) {
        guard let classes, match.storedClasses == classes.count, !graph.headParameters.contains(where: match.fresh.contains)
        else {
            return
        }
        guard let stored = ModelMetadata(of: file).classes else {
            note =
                "the head is taken from the weight file, which names no classes: if they are not those of the data, in this order, "
                + "set network.fresh: [\(graph.headLayer)]"
            return
        }
        guard stored != classes else { return }
        let places = Dictionary(stored.enumerated().map { ($1, $0) }) { first, _ in first }
        let found = classes.compactMap { places[$0] }
        if found.count == classes.count, Set(found).count == classes.count {
            rows = found
            note = "the rows of the weight file's head are put into the order of the data's classes"
        } else {
            startsAnew = true
            let unknown = classes.filter { places[$0] == nil }.prefix(3).joined(separator: ", ")
            note = "the weight file's head tells other classes apart (it does not know \(unknown)): the head starts anew"
        }
    }
}

extension WeightFile {
    /// The model that Keras saved with its weights, if it did.
    fileprivate var kerasModel: KerasModel? { metadata["model_config"].flatMap { KerasModel(config: $0) } }
}

extension Graph {
    /// The layer that gives the class scores, as patterns name it: `fc`, `classifier.6`.
    fileprivate var headLayer: String {
        let name = headParameters.first.map { parameters[$0].name } ?? ""
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }
}

/// The preparation of pixels that the weights expect: what the file's metadata says; else what its source is known to do. Keras's
/// EfficientNets keep its numbers among the weights.
func preprocessing(of match: WeightMatch, in file: WeightFile, _ entry: NetworkEntry) throws -> Preprocessing {
    if let stated = try file.statedPreprocessing() { return stated }
    let base = match.preprocessing ?? entry.preprocessing
    if match.source == .keras, let own = file.kerasModel?.preprocessing(base, family: entry.family) { return own }
    guard let inside = match.normalization else { return base }
    return inside.preprocessing(base, mean: try file.floats(inside.mean), variance: try file.floats(inside.variance))
}

/// Throws `UserError` for tensors that hold NaN or infinities, and for negative variances: a network would compute with them as if
/// nothing were wrong, since ReLU turns NaN into 0.
private func checkNumbers(_ assignments: [WeightMatch.Assignment], of file: WeightFile, in store: ParameterStore) throws {
    let problems = assignments.compactMap { assignment -> String? in
        let values = UnsafeBufferPointer(store.values(of: assignment.parameter))
        if !values.areFinite {
            let count = "\(values.nonFiniteCount) of the \(values.count) values"
            return "\(count) of '\(assignment.tensor)' are no numbers (NaN or infinite)"
        }
        let isVariance = store.graph.parameters[assignment.parameter].role == .runningVariance
        let negative = isVariance ? values.count { $0 < 0 } : 0
        return negative == 0 ? nil : "\(negative) of the \(values.count) variances in '\(assignment.tensor)' are negative"
    }
    guard !problems.isEmpty else { return }
    let more = problems.count > 3 ? ", and \(problems.count - 3) more tensors are like that" : ""
    throw UserError(
        "\(file.path) cannot be used: \(problems.prefix(3).joined(separator: ", "))\(more); the file is damaged, or the training that "
            + "made it had diverged: take an earlier checkpoint or another file")
}

private func fill(_ assignment: WeightMatch.Assignment, from file: WeightFile, _ store: ParameterStore) throws {
    let target = store.values(of: assignment.parameter)
    if assignment.transform != .none, let stored = file.tensors[assignment.tensor] {
        _ = target.update(fromContentsOf: assignment.transform.apply(try file.floats(assignment.tensor), shape: stored.shape))
        return
    }
    if !store.changes(assignment.parameter), let bytes = file.floatBytesIfContiguous(assignment.tensor) {
        return store.adopt(
            assignment.parameter, bytes.assumingMemoryBound(to: Float.self), owner: file,
            isMapped: file.isMapped(assignment.tensor))
    }
    try file.readFloats(assignment.tensor, into: target)
}
