// Inception v3: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016. Names and details are torchvision's.
package import Graphs
import Tensors

/// Inception v3.
package enum InceptionV3 {
    /// Weight of the auxiliary head in the loss, as in the authors' own training.
    private static let auxiliaryWeight: Float = 0.4

    package static func graph(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .normal(deviation: 0.1, bias: 0)
        var x = builder.input(height: inputSize, width: inputSize)
        x = builder.unit("Conv2d_1a_3x3", x, out: 32, 3, stride: 2)
        x = builder.unit("Conv2d_2a_3x3", x, out: 32, 3)
        x = builder.unit("Conv2d_2b_3x3", x, out: 64, 3, padding: 1)
        x = builder.maxPool("maxpool1", x, kernel: 3, stride: 2)
        x = builder.unit("Conv2d_3b_1x1", x, out: 80, 1)
        x = builder.unit("Conv2d_4a_3x3", x, out: 192, 3)
        x = builder.maxPool("maxpool2", x, kernel: 3, stride: 2)
        for (letter, pooled) in [("b", 32), ("c", 64), ("d", 64)] { x = builder.fives("Mixed_5\(letter)", x, pooled: pooled) }
        x = builder.firstReduction("Mixed_6a", x)
        for (letter, narrow) in [("b", 128), ("c", 160), ("d", 160), ("e", 192)] {
            x = builder.sevens("Mixed_6\(letter)", x, narrow: narrow)
        }
        let auxiliary = options.auxiliary ? [builder.auxiliaryHead("AuxLogits", x, options)] : []
        x = builder.secondReduction("Mixed_7a", x)
        for letter in ["b", "c"] { x = builder.fans("Mixed_7\(letter)", x) }
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        x = builder.dropout("dropout", x, rate: options.dropout ?? 0.5)
        let logits = builder.linear("fc", x, out: options.classes, weightStart: .normal(deviation: 0.1))
        return builder.finish(
            name: name, logits: logits, head: "fc", auxiliaryLogits: auxiliary, auxiliaryWeight: auxiliaryWeight)
    }

    /// As GoogLeNet's, published weights expect `transform_input`: the same as 127.5 and 127.5.
    static let entries = [
        NetworkEntry(
            "inception_v3", .inceptionV3, Preprocessing.imageNet(resize: 342, crop: 299).withInceptionRange(), top1: 77.294,
            top5: 93.450, by: "torchvision, IMAGENET1K_V1", makeGraph: graph)
    ]
}

/// A name's last part and a number of channels: one convolution of a branch.
private typealias Link = (name: String, out: Int, kernel: (Int, Int))

extension GraphBuilder {
    /// Convolution, batch norm, ReLU.
    fileprivate mutating func unit(_ name: String, _ x: Value, out: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0)
        -> Value
    {
        unit(
            name, x, out: out,
            SlidingWindow(height: kernel, width: kernel, stride: stride, padding: Padding(padding)))
    }

    private mutating func unit(_ name: String, _ x: Value, out: Int, _ window: SlidingWindow) -> Value {
        let y = convolution("\(name).conv", x, out: out, window: window)
        return relu(batchNorm("\(name).bn", y, epsilon: 1e-3), name: "\(name).relu")
    }

    /// Convolutions one after the other that keep the image's size.
    private mutating func branch(_ name: String, _ x: Value, _ links: [Link]) -> Value {
        links.reduce(x) { x, link in
            let (height, width) = link.kernel
            let padding = Padding(top: height / 2, left: width / 2, bottom: height / 2, right: width / 2)
            return unit(
                "\(name).\(link.name)", x, out: link.out,
                SlidingWindow(height: height, width: width, stride: 1, padding: padding))
        }
    }

    private mutating func pooledBranch(_ name: String, _ x: Value, out: Int) -> Value {
        let y = averagePool("\(name).avg_pool", x, kernel: 3, stride: 1, padding: 1)
        return unit("\(name).branch_pool", y, out: out, 1)
    }

