// Every network's parameters against the libraries that published it: names, shapes, counts.
import Foundation
import Graphs
import Tensors
import Testing

@testable import Networks

/// One row of Fixtures/tables.json, which make_tables.py beside it writes from the libraries' own models.
struct TableRow: Decodable, Sendable, CustomTestStringConvertible {
    let network: String
    let source: String
    let tensors: Int
    let digest: String
    /// Trainable numbers, where the library tells.
    let parameters: Int?
    /// For Keras: digest of each tensor's legacy name with its path in a new file.
    let paths: String?

    var testDescription: String { "\(network) in \(source)'s names" }

    static let all: [TableRow] = {
        guard let url = Bundle.module.url(forResource: "Fixtures/tables", withExtension: "json"),
            let data = try? Data(contentsOf: url), let rows = try? JSONDecoder().decode([TableRow].self, from: data)
        else { return [] }
        return rows
    }()
}

/// 64-bit FNV-1a over sorted lines `name shape`.
func digest(_ tensors: [(name: String, shape: TensorShape)]) -> String {
    digest(lines: tensors.map { "\($0.name) \($0.shape.extents.map(String.init).joined(separator: "x"))" })
}

/// 64-bit FNV-1a over sorted lines.
func digest(lines: [String]) -> String {
    let sorted = lines.map { $0 + "\n" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in sorted.joined().utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let hex = String(value, radix: 16)
    return String(repeating: "0", count: 16 - hex.count) + hex
}

@Suite struct NetworkTableTests {
    @Test func fixtureIsThere() { #expect(TableRow.all.count > 30) }

    @Test(arguments: TableRow.all)
    func namesAndShapesAreTheLibrarys(_ row: TableRow) throws {
        let entry = try NetworkCatalog.entry(named: row.network)
        let graph = entry.build()
        let source = try #require(WeightSource(rawValue: row.source))
        #expect(entry.sources.contains(source))
        let stored = NameTable.storedParameters(of: graph, family: entry.family, source: source)
        #expect(stored.count == row.tensors)
        #expect(digest(stored.map { ($0.names[0], $0.shape) }) == row.digest)
        if let parameters = row.parameters { #expect(graph.parameterCount == parameters) }
    }

    @Test(arguments: TableRow.all.filter { $0.paths != nil })
    func kerasCountsItsLayersAsTheTableDoes(_ row: TableRow) throws {
        let entry = try NetworkCatalog.entry(named: row.network)
        let stored = NameTable.storedParameters(of: entry.build(), family: entry.family, source: .keras)
        let pairs = stored.map { ($0.names[0], $0.names.first { $0.hasPrefix("layers/") } ?? "") }
        #expect(digest(lines: pairs.map { "\($0) \($1)" }) == row.paths)
    }

    @Test(arguments: TableRow.all)
    func namingIsRecognisedFromTheNames(_ row: TableRow) throws {
        let entry = try NetworkCatalog.entry(named: row.network)
        let graph = entry.build(BuildOptions(classes: 2))
        let source = try #require(WeightSource(rawValue: row.source))
        let stored = NameTable.storedParameters(of: entry.build(), family: entry.family, source: source)
        let tensors = Dictionary(uniqueKeysWithValues: stored.map { ($0.names[0], $0.shape) })
        let match = try NameTable.match(tensors, to: graph, of: entry)
        try match.validate(for: row.network)
        #expect(match.source == source)
        #expect(match.fresh.map { graph.parameters[$0].name } == ["\(graph.head).weight", "\(graph.head).bias"])
        #expect(match.assignments.count + match.fresh.count == graph.parameters.count)
    }

    /// What Graft itself writes it reads again, and no other network takes it for its own.
    @Test(arguments: NetworkCatalog.entries.map(\.name))
    func ownFilesFit(_ name: String) throws {
        let entry = try NetworkCatalog.entry(named: name)
        let graph = entry.build(BuildOptions(classes: 2))
        let tensors = Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape) })
        let match = try NameTable.match(tensors, to: graph, of: entry, isOwn: true)
        try match.validate(for: name)
        #expect(match.fresh.isEmpty && match.assignments.count == graph.parameters.count)
        #expect(match.assignments.allSatisfy { $0.tensor == graph.parameters[$0.parameter].name && $0.transform == .none })
    }

    /// Multiply-accumulates of one image in thousand millions, as torchvision and TensorFlow publish them.
    @Test(arguments: [
        ("resnet18", 1.814), ("resnet34", 3.664), ("resnet50", 4.089), ("resnet101", 7.801), ("resnet152", 11.514),
        ("alexnet", 0.714), ("vgg11", 7.609), ("vgg13", 11.308), ("vgg16", 15.470), ("vgg19", 19.632), ("googlenet", 1.498),
        ("efficientnet_b0", 0.386), ("efficientnet_b1", 0.687), ("efficientnet_b3", 1.827), ("efficientnet_b7", 37.746),
        ("efficientnet_lite0", 0.385),
    ])
    func multiplyAccumulatesAreThePublished(_ name: String, _ published: Double) throws {
        let graph = try NetworkCatalog.entry(named: name).build()
        #expect(abs(Double(graph.multiplyAccumulates) / 1e9 - published) < 0.01 * published)
    }
}
