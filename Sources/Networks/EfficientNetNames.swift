// The EfficientNets' layers under other libraries' names: timm, efficientnet-pytorch, Keras.
import Graphs
import Tensors

/// Where a parameter stands in an EfficientNet, told from its name (`features.2.0.block.1.0.weight`).
struct EfficientNetNames {
    /// A layer of the network, whatever a library calls it.
    enum Layer: Hashable {
        case stem, stemNorm, head, headNorm, classifier
        case block(stage: Int, position: Int, Part)
    }

    /// A layer of a block. The norms belong to the convolutions before them.
    enum Part: Hashable {
        case expand, expandNorm, depthwise, depthwiseNorm, squeeze, excite, project, projectNorm
        /// Expands, or does all, and filters at once (EfficientNetV2).
        case fused, fusedNorm
    }

    /// Blocks before each stage.
    private let blocksBefore: [Int]
    /// Of each block (`features.2.0`) its members in torchvision's order, each a convolution and its norm, or squeeze and excite.
    private let members: [String: [(Part, Part)]]

    init(_ graph: Graph) {
        var depths: [Int] = []
        var members: [String: [(Part, Part)]] = [:]
        for parameter in graph.parameters {
            let parts = parameter.name.split(separator: ".")
            guard parts.count > 3, parts[3] == "block", let stage = Int(parts[1]), let position = Int(parts[2]) else { continue }
            depths += Array(repeating: 0, count: max(0, stage - depths.count))
            depths[stage - 1] = max(depths[stage - 1], position + 1)
            let block = "features.\(stage).\(position)"
            if parameter.name.hasSuffix(".fc1.weight") {
                members[block, default: []].append((.squeeze, .excite))
            } else if parameter.role == .convolutionWeight, !parameter.name.hasSuffix(".fc2.weight") {
                members[block, default: []].append(Self.member(parameter.shape, isFirst: members[block] == nil))
            }
        }
        blocksBefore = depths.indices.map { depths[..<$0].reduce(0, +) }
        self.members = members
    }

    /// What a convolution of a block does, told from its weights.
    private static func member(_ weights: TensorShape, isFirst: Bool) -> (Part, Part) {
        if weights[2] > 1 { return weights[1] == 1 ? (.depthwise, .depthwiseNorm) : (.fused, .fusedNorm) }
        return isFirst ? (.expand, .expandNorm) : (.project, .projectNorm)
    }

    /// The layer that a parameter belongs to, and what of it the parameter is (`weight`, `running_mean`).
    func place(of parameter: ParameterSpec) -> (layer: Layer, leaf: String) {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        if parts[0] == "classifier" { return (.classifier, leaf) }
        if parts.count == 4 {
            let isNorm = parts[2] == "1"
            return parts[1] == "0" ? (isNorm ? .stemNorm : .stem, leaf) : (isNorm ? .headNorm : .head, leaf)
        }
        let (stage, position, index) = (Int(parts[1]) ?? 0, Int(parts[2]) ?? 0, Int(parts[4]) ?? 0)
        let member = members["features.\(stage).\(position)"]?[index] ?? (.project, .projectNorm)
        let isSecond = parts[5] == "1" || parts[5] == "fc2"
        return (.block(stage: stage - 1, position: position, isSecond ? member.1 : member.0), leaf)
    }

    /// A block's number in the whole network.
    func index(stage: Int, position: Int) -> Int { blocksBefore[stage] + position }

    func timmName(of parameter: ParameterSpec) -> StoredParameter {
        let (layer, leaf) = place(of: parameter)
        let name =
            switch layer {
            case .stem: "conv_stem"
            case .stemNorm: "bn1"
            case .head: "conv_head"
            case .headNorm: "bn2"
            case .classifier: "classifier"
            case .block(let stage, let position, let part):
                "blocks.\(stage).\(position).\(timmName(of: part, in: members["features.\(stage + 1).\(position)"] ?? []))"
            }
        return StoredParameter(["\(name).\(leaf)"], for: parameter)
    }

    /// timm numbers a block's norms, and names its convolutions by what stands before them.
    private func timmName(of part: Part, in members: [(Part, Part)]) -> String {
        let convolutions = members.filter { $0.0 != .squeeze }
        if let index = convolutions.firstIndex(where: { $0.1 == part }) { return "bn\(index + 1)" }
        switch part {
        case .expand: return "conv_pw"
        case .depthwise: return "conv_dw"
        case .squeeze: return "se.conv_reduce"
        case .excite: return "se.conv_expand"
        case .fused: return convolutions.count == 1 ? "conv" : "conv_exp"
        default: return convolutions[0].0 == .depthwise ? "conv_pw" : "conv_pwl"
        }
    }

    func pytorchName(of parameter: ParameterSpec) -> StoredParameter {
        let (layer, leaf) = place(of: parameter)
        let name =
            switch layer {
            case .stem: "_conv_stem"
            case .stemNorm: "_bn0"
            case .head: "_conv_head"
            case .headNorm: "_bn1"
            case .classifier: "_fc"
            case .block(let stage, let position, let part):
                "_blocks.\(index(stage: stage, position: position)).\(Self.pytorchNames[part] ?? "")"
            }
        return StoredParameter(["\(name).\(leaf)"], for: parameter)
    }

    private static let pytorchNames: [Part: String] = [
        .expand: "_expand_conv", .expandNorm: "_bn0", .depthwise: "_depthwise_conv", .depthwiseNorm: "_bn1",
        .squeeze: "_se_reduce", .excite: "_se_expand", .project: "_project_conv", .projectNorm: "_bn2",
    ]
}
