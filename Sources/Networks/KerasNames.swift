// Keras's names for the networks of its applications, in each of the layouts that its versions have written:
//   legacy .h5        conv1_conv/conv1_conv/kernel:0 (the zoo's oldest files: block1_conv1/block1_conv1_W_1:0)
//   .weights.h5, .keras  layers/conv2d_3/vars/0: layers counted by kind, variables by number
import Graphs
import Tensors

/// A layer as Keras has it.
struct KerasLayer {
    enum Kind: String {
        case convolution = "conv2d"
        case depthwise = "depthwise_conv2d"
        case norm = "batch_normalization"
        case dense = "dense"
    }

    let kind: Kind
    /// The layer's name in Keras, then the names that older versions gave it.
    let names: [String]

    /// A variable's names in a legacy file, newest first, and its number in a new one.
    private func variable(_ leaf: String) -> (names: [String], number: Int) {
        switch (kind, leaf) {
        case (.norm, "weight"): (["gamma", "gamma_1"], 0)
        case (.norm, "bias"): (["beta", "beta_1"], 1)
        case (.norm, "running_mean"): (["moving_mean", "running_mean_1"], 2)
        case (.norm, "running_var"): (["moving_variance", "running_std_1"], 3)
        case (.depthwise, "weight"): (["kernel", "depthwise_kernel"], 0)
        case (_, "bias"): (["bias", "b_1"], 1)
        default: (["kernel", "W_1"], 0)
        }
    }

    /// Every name under which a variable may stand; `count` is the layer's number among its kind.
    func storedNames(_ leaf: String, count: Int) -> [String] {
        let variable = variable(leaf)
        let legacy = names.flatMap { name in
            variable.names.flatMap { ["\(name)/\(name)/\($0)", "\(name)/\(name)_\($0)", "\(name)/\($0)"] }
        }
        let counted = count == 0 ? kind.rawValue : "\(kind.rawValue)_\(count)"
        return legacy + [
            "layers/\(counted)/vars/\(variable.number)", "_layer_checkpoint_dependencies/\(counted)/vars/\(variable.number)",
        ]
    }
}

/// The names of a whole network.
enum KerasNames {
    /// Where each of the graph's parameters stands in a file that Keras wrote.
    static func storedParameters(of graph: Graph, family: NetworkFamily) -> [StoredParameter] {
        let efficientNetNames = EfficientNetNames(graph)
        let nodes = countingOrder(of: graph.nodes.filter { !$0.parameters.isEmpty })
        var counts: [KerasLayer.Kind: Int] = [:]
        var stored: [Int: StoredParameter] = [:]
        for node in nodes {
            let parameters = graph.parameters(of: node)
            guard let first = parameters.first else { continue }
            let kind = kind(of: node)
            let names =
                switch family {
                case .vgg: vggNames(of: node, in: graph)
                case .efficientNet: [efficientNetNames.kerasName(of: first)]
                default: resNetNames(of: node)
                }
            let layer = KerasLayer(kind: kind, names: names)
            let count = counts[kind, default: 0]
            counts[kind] = count + 1
            for index in node.parameters {
                let parameter = graph.parameters[index]
                let leaf = parameter.name.split(separator: ".").last.map(String.init) ?? ""
                stored[index] = StoredParameter(
                    layer.storedNames(leaf, count: count), for: parameter,
                    transform: transform(of: parameter, in: node, of: graph))
            }
        }
        return graph.parameters.indices.compactMap { stored[$0] }
    }

    private static func kind(of node: Node) -> KerasLayer.Kind {
        switch node.operation {
        case .batchNorm: .norm
        case .linear: .dense
        case .convolution(_, _, let groups, _): groups > 1 ? .depthwise : .convolution
        default: preconditionFailure("\(node.name) has parameters of a kind that Keras's applications lack")
        }
    }

    private static func transform(of parameter: ParameterSpec, in node: Node, of graph: Graph) -> WeightTransform {
        switch parameter.role {
        case .convolutionWeight: return kind(of: node) == .depthwise ? .depthwiseHWIMToOIHW : .hwioToOIHW
        case .linearWeight:
            let input = graph.nodes[node.inputs[0]]
            guard case .flatten = input.operation else { return .transpose }
            let image = graph.nodes[input.inputs[0]].shape
            return .denseAfterFlatten(height: image[0], width: image[1], channels: image[2])
        default: return .none
        }
    }

    /// Keras counts layers in the order of their depth: a shortcut's layers stand just before the last ones of its block.
    private static func countingOrder(of nodes: [Node]) -> [Node] {
        var result: [Node] = []
        for node in nodes {
            if node.name.contains(".downsample.") {
                let last = node.name.hasSuffix(".0") ? ".conv3" : ".bn3"
                if let index = result.lastIndex(where: { $0.name.hasSuffix(last) }) {
                    result.insert(node, at: index)
                    continue
                }
            }
            result.append(node)
        }
        return result
    }

    /// `block2_conv1`, `fc1`, `predictions`.
    private static func vggNames(of node: Node, in graph: Graph) -> [String] {
        switch node.name {
        case "classifier.0": return ["fc1"]
        case "classifier.3": return ["fc2"]
        case "classifier.6": return ["predictions"]
        default: break
        }
        var (block, index) = (1, 0)
        for other in graph.nodes {
            if case .maxPool = other.operation { (block, index) = (block + 1, 0) }
            if case .convolution = other.operation { index += 1 }
            if other.name == node.name { break }
        }
        return ["block\(block)_conv\(index)"]
    }

    /// `conv3_block1_2_conv`, and the names before 2019: `res3a_branch2b`.
    private static func resNetNames(of node: Node) -> [String] {
        let parts = node.name.split(separator: ".").map(String.init)
        switch parts[0] {
        case "conv1": return ["conv1_conv", "conv1"]
        case "bn1": return ["conv1_bn", "bn_conv1"]
        case "fc": return ["predictions", "fc1000"]
        default: break
        }
        let stage = (parts[0].last?.wholeNumberValue ?? 0) + 1
        let block = Int(parts[1]) ?? 0
        let isShortcut = parts[2] == "downsample"
        let number = isShortcut ? 0 : parts[2].last?.wholeNumberValue ?? 0
        let isNorm = isShortcut ? parts[3] == "1" : parts[2].hasPrefix("bn")
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        let branch = isShortcut ? "branch1" : "branch2\(letters[number - 1])"
        let old = block < letters.count ? ["\(isNorm ? "bn" : "res")\(stage)\(letters[block])_\(branch)"] : []
        return ["conv\(stage)_block\(block + 1)_\(number)_\(isNorm ? "bn" : "conv")"] + old
    }
}

extension EfficientNetNames {
    func kerasName(of parameter: ParameterSpec) -> String {
        switch place(of: parameter).layer {
        case .stem: return "stem_conv"
        case .stemNorm: return "stem_bn"
        case .head: return "top_conv"
        case .headNorm: return "top_bn"
        case .classifier: return "predictions"
        case .block(let stage, let position, let part):
            let letter = Character(UnicodeScalar(UInt8(ascii: "a") + UInt8(position)))
            return "block\(stage + 1)\(letter)_\(Self.kerasNames[part] ?? "")"
        }
    }

    private static let kerasNames: [Part: String] = [
        .expand: "expand_conv", .expandNorm: "expand_bn", .depthwise: "dwconv", .depthwiseNorm: "bn", .squeeze: "se_reduce",
        .excite: "se_expand", .project: "project_conv", .projectNorm: "project_bn",
    ]
}
