// How a network computes: what evaluation and prediction need besides its weights to be what training was.
package import Graphs
package import Tensors

/// All that a run decides about its arithmetic. Saved with a network, and repeated by whoever runs it later.
package struct NetworkComputation: Sendable, Hashable, Codable {
    /// `float32`, `bfloat16` or `int8`.
    package var prefix: String
    /// `float32` or `bfloat16`.
    package var suffix: String
    /// The patterns of trained layers, which decide where the boundary is.
    package var unfrozen: [String]
    /// What batch norm in trained layers does, as the config says it.
    package var batchNorm: String
    /// Of an int8 prefix.
    package var ranges: QuantizationRanges?
    /// Which convolutions go through Winograd's algorithm; nil in files of versions that did not say.
    package var winograd: String?

    package init(
        prefix: ElementType, suffix: ElementType, unfrozen: [String], batchNorm: NormMode, ranges: QuantizationRanges?,
        winograd: WinogradUse
    ) {
        (self.prefix, self.suffix) = (prefix.rawValue, suffix.rawValue)
        (self.unfrozen, self.batchNorm, self.ranges) = (unfrozen, batchNorm.rawValue, ranges)
        self.winograd = winograd.rawValue
    }

    /// What trained, for a network without auxiliary heads too. Throws `LayerPatternError` if it has no such layers.
    package func trainability(of graph: Graph) throws -> Trainability {
        try FreezePolicy(unfrozen: unfrozen, batchNorm: NormMode(rawValue: batchNorm) ?? .frozen).resolve(graph)
    }
}

extension Plan {
    /// Whether every 8-bit value has a range, so that the plan can run.
    package var hasAllRanges: Bool { values.allSatisfy { $0.quantizationStep > 0 && $0.quantizationStep.isFinite } }

    /// The share of the prefix's multiply-accumulates that are done with bytes.
    package var shareOfByteProducts: Double {
        let prefix = steps.filter { $0.region == .prefix }
        let all = prefix.reduce(0) { $0 + $1.multiplyAccumulates }
        // Only convolutions and linear layers multiply, and then they read what they multiply.
        let bytes = prefix.reduce(0) {
            $0 + ($1.multiplyAccumulates > 0 && values[$1.source].type.isQuantized ? $1.multiplyAccumulates : 0)
        }
        return all > 0 ? Double(bytes) / Double(all) : 0
    }
}
