// Weights under other libraries' names and layouts give the logits that those libraries themselves give.
import Execution
import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

@testable import Networks

/// One row of Fixtures/logits.json, which make_logits.py beside it writes.
struct LogitsRow: Decodable, Sendable, CustomTestStringConvertible {
    let network: String
    let source: String
    let side: Int
    /// Multiplies the synthetic image, for networks on 0…255.
    let scale: Float
    /// Multiplies the scales of norms.
    let normScale: Double
    let classes: Int
    /// The Euclidean norm of all logits, and the first ten.
    let norm: Double
    let first: [Double]

    var testDescription: String { "\(network) in \(source)'s names, \(side) pixels" }

    static let all: [LogitsRow] = {
        guard let url = Bundle.module.url(forResource: "Fixtures/logits", withExtension: "json"),
            let data = try? Data(contentsOf: url)
        else { return [] }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return (try? decoder.decode([LogitsRow].self, from: data)) ?? []
    }()

    /// Networks with large classifiers take minutes where nothing is optimised.
    var isLarge: Bool { ["vgg", "alexnet"].contains { network.hasPrefix($0) } }
}

@Suite struct ForeignWeightsTests {
    @Test func fixtureIsThere() { #expect(LogitsRow.all.count >= 17) }

    @Test(arguments: LogitsRow.all.filter { !$0.isLarge })
    func logitsAreTheLibrarys(_ row: LogitsRow) throws { try expectLogits(row) }

    @Test(.enabled(if: isOptimized, "takes minutes where nothing is optimised"), arguments: LogitsRow.all.filter(\.isLarge))
    func logitsOfLargeNetworksAreTheLibrarys(_ row: LogitsRow) throws { try expectLogits(row) }

    private func expectLogits(_ row: LogitsRow) throws {
        let entry = try NetworkCatalog.entry(named: row.network)
        let graph = entry.build(BuildOptions(classes: row.classes, inputSize: row.side, dropout: 0))
        let source = try #require(WeightSource(rawValue: row.source))
        let stored = NameTable.storedParameters(of: graph, family: entry.family, source: source)
        let file = Dictionary(uniqueKeysWithValues: stored.map { ($0.names[0], $0.shape) })
        let match = try NameTable.match(file, to: graph, of: entry)
        try match.validate(for: row.network)
        #expect(match.source == source)
        let logits = try logits(of: graph, row) { store in
            for assignment in match.assignments {
                let shape = try #require(file[assignment.tensor])
                let values = values(
                    assignment.tensor, shape, for: graph.parameters[assignment.parameter], normScale: row.normScale)
                _ = store.values(of: assignment.parameter).update(
                    fromContentsOf: assignment.transform.apply(values, shape: shape))
            }
        }
        let difference = relativeDifference(logits.prefix(10).map(Double.init), row.first)
        let norm = logits.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(difference < 1e-4)
        #expect(abs(norm - row.norm) < 1e-4 * row.norm)
    }

    /// The script's values for one tensor of a file.
    private func values(_ name: String, _ shape: TensorShape, for parameter: ParameterSpec, normScale: Double) -> [Float] {
        let (lower, upper): (Float, Float) =
            switch parameter.role {
            case .convolutionWeight, .linearWeight: bounds(fanIn: parameter.shape.count / parameter.shape[0])
            case .runningVariance: (0.5, 1.5)
            case .normScale: (Float(0.5 * normScale), Float(1.5 * normScale))
            case .runningMean, .bias, .normShift: (-0.3, 0.3)
            }
        return WeightRecipe.uniform(name: name, count: shape.count).map { lower + (upper - lower) * $0 }
    }

    private func bounds(fanIn: Int) -> (Float, Float) {
        let bound = Float((6 / Double(fanIn)).squareRoot())
        return (-bound, bound)
    }

    private func logits(of graph: Graph, _ row: LogitsRow, fill: (ParameterStore) throws -> Void) throws -> [Float] {
        let trainability = Trainability.frozen(graph)
        let plan = Planner.plan(PlanRequest(graph: graph, trainability: trainability, capacity: 1, exit: .logits))
        let store = ParameterStore(graph: graph, trainability: trainability, layout: plan.layout)
        try fill(store)
        let resources = try ProgramResources(store: store, threads: 1, arenaBytes: plan.arenaBytes)
        let program = try Program(plan, resources)
        let shape = [1, 3, row.side, row.side]
        var image = channelsLast(WeightRecipe.input(shape: shape), shape: shape).map { $0 * row.scale }
        image.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            program.forward(PassInput(entries: [base], count: 1))
        }
        return Array(UnsafeBufferPointer(start: program.exitValue(0), count: row.classes))
    }
}
