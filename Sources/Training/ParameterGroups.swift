// Which settings of the optimizer hold for which trained parameter, from names and roles.
import Foundation
package import Graphs
package import Optimization

/// Learning-rate multipliers and weight decay, resolved for a network.
package struct ParameterGroups: Sendable {
    /// Multipliers by pattern: a dotted name that covers all below it, or a glob. Where several match a parameter, the longest holds.
    package var multipliers: [String: Double]
    package var weightDecay: Double
    /// Whether biases, scales and shifts decay too.
    package var decaysNormsAndBiases: Bool

    package init(multipliers: [String: Double] = [:], weightDecay: Double = 0, decaysNormsAndBiases: Bool = false) {
        self.multipliers = multipliers
        self.weightDecay = weightDecay
        self.decaysNormsAndBiases = decaysNormsAndBiases
    }

    /// The groups of a layout of `count` floats; padding goes with the parameter before it. Throws for a pattern that matches no
    /// parameter of the network at all.
    package func resolve(
        parameters: [ParameterSpec], slots: [ParameterSlot], count: Int
    ) throws(TrainingError) -> [ParameterGroup] {
        let patterns = multipliers.keys.sorted { ($0.count, $0) > ($1.count, $1) }
        for pattern in patterns where !parameters.contains(where: { Self.matches(pattern, $0.name) }) {
            throw .unknownMultiplier(pattern: pattern, nearest: Self.nearest(to: pattern, among: parameters.map(\.name)))
        }
        let ends = slots.dropFirst().map(\.range.lowerBound) + [count]
        return zip(slots, ends).map { slot, end in
            let parameter = parameters[slot.parameter]
            let pattern = patterns.first { Self.matches($0, parameter.name) }
            return ParameterGroup(
                range: slot.range.lowerBound..<end, multiplier: pattern.flatMap { multipliers[$0] } ?? 1,
                weightDecay: parameter.role.isDecayed || decaysNormsAndBiases ? weightDecay : 0)
        }
    }

    /// Whether a pattern means the parameter itself or a layer around it, as in `network.unfrozen`.
    static func matches(_ pattern: String, _ name: String) -> Bool {
        let parts = name.split(separator: ".")
        return (1...parts.count).contains { length in
            let layer = parts.prefix(length).joined(separator: ".")
            return pattern == layer || fnmatch(pattern, layer, 0) == 0
        }
    }

    private static func nearest(to pattern: String, among names: [String]) -> [String] {
        let layers = Set(
            names.flatMap { name in
                let parts = name.split(separator: ".")
                return (1...parts.count).map { parts.prefix($0).joined(separator: ".") }
            })
        return layers.map { (editDistance($0, pattern), $0) }.sorted { $0 < $1 }.prefix(3).map(\.1)
    }
}
