// Brings pretrained weights into a parameter store.
import Execution
import Foundation
import Graphs
import Networks
import Tensors
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

    /// What the user should know of layers that start at random though weights were loaded.
    var notes: [String] {
        guard source != nil, !freshLayers.isEmpty else { return [] }
        let note = "note: these layers start at random: \(freshLayers.joined(separator: ", "))"
        guard !idleLayers.isEmpty else { return [note] }
        let idle = idleLayers.joined(separator: ", ")
        return [note, "warning: these stay random, because network.unfrozen does not name them: \(idle)"]
    }
}

/// Fills `store` from an opened weight file, or from the seed if there is none. Frozen parameters that the file holds as float32 stay
/// in the mapped file. Layers named in `fresh` start from the seed.
///
/// Throws `UserError` with the file and every name that does not fit, and for values that cannot be weights; `LayerPatternError` for a
/// pattern of `fresh` that names no layer.
func loadWeights(
    from file: WeightFile?, into store: ParameterStore, of entry: NetworkEntry, seed: UInt64, fresh: [String] = []
) throws -> LoadedWeights {
    let graph = store.graph
    guard let file else {
        for parameter in graph.parameters.indices { store.initialize(parameter, seed: seed) }
        return LoadedWeights(checksum: nil, preprocessing: entry.preprocessing, source: nil, freshLayers: ["*"], idleLayers: [])
    }
    if let stated = file.statedEntry, stated.name != entry.name {
        throw UserError("\(file.path) says that it is for \(stated.name), not for \(entry.name)")
    }
    let match = try NameTable.match(file.tensors.mapValues(\.shape), to: graph, of: entry, fresh: fresh)
    do { try match.validate(for: graph.name) } catch { throw UserError("\(file.path): \(error)") }
    for assignment in match.assignments { try fill(assignment, from: file, store) }
    try checkNumbers(match.assignments, of: file, in: store)
    for parameter in match.fresh { store.initialize(parameter, seed: seed, as: graph.startOverPretrained(of: parameter)) }
    store.touch()
    let layers = { (parameters: [Int]) in
        Set(parameters.compactMap { LayerPattern.ancestors(of: graph.parameters[$0].name).dropFirst().first }).sorted()
    }
    let isIdle = { (parameter: Int) in !store.changes(parameter) && !graph.parameters[parameter].role.isNorm }
    return LoadedWeights(
        checksum: file.checksum, preprocessing: try preprocessing(of: match, in: file, entry), source: match.source,
        freshLayers: layers(match.fresh), idleLayers: layers(match.fresh.filter(isIdle)))
}

/// The preparation of pixels that the weights expect: what the file's metadata says; else what its source is known to do. Keras's
/// EfficientNets keep its numbers among the weights.
func preprocessing(of match: WeightMatch, in file: WeightFile, _ entry: NetworkEntry) throws -> Preprocessing {
    if let stated = try file.statedPreprocessing() { return stated }
    let base = match.preprocessing ?? entry.preprocessing
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
