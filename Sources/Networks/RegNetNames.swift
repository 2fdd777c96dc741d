// RegNet's layers under other libraries' names: timm's, transformers'.
import Graphs

/// Names of a parameter in torchvision's naming: `trunk_output.block2.block2-0.f.a.0.weight`.
enum RegNetNames {
    private static let convolutions = ["a": 1, "b": 2, "c": 3]

    static func timm(_ parameter: ParameterSpec) -> StoredParameter {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        func stored(_ name: String) -> StoredParameter { StoredParameter(["\(name).\(leaf)"], for: parameter) }
        if parts[0] == "fc" { return stored("head.fc") }
        let kind = parts[parts.count - 2] == "0" ? "conv" : "bn"
        if parts[0] == "stem" { return stored("stem.\(kind)") }
        let (stage, index) = place(parts)
        let block = "s\(stage + 1).b\(index + 1)"
        if parts[3] == "proj" { return stored("\(block).downsample.\(kind)") }
        if parts[4] == "se" { return stored("\(block).se.\(parts[5])") }
        return stored("\(block).conv\(convolutions[parts[4]] ?? 0).\(kind)")
    }

    /// - Parameter isGated: whether the blocks have squeeze-excitation, before their last convolution.
    static func transformers(_ parameter: ParameterSpec, isGated: Bool) -> StoredParameter {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        func stored(_ name: String) -> StoredParameter {
            StoredParameter(["regnet.\(name).\(leaf)", "\(name).\(leaf)"], for: parameter)
        }
        if parts[0] == "fc" { return StoredParameter(["classifier.1.\(leaf)"], for: parameter) }
        let kind = parts[parts.count - 2] == "0" ? "convolution" : "normalization"
        if parts[0] == "stem" { return stored("embedder.embedder.\(kind)") }
        let (stage, index) = place(parts)
        let block = "encoder.stages.\(stage).layers.\(index)"
        if parts[3] == "proj" { return stored("\(block).shortcut.\(kind)") }
        if parts[4] == "se" { return stored("\(block).layer.2.attention.\(parts[5] == "fc1" ? 0 : 2)") }
        let position = parts[4] == "a" ? 0 : parts[4] == "b" ? 1 : isGated ? 3 : 2
        return stored("\(block).layer.\(position).\(kind)")
    }

    /// Of `block2-0`.
    private static func place(_ parts: [String]) -> (stage: Int, index: Int) {
        let numbers = parts[2].dropFirst("block".count).split(separator: "-").compactMap { Int($0) }
        return (numbers[0] - 1, numbers[1])
    }
}
