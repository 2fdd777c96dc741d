// MobileNetV2's layers under timm's names.
import Graphs

/// timm groups the blocks in stages.
enum MobileNetV2Names {
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
}
