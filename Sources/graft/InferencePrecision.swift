// In which numbers `evaluate` and `predict` compute: as the run did, or otherwise for comparison.
import ArgumentParser
import Execution
import Graphs
import Tensors
import Training

/// What --precision takes.
enum InferencePrecision: String, ExpressibleByArgument, CaseIterable {
    /// As the file says that training did; float32 for files that say nothing.
    case trained
    case float32, bfloat16, int8

    static let help = "In which numbers frozen layers compute: trained (as in training), float32, bfloat16 or int8."

    /// The computation on a processor with such abilities, and what the user should know about it.
    func computation(saved: NetworkComputation?, _ abilities: ProcessorAbilities) -> (NetworkComputation, note: String?) {
        var wanted =
            saved
            ?? NetworkComputation(
                prefix: .float32, suffix: .float32, unfrozen: [], batchNorm: .frozen, ranges: nil, winograd: .auto)
        switch self {
        case .trained: break
        case .float32: (wanted.prefix, wanted.suffix) = (rawValue, rawValue)
        case .bfloat16, .int8: wanted.prefix = rawValue
        }
        var note: String?
        func check(_ type: inout String) {
            let isNative =
                switch type {
                case "int8": abilities.multipliesBytes
                case "bfloat16": abilities.multipliesBFloat16
                default: true
                }
            guard !isNative else { return }
            note = "warning: this processor does not multiply \(type) natively; computing in float32"
            type = Self.float32.rawValue
        }
        check(&wanted.prefix)
        check(&wanted.suffix)
        return (wanted, note)
    }
}

extension PlanRequest {
    /// The scores of a network that computes so.
    init(_ graph: Graph, _ computation: NetworkComputation, isTold: Bool, capacity: Int) {
        // Without word of what trained, everything counts as frozen.
        let trainability = isTold ? (try? computation.trainability(of: graph)) ?? .frozen(graph) : .frozen(graph)
        self.init(graph: graph, trainability: trainability, capacity: capacity, exit: .logits)
        prefixPrecision = ElementType(rawValue: computation.prefix) ?? .float32
        suffixPrecision = ElementType(rawValue: computation.suffix) ?? .float32
        ranges = computation.ranges
        winograd = computation.winograd.flatMap(WinogradUse.init) ?? winograd
    }
}
