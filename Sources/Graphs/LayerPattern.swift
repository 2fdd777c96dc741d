// The one language in which a config names layers: `network.unfrozen`, `network.fresh` and `optimizer.multipliers` speak it.
import Foundation

/// A dotted name that covers all below it (`layer4`), or a glob (`layer4.*.conv1`); `*` covers everything.
package struct LayerPattern: Sendable, Hashable {
    package let text: String

    package init(_ text: String) { self.text = text }

    /// Whether it means a parameter: by the parameter's own name, or by that of a layer around it.
    package func matches(_ parameter: String) -> Bool { Self.ancestors(of: parameter).contains(where: names) }

    /// Which of a network's parameters it means, as indices.
    ///
    /// - Parameter setting: the config's key, for the error where it means none.
    package func parameters(
        among parameters: [ParameterSpec], of network: String, setting: String
    ) throws(LayerPatternError) -> [Int] {
        let meant = parameters.indices.filter { matches(parameters[$0].name) }
        guard meant.isEmpty else { return meant }
        let names = parameters.flatMap { Self.ancestors(of: $0.name) }
        throw LayerPatternError(setting: setting, pattern: text, network: network, nearest: nearestNames(to: text, among: names))
    }

    /// A parameter's own name and those of all layers around it: `a.b.weight` → `a.b.weight`, `a.b`, `a`. Caffe's names have slashes:
    /// `a/b.weight` → `a/b.weight`, `a/b`, `a`.
    package static func ancestors(of name: String) -> [String] {
        [name] + name.indices.reversed().filter { name[$0] == "." || name[$0] == "/" }.map { String(name[..<$0]) }
    }

    private func names(_ name: String) -> Bool { text == name || fnmatch(text, name, 0) == 0 }
}

/// A pattern that names nothing.
package struct LayerPatternError: Error, CustomStringConvertible, Equatable {
    /// The config's key.
    package let setting: String
    package let pattern: String
    package let network: String
    /// The names most like it.
    package let nearest: [String]

    package init(setting: String, pattern: String, network: String, nearest: [String]) {
        (self.setting, self.pattern, self.network, self.nearest) = (setting, pattern, network, nearest)
    }

    package var description: String {
        "\(setting): '\(pattern)' matches no layer of \(network); the nearest names are "
            + nearest.map { "'\($0)'" }.joined(separator: ", ")
    }
}