    /// The paper's figure 5.
    fileprivate mutating func fives(_ name: String, _ x: Value, pooled: Int) -> Value {
        let one = branch(name, x, [("branch1x1", 64, (1, 1))])
        let five = branch(name, x, [("branch5x5_1", 48, (1, 1)), ("branch5x5_2", 64, (5, 5))])
        let double = branch(
            name, x, [("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)), ("branch3x3dbl_3", 96, (3, 3))])
        return concatenate(name, [one, five, double, pooledBranch(name, x, out: pooled)])
    }

    fileprivate mutating func firstReduction(_ name: String, _ x: Value) -> Value {
        let three = unit("\(name).branch3x3", x, out: 384, 3, stride: 2)
        var double = branch(name, x, [("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3))])
        double = unit("\(name).branch3x3dbl_3", double, out: 96, 3, stride: 2)
        return concatenate(name, [three, double, maxPool("\(name).max_pool", x, kernel: 3, stride: 2)])
    }

    /// The paper's figure 6 with n = 7.
    fileprivate mutating func sevens(_ name: String, _ x: Value, narrow: Int) -> Value {
        let one = branch(name, x, [("branch1x1", 192, (1, 1))])
        let seven = branch(
            name, x, [("branch7x7_1", narrow, (1, 1)), ("branch7x7_2", narrow, (1, 7)), ("branch7x7_3", 192, (7, 1))])
        let double = branch(
            name, x,
            [
                ("branch7x7dbl_1", narrow, (1, 1)), ("branch7x7dbl_2", narrow, (7, 1)), ("branch7x7dbl_3", narrow, (1, 7)),
                ("branch7x7dbl_4", narrow, (7, 1)), ("branch7x7dbl_5", 192, (1, 7)),
            ])
        return concatenate(name, [one, seven, double, pooledBranch(name, x, out: 192)])
    }

    fileprivate mutating func secondReduction(_ name: String, _ x: Value) -> Value {
        var three = branch(name, x, [("branch3x3_1", 192, (1, 1))])
        three = unit("\(name).branch3x3_2", three, out: 320, 3, stride: 2)
        var seven = branch(
            name, x, [("branch7x7x3_1", 192, (1, 1)), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1))])
        seven = unit("\(name).branch7x7x3_4", seven, out: 192, 3, stride: 2)
        return concatenate(name, [three, seven, maxPool("\(name).max_pool", x, kernel: 3, stride: 2)])
    }

    /// The paper's figure 7: branches that fan out.
    fileprivate mutating func fans(_ name: String, _ x: Value) -> Value {
        let one = branch(name, x, [("branch1x1", 320, (1, 1))])
        let three = branch(name, x, [("branch3x3_1", 384, (1, 1))])
        let threes = [("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1))].map { branch(name, three, [$0]) }
        let double = branch(name, x, [("branch3x3dbl_1", 448, (1, 1)), ("branch3x3dbl_2", 384, (3, 3))])
        let doubles = [("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))].map { branch(name, double, [$0]) }
        return concatenate(name, [one] + threes + doubles + [pooledBranch(name, x, out: 192)])
    }

    fileprivate mutating func auxiliaryHead(_ name: String, _ x: Value, _ options: BuildOptions) -> Value {
        var y = averagePool("\(name).avg_pool", x, kernel: 5, stride: 3)
        y = unit("\(name).conv0", y, out: 128, 1)
        convolutionInitialization = .normal(deviation: 0.01, bias: 0)
        y = unit("\(name).conv1", y, out: 768, 5)
        convolutionInitialization = .normal(deviation: 0.1, bias: 0)
        y = flatten(adaptiveAveragePool("\(name).pool", y, to: 1))
        return linear("\(name).fc", y, out: options.classes, weightStart: .normal(deviation: 0.001))
    }
}
