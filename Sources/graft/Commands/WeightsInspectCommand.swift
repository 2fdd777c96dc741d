// `graft weights inspect`: what a weight file holds, and which network it is for.
import ArgumentParser
import Execution
import Files
import Foundation
import Graphs
import Networks
import PlanReports
import Tensors
import Training
import WeightFiles

struct WeightsInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows a weight file's tensors, and which network they fit.",
        discussion: "The network is recognised by names and shapes; --network lays the file against another one.")

    @Argument(help: "A weight file of any format that Graft reads.")
    var file: String
    @Option(help: "The network to lay the file against.")
    var network: String?
    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    func run() throws {
        try reportingErrors {
            let inspection = try WeightInspection(try WeightFile.named(file), network: network)
            print(json ? try inspection.jsonLine() : inspection.text())
        }
    }
}

/// What is known of a weight file.
struct WeightInspection: Encodable {
    struct Tensor: Encodable {
        let name: String
        let type: String
        let shape: [Int]
    }

    struct Misshapen: Encodable {
        let name: String
        let expected: [Int]
        let found: [Int]
    }

    let file: String
    let container: String
    let bytes: Int
    let section: String?
    let tensors: [Tensor]
    /// The network that the rest is about; nil if no network knows half of the tensors.
    let network: String?
    /// Others that names and shapes fit as well.
    let alternatives: [String]
    /// Whether every tensor has its place and none is missing.
    let fits: Bool
    /// How the network was found, in words.
    let certainty: String
    let source: String?
    /// Whose network it is by the hub's files beside it, as `timm resnet50`.
    let hub: String?
    /// Why Graft does not take it, by those files or by its names.
    let refusal: String?
    /// What of the library's preparation of pixels Graft does otherwise.
    let warnings: [String]
    let classes: [String]?
    let classCount: Int?
    let preprocessing: Preprocessing?
    /// Of the network's parameters.
    let found: Int
    let parameters: Int
    let missing: [String]
    let unexpected: [String]
    let misshapen: [Misshapen]
    let ignored: [String]
    let xxh64: String
    let sha256: String

    /// Throws `NetworkError` for a network that is not in the catalogue.
    init(_ weights: WeightFile, network name: String?) throws {
        let shapes = weights.tensors.mapValues(\.shape)
        let hub = weights.hubModel
        let (candidates, certainty) = hub?.refusal == nil ? try Self.recognise(weights, shapes, name) : ([], "")
        self.hub = hub.map { "\($0.library.rawValue) \($0.name)" }
        warnings = hub?.warnings ?? []
        let kind = candidates.isEmpty ? ForeignNetwork.named(by: shapes.keys).map { "has the names of \($0)" } : nil
        refusal = hub?.refusal ?? kind
        let best = candidates.first
        file = weights.path
        container = weights.format.rawValue
        bytes = weights.byteCount
        section = weights.section
        tensors = weights.names.compactMap { weights.tensors[$0] }.map {
            Tensor(name: $0.name, type: $0.elementType.rawValue, shape: $0.shape.extents)
        }
        network = best?.entry.name
        alternatives = candidates.dropFirst().map(\.entry.name)
        fits = best?.match.fits ?? false
        self.certainty = certainty
        source = best?.match.source.rawValue
        classes = best == nil ? nil : ModelMetadata(of: weights).classes
        classCount = best?.match.storedClasses
        preprocessing = try best.map { try graft.preprocessing(of: $0.match, in: weights, $0.entry) }
        found = best?.match.assignments.count ?? 0
        parameters = best?.entry.build().parameters.count ?? 0
        missing = best?.match.missing ?? []
        unexpected = best?.match.unexpected ?? []
        misshapen = (best?.match.misshapen ?? []).map {
            Misshapen(name: $0.name, expected: $0.expected.extents, found: $0.found.extents)
        }
        ignored = best?.match.ignored ?? []
        xxh64 = weights.checksum.hexadecimal(digits: 16)
        sha256 = weights.sha256
    }

    private typealias Candidate = (entry: NetworkEntry, match: WeightMatch)

