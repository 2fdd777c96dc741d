// ConvNeXt's layers under other libraries' names: timm's, transformers'.
import Graphs
import Tensors

/// Names of a parameter in torchvision's naming.
enum ConvNeXtNames {
    private enum Layer {
        case stem, stemNorm, headNorm, head
        case downNorm(stage: Int), down(stage: Int)
        case block(stage: Int, index: Int, Part)
    }

    private enum Part { case filter, norm, widen, narrow, scale }

    /// - Parameter convolves: whether the mixing layers are stored as convolutions, not as matrices.
    static func timm(_ parameter: ParameterSpec, convolves: Bool) -> StoredParameter {
        let (layer, leaf) = place(of: parameter)
        switch layer {
        case .stem: return StoredParameter(["stem.0.\(leaf)"], for: parameter)
        case .stemNorm: return StoredParameter(["stem.1.\(leaf)"], for: parameter)
        case .headNorm: return StoredParameter(["head.norm.\(leaf)"], for: parameter)
        case .head: return StoredParameter(["head.fc.\(leaf)"], for: parameter)
        case .downNorm(let stage): return StoredParameter(["stages.\(stage).downsample.0.\(leaf)"], for: parameter)
        case .down(let stage): return StoredParameter(["stages.\(stage).downsample.1.\(leaf)"], for: parameter)
        case .block(let stage, let index, let part):
            let block = "stages.\(stage).blocks.\(index)"
            switch part {
            case .filter: return StoredParameter(["\(block).conv_dw.\(leaf)"], for: parameter)
            case .norm: return StoredParameter(["\(block).norm.\(leaf)"], for: parameter)
            case .widen, .narrow:
                let layer = if case .widen = part { "fc1" } else { "fc2" }
                let isConvolution = convolves && parameter.shape.rank == 2
                return StoredParameter(
                    ["\(block).mlp.\(layer).\(leaf)"], for: parameter,
                    shape: isConvolution ? TensorShape(parameter.shape.extents + [1, 1]) : nil)
            case .scale: return StoredParameter(["\(block).gamma"], for: parameter, shape: [parameter.shape[0]])
            }
        }
    }

    static func transformers(_ parameter: ParameterSpec) -> StoredParameter {
        let (layer, leaf) = place(of: parameter)
        func stored(_ name: String, shape: TensorShape? = nil) -> StoredParameter {
            StoredParameter(["convnext.\(name)", name], for: parameter, shape: shape)
        }
        switch layer {
        case .stem: return stored("embeddings.patch_embeddings.\(leaf)")
        case .stemNorm: return stored("embeddings.layernorm.\(leaf)")
        case .headNorm: return stored("layernorm.\(leaf)")
        case .head: return StoredParameter(["classifier.\(leaf)"], for: parameter)
        case .downNorm(let stage): return stored("encoder.stages.\(stage).downsampling_layer.0.\(leaf)")
        case .down(let stage): return stored("encoder.stages.\(stage).downsampling_layer.1.\(leaf)")
        case .block(let stage, let index, let part):
            let block = "encoder.stages.\(stage).layers.\(index)"
            switch part {
            case .filter: return stored("\(block).dwconv.\(leaf)")
            case .norm: return stored("\(block).layernorm.\(leaf)")
            case .widen: return stored("\(block).pwconv1.\(leaf)")
            case .narrow: return stored("\(block).pwconv2.\(leaf)")
            case .scale: return stored("\(block).layer_scale_parameter", shape: [parameter.shape[0]])
            }
        }
    }

    /// Where a parameter stands, and what of its layer it is.
    private static func place(of parameter: ParameterSpec) -> (layer: Layer, leaf: String) {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        if parts[0] == "classifier" { return (parts[1] == "0" ? .headNorm : .head, leaf) }
        let (number, member) = (Int(parts[1]) ?? 0, Int(parts[2]) ?? 0)
        if number == 0 { return (member == 0 ? .stem : .stemNorm, leaf) }
        if number % 2 == 0 { return (member == 0 ? .downNorm(stage: number / 2) : .down(stage: number / 2), leaf) }
        let part: Part =
            switch parts[3] == "layer_scale" ? "" : parts[4] {
            case "": .scale
            case "0": .filter
            case "2": .norm
            case "3": .widen
            default: .narrow
            }
        return (.block(stage: number / 2, index: member, part), leaf)
    }
}
