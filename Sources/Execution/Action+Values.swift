// Which values a step reads and writes: what lifetimes and memory follow from.

extension Action {
    /// The values read, in no particular order.
    package var reads: [Int] {
        switch self {
        case .convolution(_, _, let source, _, let epilogue), .norm(_, _, let source, _, let epilogue):
            [source] + (epilogue.residual.map { [$0] } ?? [])
        case .convolutionBackwardData(_, _, let gradient, _), .linearBackwardData(_, let gradient, _): [gradient]
        case .convolutionBackwardWeights(_, _, let source, let gradient), .linearBackwardWeights(_, _, let source, let gradient),
            .normBackward(_, _, let source, let gradient, _, _), .gateBackward(let gradient, let source, _):
            [source, gradient]
        case .linear(_, _, let source, _), .activation(_, let source, _), .pool(_, _, let source, _, _),
            .adaptiveAverage(let source, _), .transpose(let source, _, _), .dropout(_, _, _, let source, _),
            .responseNorm(_, let source, _, _), .slice(let source, _, _), .convert(let source, _):
            [source]
        case .add(let first, let second, _, _): [first, second]
        case .combineGradients(let first, let second, let kept, _, _): [first] + [second, kept].compactMap { $0 }
        case .gate(let source, let gate, _): [source, gate]
        case .concatenate(let sources, _): sources
        case .poolBackward(_, _, let gradient, _, let memory): [gradient] + [memory].compactMap { $0 }
        case .adaptiveAverageBackward(let gradient, _): [gradient]
        case .responseNormBackward(_, let source, let gradient, _, let memory): [source, gradient, memory]
        case .loss(let logits, _, _, _): [logits]
        }
    }

    /// The values written.
    package var writes: [Int] {
        switch self {
        case .convolution(_, _, _, let destination, _), .norm(_, _, _, let destination, _), .linear(_, _, _, let destination),
            .activation(_, _, let destination), .add(_, _, let destination, _), .combineGradients(_, _, _, _, let destination),
            .gate(_, _, let destination), .concatenate(_, let destination), .slice(_, _, let destination),
            .adaptiveAverage(_, let destination), .transpose(_, let destination, _), .dropout(_, _, _, _, let destination),
            .convert(_, let destination):
            [destination]
        case .convolutionBackwardData(_, _, _, let sourceGradient), .linearBackwardData(_, _, let sourceGradient),
            .poolBackward(_, _, _, let sourceGradient, _), .adaptiveAverageBackward(_, let sourceGradient),
            .responseNormBackward(_, _, _, let sourceGradient, _):
            [sourceGradient]
        case .convolutionBackwardWeights, .linearBackwardWeights: []
        case .normBackward(_, _, _, _, let sourceGradient, _): [sourceGradient].compactMap { $0 }
        case .gateBackward(_, _, let gateGradient): [gateGradient]
        case .pool(_, _, _, let destination, let memory), .responseNorm(_, _, let destination, let memory):
            [destination] + [memory].compactMap { $0 }
        case .loss(_, let gradient, _, _): [gradient]
        }
    }

    /// Values whose memory the result may take over, if they are of its size and no later step reads them, the best first.
    package var mayOverwrite: [Int] {
        switch self {
        // The residual is added where it lies: one array less to read.
        case .convolution(_, _, _, _, let epilogue): [epilogue.residual].compactMap { $0 }
        case .norm(_, _, let source, _, let epilogue): [epilogue.residual, source].compactMap { $0 }
        case .normBackward(_, _, let source, let gradient, _, _): [gradient, source]
        case .activation(_, let source, _), .dropout(_, _, _, let source, _), .gate(let source, _, _): [source]
        case .add(let first, let second, _, _): [first, second]
        case .combineGradients(let first, let second, _, _, _): [first, second].compactMap { $0 }
        default: []
        }
    }
}
