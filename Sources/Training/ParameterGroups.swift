// Which settings of the optimizer hold for which trained parameter, from names and roles.
package import Graphs
package import Optimization

/// Learning-rate multipliers and weight decay, resolved for a network.
package struct ParameterGroups: Sendable {
    /// A factor on the learning rate of the layers that a pattern names.
    package struct Multiplier: Sendable, Equatable {
        package var pattern: LayerPattern
        package var factor: Double

        package init(_ pattern: String, _ factor: Double) { (self.pattern, self.factor) = (LayerPattern(pattern), factor) }
    }

    /// In the order of the config: where several match a parameter, the last counts.
    package var multipliers: [Multiplier]
    /// A factor for each parameter besides; nil for none.
    package var layerFactors: [Double]?
    package var weightDecay: Double
    /// Whether biases, scales and shifts decay too.
    package var decaysNormsAndBiases: Bool

    package init(multipliers: [Multiplier] = [], weightDecay: Double = 0, decaysNormsAndBiases: Bool = false) {
        self.multipliers = multipliers
        self.weightDecay = weightDecay
        self.decaysNormsAndBiases = decaysNormsAndBiases
    }

    /// The groups of a layout of `count` floats; padding goes with the parameter before it. Throws for a pattern that matches no
    /// parameter of the network at all.
    package func resolve(
        parameters: [ParameterSpec], of network: String, slots: [ParameterSlot], count: Int
    ) throws(LayerPatternError) -> [ParameterGroup] {
        var factors = parameters.map { _ in 1.0 }
        for multiplier in multipliers {
            let meant = try multiplier.pattern.parameters(among: parameters, of: network, setting: "optimizer.multipliers")
            for index in meant { factors[index] = multiplier.factor }
        }
        if let layerFactors { factors = zip(factors, layerFactors).map(*) }
        let ends = slots.dropFirst().map(\.range.lowerBound) + [count]
        return zip(slots, ends).map { slot, end in
            let decays = parameters[slot.parameter].role.isDecayed || decaysNormsAndBiases
            return ParameterGroup(
                range: slot.range.lowerBound..<end, multiplier: factors[slot.parameter], weightDecay: decays ? weightDecay : 0)
        }
    }
}
