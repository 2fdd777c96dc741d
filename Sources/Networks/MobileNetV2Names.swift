// MobileNetV2's layers under timm's names.
import Graphs

/// timm groups the blocks in stages.
enum MobileNetV2Names {
    /// The first block of each of timm's stages.
    private static let starts = [1, 2, 4, 7, 11, 14, 17]

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
        let stage = (starts.lastIndex { $0 <= number }) ?? 0
        let block = "blocks.\(stage).\(number - starts[stage])"
        // The first block does not expand; a block's last convolution and norm are members of their own.
        let (names, member) = (number > 1 ? ["conv_pw", "conv_dw", "conv_pwl"] : ["conv_dw", "conv_pw"], Int(parts[3]) ?? 0)
        let last = names.count - 1
        let (position, isNorm) = member < last ? (member, parts[4] == "1") : (last, member > last)
        return stored("\(block).\(isNorm ? "bn\(position + 1)" : names[position])")
    }
}