    /// The networks that a file may be for, best first, and how sure that is.
    private static func recognise(
        _ weights: WeightFile, _ shapes: [String: TensorShape], _ name: String?
    ) throws -> (candidates: [Candidate], certainty: String) {
        if let entry = try name.map(NetworkCatalog.entry(named:)) ?? weights.statedEntry {
            let match = try match(weights, entry)
            return ([(entry, match)], name == nil ? "the file says so" : "as asked for")
        }
        let candidates = try NameTable.recognize(shapes).map { ($0.entry, try match(weights, $0.entry)) }
        guard let best = candidates.first else { return ([], "no network knows any of these tensors") }
        guard best.1.fits else {
            let isPart = best.1.unexpected.isEmpty && best.1.misshapen.isEmpty
            // Most names are a stranger's: what is missing of the nearest network would tell nothing.
            let (known, needed) = (best.1.assignments.count, shapes.count - best.1.ignored.count)
            guard isPart || 2 * known >= needed else {
                return ([], "no network knows more than \(known) of its \(needed) tensors")
            }
            return (candidates, isPart ? "all that the file holds fits, but it is not whole" : "the nearest; not all of it fits")
        }
        return (
            candidates,
            candidates.count == 1
                ? "all names and shapes fit, and those of no other network"
                : "all names and shapes fit each of them; which one, the file cannot tell"
        )
    }

    /// The match for the file's own number of classes, so that its head counts as found.
    private static func match(_ weights: WeightFile, _ entry: NetworkEntry) throws -> WeightMatch {
        let match = try weights.match(to: entry.build(), of: entry)
        guard let classes = match.storedClasses, classes > 0, classes != 1000 else { return match }
        return try weights.match(to: entry.build(BuildOptions(classes: classes)), of: entry)
    }
}

extension WeightInspection {
    /// For people: the facts, then the table of tensors.
    func text() -> String {
        var facts = TextTable([.left(""), .left("")])
        facts.add(["container", container + (section.map { ", under '\($0)'" } ?? "")])
        let numbers = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        facts.add(["holds", "\(tensors.count) tensors, \(Readable.count(numbers)) numbers, \(Readable.bytes(bytes))"])
        let reason = network == nil ? refusal.map { "it \($0)" } ?? certainty : certainty
        facts.add(["network", ([network ?? "unknown"] + alternatives).joined(separator: " or ") + ": \(reason)"])
        if let hub { facts.add(["hub", hub]) }
        if let source { facts.add(["names", "\(source)'s; \(found) of \(parameters) parameters found"]) }
        if let classCount { facts.add(["classes", classes?.joined(separator: ", ") ?? "\(classCount)"]) }
        if let preprocessing { facts.add(["pixels", ([preprocessing.words] + warnings).joined(separator: "; ")]) }
        let misfits = misshapen.map { "\($0.name) is \(TensorShape($0.found)), not \(TensorShape($0.expected))" }
        for (title, names) in [("missing", missing), ("unexpected", unexpected), ("misshapen", misfits)] where network != nil {
            facts.add([title, names.isEmpty ? "none" : names.joined(separator: ", ")])
        }
        if !ignored.isEmpty { facts.add(["not needed", "\(ignored.count) tensors, such as \(ignored[0])"]) }
        facts.add(["XXH64", xxh64])
        facts.add(["SHA-256", sha256])
        var table = TextTable([.left("name"), .left("type"), .left("shape")])
        for tensor in tensors { table.add([tensor.name, tensor.type, TensorShape(tensor.shape).description]) }
        return ([file] + facts.lines(indent: 2) + [""] + table.lines()).joined(separator: "\n")
    }
}

extension Preprocessing {
    /// One line for people.
    var words: String {
        let list = { (numbers: [Float]) in numbers.map { String(format: "%.5g", $0) }.joined(separator: " ") }
        return "short side \(resize) (\(interpolation.rawValue)), centre \(crop)×\(crop), \(channelOrder.rawValue.uppercased()), "
            + "(0…255 − [\(list(mean))]) / [\(list(deviation))]"
    }
}
