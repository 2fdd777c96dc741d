// A weight file laid against the network that it is for: what `predict`, `evaluate`, `weights convert` and `export` start from.
import Execution
import Foundation
import Graphs
import Kernels
import Networks
import Tensors
import Training
import WeightFiles

/// An opened weight file with its network, classes and preprocessing.
struct FittedWeights {
    let file: WeightFile
    let entry: NetworkEntry
    /// The network for the file's own number of classes, without auxiliary heads.
    let graph: Graph
    /// By class index; nil where the file brings no names.
    let classes: [String]?
    let preprocessing: Preprocessing
    /// How the network computed in training; nil where the file does not say.
    let computation: NetworkComputation?
    let source: WeightSource
    /// What the network was trained against.
    let loss: LossKind
    /// See `ModelMetadata`.
    let thresholds: [Float]?
    /// See `ModelMetadata`.
    let temperature: Double?
    /// The network's parameters: as far as possible windows onto the mapped file. Nothing trains them.
    let store: ParameterStore

    /// Reads all numbers. `network` may be missing if the file names its architecture, or if its names fit one network alone.
    ///
    /// Throws `UserError` for a file that needs a network's name or contradicts itself, and for weights that do not fit.
    init(_ saved: SavedModel, network: String?) throws {
        let file = saved.file
        try file.checkHub()
        self.file = file
        entry = try Self.entry(for: file, named: network)
        let stated = ModelMetadata(of: file)
        (classes, computation, loss) = (stated.classes, stated.computation, stated.loss)
        temperature = saved.temperature
        thresholds = saved.thresholds?.count == stated.classes?.count ? saved.thresholds : nil
        let crop = try file.statedPreprocessing()?.crop
        let plain = entry.build(BuildOptions(inputSize: crop))
        let stored = try file.match(to: plain, of: entry).storedClasses
        if let classes, let stored, classes.count != stored {
            throw UserError("\(file.path) names \(classes.count) classes, but its last layer tells \(stored) apart")
        }
        guard stored != 1 else {
            throw UserError(
                "\(file.path): its head has one output, a sigmoid between two classes; Graft's heads have one output a class: train the "
                    + "head anew (network.weights in a config; the rest is kept)")
        }
        graph = entry.build(BuildOptions(classes: stored ?? classes?.count ?? plain.classCount, inputSize: crop))
        store = ParameterStore(graph: graph, trainability: .frozen(graph), layout: .none)
        let loaded = try loadWeights(from: file, into: store, of: entry, seed: 0)
        if let warning = loaded.warning { say("warning: \(warning)") }
        (preprocessing, source) = (loaded.preprocessing, loaded.source ?? .torchvision)
    }

    /// The network asked for; else the one that the file names; else the only one that its tensors fit.
    private static func entry(for file: WeightFile, named name: String?) throws -> NetworkEntry {
        if let name { return try NetworkCatalog.entry(named: name) }
        if let entry = file.statedEntry { return entry }
        let candidates = NameTable.recognize(file.tensors.mapValues(\.shape))
        let fitting = candidates.filter(\.match.fits).map(\.entry)
        if fitting.count == 1 { return fitting[0] }
        guard fitting.isEmpty else {
            throw UserError(
                "\(file.path) fits \(fitting.map(\.name).joined(separator: " and ")); say which with --network")
        }
        if let kind = ForeignNetwork.named(by: file.names) {
            throw UserError(
                "\(file.path) has the names of \(kind), which Graft does not have ('graft networks' lists what it has)")
        }
        if let (entry, match) = candidates.first(where: { $0.match.missing.isEmpty && $0.match.unexpected.isEmpty }),
            let odd = match.misshapen.first
        {
            throw UserError(
                "\(file.path) has the names of \(entry.name) with other widths: \(odd.name) is \(odd.found), not \(odd.expected); Graft "
                    + "does not have such a network ('graft networks' lists what it has)")
        }
        throw UserError(
            "\(file.path) does not say which network it is for, and fits none as it is; name it with --network "
                + "('graft networks' lists all, 'graft weights inspect' shows what the file holds)")
    }

    /// The network's tensors under Graft's names, which are torchvision's, packed; valid as long as `store` lives.
    var tensors: [SafetensorsWriter.Tensor] {
        graph.parameters.enumerated().map { index, parameter in
            (parameter.name, .float32, parameter.shape, UnsafeRawBufferPointer(store.values(of: index)))
        }
    }

    /// What makes a file of these weights usable without anything else.
    var metadata: ModelMetadata {
        ModelMetadata(
            architecture: entry.name, classes: classes, preprocessing: preprocessing, computation: computation, loss: loss,
            thresholds: thresholds, temperature: temperature)
    }
}

extension WeightFile {
    /// The network that the file's metadata names, if the catalogue has it: other programs write there what they like.
    var statedEntry: NetworkEntry? {
        ModelMetadata(of: self).architecture.flatMap { try? NetworkCatalog.entry(named: $0) }
    }

    /// Lays the file's tensors against a network (`NameTable.match`).
    func match(
        to graph: Graph, of entry: NetworkEntry, fresh: [String] = [], replacesTop: Bool = false
    ) throws(LayerPatternError) -> WeightMatch {
        try NameTable.match(
            tensors.mapValues(\.shape), to: graph, of: entry, isOwn: ModelMetadata.ownArchitecture(of: self) == entry.name,
            fresh: fresh, replacesTop: replacesTop)
    }

    /// Throws `UserError` where the hub's files beside the weights name a network that Graft does not have.
    func checkHub() throws {
        guard let refusal = hubModel?.refusal else { return }
        throw UserError("\(path) \(refusal)")
    }

    /// The preprocessing that the file carries, if it does. Throws `UserError` for one that no network can have.
    func statedPreprocessing() throws -> Preprocessing? {
        guard let stated = ModelMetadata(of: self).preprocessing else { return nil }
        guard stated.isPlausible else {
            throw UserError("\(path): the preprocessing in its metadata cannot be: \(stated); write the file again")
        }
        return stated
    }
}

extension Preprocessing {
    /// Whether images can be prepared so: the smallest crop is what AlexNet's layers leave a pixel of.
    fileprivate var isPlausible: Bool {
        (64...1024).contains(crop) && (crop...4096).contains(resize) && mean.count == 3 && deviation.count == 3
            && mean.allSatisfy(\.isFinite) && deviation.allSatisfy { $0.isFinite && $0 != 0 }
    }
}
