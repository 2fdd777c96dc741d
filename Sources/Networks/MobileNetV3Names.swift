// MobileNetV3's layers under timm's names.
import Graphs
import Tensors

/// timm groups the blocks in stages, and has the classifier's first layer as a convolution.
enum MobileNetV3Names {
    /// Of the large network.
    private static let stages = TimmStages(starts: [1, 2, 4, 7, 11, 13, 16])

    static func timm(_ parameter: ParameterSpec) -> StoredParameter {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        let isNorm = parts[parts.count - 2] == "1"
        if parts[0] == "classifier" {
            guard parts[1] == "0" else { return StoredParameter(["classifier.\(leaf)"], for: parameter) }
            let shape = parameter.shape.rank == 2 ? TensorShape(parameter.shape.extents + [1, 1]) : parameter.shape
            return StoredParameter(["conv_head.\(leaf)"], for: parameter, shape: shape)
        }
        let number = Int(parts[1]) ?? 0
        if number == 0 { return StoredParameter(["\(isNorm ? "bn1" : "conv_stem").\(leaf)"], for: parameter) }
        let block = stages.block(number)
        if parts[2] != "block" { return StoredParameter(["\(block).\(isNorm ? "bn1" : "conv").\(leaf)"], for: parameter) }
        return StoredParameter(["\(block).\(member(parts, isNorm, ofBlock: number)).\(leaf)"], for: parameter)
    }

    /// Of `features.4.block.2.fc1.weight` and the like: expand, filter, perhaps a gate, project.
    private static func member(_ parts: [String], _ isNorm: Bool, ofBlock number: Int) -> String {
        if parts[4] == "fc1" { return "se.conv_reduce" }
        if parts[4] == "fc2" { return "se.conv_expand" }
        // A gate moves what follows it.
        let position = min(Int(parts[3]) ?? 0, TimmStages.convolutions(ofBlock: number).count - 1)
        return stages.layer(position, ofBlock: number, isNorm: isNorm)
    }
}
