// How timm counts the inverted residuals of MobileNets, which torchvision numbers through.

/// The blocks `features.1`, `features.2`, … as timm has them in stages.
struct TimmStages {
    /// The first block of each stage.
    let starts: [Int]

    /// `blocks.STAGE.INDEX` of torchvision's block of a number.
    func block(_ number: Int) -> String {
        let stage = starts.lastIndex { $0 <= number } ?? 0
        return "blocks.\(stage).\(number - starts[stage])"
    }

    /// The convolution, or the norm behind it, at a position of a block, gates not counted: expand, filter, project. The first block does
    /// not expand.
    func layer(_ position: Int, ofBlock number: Int, isNorm: Bool) -> String {
        isNorm ? "bn\(position + 1)" : Self.convolutions(ofBlock: number)[position]
    }

    static func convolutions(ofBlock number: Int) -> [String] {
        number > 1 ? ["conv_pw", "conv_dw", "conv_pwl"] : ["conv_dw", "conv_pw"]
    }
}
