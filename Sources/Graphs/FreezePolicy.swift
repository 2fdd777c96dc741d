// Which parameters train: patterns of the config resolved against a network's names.
import Foundation
package import Tensors

/// A pattern of `network.unfrozen` that names nothing.
package struct FreezeError: Error, CustomStringConvertible, Equatable {
    package let pattern: String
    package let architecture: String
    package let nearest: [String]

    package var description: String {
        "network.unfrozen: '\(pattern)' matches no layer of \(architecture); the nearest names are "
            + nearest.map { "'\($0)'" }.joined(separator: ", ")
    }
}

/// The resolved answer for one graph.
package struct Trainability: Sendable, Hashable {
    /// For every parameter: is it trained by gradients?
    package let isTrained: [Bool]
    /// For every node that is a batch norm of a trained layer: its mode. Others are frozen.
    package let normModes: [Int: NormMode]

    package func normMode(of node: Int) -> NormMode { normModes[node] ?? .frozen }

    /// Nothing trains: evaluation and prediction.
    package static func frozen(_ graph: Graph) -> Trainability {
        Trainability(isTrained: graph.parameters.map { _ in false }, normModes: [:])
    }
}

/// Patterns that name the layers to train, and what becomes of their batch norms. The head always trains.
package struct FreezePolicy: Sendable, Hashable {
    /// Dotted names, each covering all below it (`layer4`), or globs (`layer4.*.conv1`); `*` covers everything.
    package let unfrozen: [String]
    package let batchNorm: NormMode

    package init(unfrozen: [String], batchNorm: NormMode) {
        self.unfrozen = unfrozen
        self.batchNorm = batchNorm
    }

    /// Resolves the patterns. Throws for the first pattern that matches nothing, with the nearest names.
    package func resolve(_ graph: Graph) throws(FreezeError) -> Trainability {
        let ancestors = graph.parameters.map { Self.ancestors(of: $0.name) }
        var isUnfrozen = ancestors.map { $0.contains(graph.head) }
        for pattern in unfrozen {
            var matchesAny = false
            for (index, names) in ancestors.enumerated() where names.contains(where: { Self.matches(pattern, $0) }) {
                isUnfrozen[index] = true
                matchesAny = true
            }
            if !matchesAny { throw error(for: pattern, among: ancestors, of: graph) }
        }
        return trainability(of: graph, isUnfrozen: isUnfrozen)
    }

    private func trainability(of graph: Graph, isUnfrozen: [Bool]) -> Trainability {
        var isTrained = isUnfrozen
        var modes: [Int: NormMode] = [:]
        for (index, node) in graph.nodes.enumerated() {
            guard case .batchNorm = node.operation else { continue }
            for parameter in node.parameters {
                isTrained[parameter] =
                    isUnfrozen[parameter] && batchNorm != .frozen && !graph.parameters[parameter].role.isStatistic
            }
            if isTrained[node.parameters].contains(true) { modes[index] = batchNorm }
        }
        return Trainability(isTrained: isTrained, normModes: modes)
    }

    /// A parameter's own name and those of all layers around it: `a.b.weight` → `a.b.weight`, `a.b`, `a`. Caffe's names have slashes:
    /// `a/b.weight` → `a/b.weight`, `a/b`, `a`.
    package static func ancestors(of name: String) -> [String] {
        [name] + name.indices.reversed().filter { name[$0] == "." || name[$0] == "/" }.map { String(name[..<$0]) }
    }

    /// Whether a pattern (a name or a glob) means this name.
    package static func matches(_ pattern: String, _ name: String) -> Bool {
        pattern == name || fnmatch(pattern, name, 0) == 0
    }

    private func error(for pattern: String, among ancestors: [[String]], of graph: Graph) -> FreezeError {
        let names = Set(ancestors.flatMap { $0 })
        let ranked = names.map { (editDistance($0, pattern), $0) }.sorted { $0 < $1 }
        return FreezeError(pattern: pattern, architecture: graph.name, nearest: ranked.prefix(3).map(\.1))
    }
}

/// The Levenshtein distance between two texts.
package func editDistance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first.utf8), Array(second.utf8))
    var row = Array(0...second.count)
    for (index, byte) in first.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for (column, other) in second.enumerated() {
            let replaced = diagonal + (byte == other ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
        }
    }
    return row[second.count]
}
