// The EfficientNets' layers under other libraries' names: timm, efficientnet-pytorch, Keras.
import Graphs

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
    }

    /// Blocks before each stage.
    private let blocksBefore: [Int]
    private let hasSqueezeExcitation: Bool

    init(_ graph: Graph) {
        var depths = [Int](repeating: 0, count: EfficientNet.stages.count)
        for parameter in graph.parameters {
            let parts = parameter.name.split(separator: ".")
            guard parts.count > 3, parts[3] == "block", let stage = Int(parts[1]), let position = Int(parts[2]) else { continue }
            depths[stage - 1] = max(depths[stage - 1], position + 1)
        }
        blocksBefore = depths.indices.map { depths[..<$0].reduce(0, +) }
        hasSqueezeExcitation = graph.parameters.contains { $0.name.contains(".fc1.") }
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
        return (.block(stage: stage - 1, position: position, part(stage: stage - 1, index: index, sublayer: parts[5])), leaf)
    }

    /// A block's members in torchvision's order; the first stage does not expand.
    private func part(stage: Int, index: Int, sublayer: String) -> Part {
        let members: [(Part, Part)] =
            (stage == 0 ? [] : [(.expand, .expandNorm)]) + [(.depthwise, .depthwiseNorm)]
            + (hasSqueezeExcitation ? [(.squeeze, .excite)] : []) + [(.project, .projectNorm)]
        let isSecond = sublayer == "1" || sublayer == "fc2"
        return isSecond ? members[index].1 : members[index].0
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
                "blocks.\(stage).\(position).\(timmName(of: part, expands: stage > 0))"
            }
        return StoredParameter(["\(name).\(leaf)"], for: parameter)
    }

    private func timmName(of part: Part, expands: Bool) -> String {
        switch part {
        case .expand: "conv_pw"
        case .expandNorm: "bn1"
        case .depthwise: "conv_dw"
        case .depthwiseNorm: expands ? "bn2" : "bn1"
        case .squeeze: "se.conv_reduce"
        case .excite: "se.conv_expand"
        case .project: expands ? "conv_pwl" : "conv_pw"
        case .projectNorm: expands ? "bn3" : "bn2"
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
