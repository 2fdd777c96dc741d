// MobileNetV2's layers under other libraries' names: timm's, transformers'.
import Graphs

/// Names of a parameter in torchvision's naming: `features.4.conv.1.0.weight`.
enum MobileNetV2Names {
    /// timm groups the blocks in stages.
    private static let stages = TimmStages(starts: [1, 2, 4, 7, 11, 14, 17])

    static func timm(_ parameter: ParameterSpec) -> StoredParameter {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        func stored(_ name: String) -> StoredParameter { StoredParameter(["\(name).\(leaf)"], for: parameter) }
        if parts[0] == "classifier" { return stored("classifier") }
        let number = Int(parts[1]) ?? 0
        guard parts[2] == "conv" else {
            let isNorm = parts[2] == "1"
            return stored(number == 0 ? isNorm ? "bn1" : "conv_stem" : isNorm ? "bn2" : "conv_head")
        }
        // A block's last convolution and norm are members of their own.
        let (member, last) = (Int(parts[3]) ?? 0, TimmStages.convolutions(ofBlock: number).count - 1)
        let (position, isNorm) = member < last ? (member, parts[4] == "1") : (last, member > last)
        return stored("\(stages.block(number)).\(stages.layer(position, ofBlock: number, isNorm: isNorm))")
    }

    /// transformers counts the blocks from the second on: the stem holds the first.
    static func transformers(_ parameter: ParameterSpec) -> StoredParameter {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        if parts[0] == "classifier" { return StoredParameter(["classifier.\(leaf)"], for: parameter) }
        let number = Int(parts[1]) ?? 0
        let (layer, isNorm) =
            parts[2] == "conv" ? place(parts, ofBlock: number) : (number == 0 ? "first_conv" : "", parts[2] == "1")
        let block = number <= 1 ? "conv_stem" : layer.isEmpty ? "conv_1x1" : "layer.\(number - 2)"
        let kind = isNorm ? "normalization" : "convolution"
        let name = ([block, layer, kind, leaf].filter { !$0.isEmpty }).joined(separator: ".")
        return StoredParameter(["mobilenet_v2.\(name)", name], for: parameter)
    }

    /// Of a parameter inside a block.
    private static func place(_ parts: [String], ofBlock number: Int) -> (layer: String, isNorm: Bool) {
        let layers = number == 1 ? ["conv_3x3", "reduce_1x1"] : ["expand_1x1", "conv_3x3", "reduce_1x1"]
        // A block's last convolution and norm are members of their own.
        let (member, last) = (Int(parts[3]) ?? 0, layers.count - 1)
        return member < last ? (layers[member], parts[4] == "1") : (layers[last], member > last)
    }
}
