// GoogLeNet: Szegedy et al., Going Deeper with Convolutions, 2014. torchvision's, with its quirks; the network as published is in
// GoogLeNet2014.swift.
package import Graphs
import Tensors

/// torchvision's GoogLeNet, and the table that both networks share.
package enum GoogLeNet {
    /// One inception module: four branches side by side.
    struct Module: Sendable {
        /// Stage and letter, as in `3a`.
        let name: String
        let one: Int
        let threeReduced: Int
        let three: Int
        let fiveReduced: Int
        let five: Int
        let poolProjected: Int
    }

    /// The paper's table 1.
    static let modules = [
        Module(name: "3a", one: 64, threeReduced: 96, three: 128, fiveReduced: 16, five: 32, poolProjected: 32),
        Module(name: "3b", one: 128, threeReduced: 128, three: 192, fiveReduced: 32, five: 96, poolProjected: 64),
        Module(name: "4a", one: 192, threeReduced: 96, three: 208, fiveReduced: 16, five: 48, poolProjected: 64),
        Module(name: "4b", one: 160, threeReduced: 112, three: 224, fiveReduced: 24, five: 64, poolProjected: 64),
        Module(name: "4c", one: 128, threeReduced: 128, three: 256, fiveReduced: 24, five: 64, poolProjected: 64),
        Module(name: "4d", one: 112, threeReduced: 144, three: 288, fiveReduced: 32, five: 64, poolProjected: 64),
        Module(name: "4e", one: 256, threeReduced: 160, three: 320, fiveReduced: 32, five: 128, poolProjected: 128),
        Module(name: "5a", one: 256, threeReduced: 160, three: 320, fiveReduced: 32, five: 128, poolProjected: 128),
        Module(name: "5b", one: 384, threeReduced: 192, three: 384, fiveReduced: 48, five: 128, poolProjected: 128),
    ]

    /// Weight of each auxiliary head in the loss, by the paper.
    static let auxiliaryWeight: Float = 0.3

    /// torchvision's initialisation: normal, deviation 0.01 (cut at ±2, which is 200 deviations, so not at all).
    fileprivate static let start = Initialization.normal(deviation: 0.01)

    /// torchvision's: batch norm (epsilon 0.001) instead of local response norm, 3×3 in the branch of the 5×5, `maxpool4` of 2×2.
    /// Auxiliary heads are built on demand.
    package static func graph(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .normal(deviation: 0.01, bias: 0)
        var x = builder.input(height: inputSize, width: inputSize)
        x = builder.unit("conv1", x, out: 64, kernel: 7, stride: 2)
        x = builder.maxPool("maxpool1", x, kernel: 3, stride: 2, roundsUp: true)
        x = builder.unit("conv2", x, out: 64, kernel: 1)
        x = builder.unit("conv3", x, out: 192, kernel: 3)
        x = builder.maxPool("maxpool2", x, kernel: 3, stride: 2, roundsUp: true)
        var auxiliary: [Value] = []
        for module in modules {
            x = builder.inception(module, x)
            switch module.name {
            case "3b": x = builder.maxPool("maxpool3", x, kernel: 3, stride: 2, roundsUp: true)
            case "4e": x = builder.maxPool("maxpool4", x, kernel: 2, stride: 2, roundsUp: true)
            case "4a" where options.auxiliary: auxiliary.append(builder.auxiliaryHead("aux1", x, options))
            case "4d" where options.auxiliary: auxiliary.append(builder.auxiliaryHead("aux2", x, options))
            default: break
            }
        }
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        x = builder.dropout("dropout", x, rate: options.dropout ?? 0.2)
        let logits = builder.linear("fc", x, out: options.classes, weightStart: start)
        return builder.finish(
            name: name, logits: logits, head: "fc", auxiliaryLogits: auxiliary, auxiliaryWeight: auxiliaryWeight)
    }

    /// Published weights expect `transform_input`, which maps ImageNet's normalisation to −1…1: the same as 127.5 and 127.5.
    static let entries = [
        NetworkEntry(
            "googlenet", .googLeNet, Preprocessing.imageNet().withInceptionRange(), top1: 69.778, top5: 89.530,
            by: "torchvision, IMAGENET1K_V1", makeGraph: graph),
        NetworkEntry(
            "googlenet_2014", .googLeNet2014, .caffe(crop: 224), top1: 68.7, top5: 88.9, by: "Caffe, bvlc_googlenet",
            makeGraph: GoogLeNet2014.graph),
    ]
}

extension GraphBuilder {
    /// Convolution, batch norm, ReLU.
    fileprivate mutating func unit(_ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1) -> Value {
        let y = convolution("\(name).conv", x, out: out, kernel: kernel, stride: stride, padding: kernel / 2)
        return relu(batchNorm("\(name).bn", y, epsilon: 1e-3), name: "\(name).relu")
    }

    fileprivate mutating func inception(_ module: GoogLeNet.Module, _ x: Value) -> Value {
        let name = "inception\(module.name)"
        let one = unit("\(name).branch1", x, out: module.one, kernel: 1)
        var three = unit("\(name).branch2.0", x, out: module.threeReduced, kernel: 1)
        three = unit("\(name).branch2.1", three, out: module.three, kernel: 3)
        var five = unit("\(name).branch3.0", x, out: module.fiveReduced, kernel: 1)
        // 3×3, not 5×5: torchvision issue 906. The published weights have it so.
        five = unit("\(name).branch3.1", five, out: module.five, kernel: 3)
        var pooled = maxPool("\(name).branch4.0", x, kernel: 3, stride: 1, padding: 1, roundsUp: true)
        pooled = unit("\(name).branch4.1", pooled, out: module.poolProjected, kernel: 1)
        return concatenate(name, [one, three, five, pooled])
    }

    fileprivate mutating func auxiliaryHead(_ name: String, _ x: Value, _ options: BuildOptions) -> Value {
        var y = adaptiveAveragePool("\(name).avgpool", x, to: 4)
        y = unit("\(name).conv", y, out: 128, kernel: 1)
        y = flatten(y)
        y = linear("\(name).fc1", y, out: 1024, weightStart: GoogLeNet.start)
        y = relu(y, name: "\(name).relu")
        y = dropout("\(name).dropout", y, rate: options.dropout ?? 0.7)
        return linear("\(name).fc2", y, out: options.classes, weightStart: GoogLeNet.start)
    }
}
