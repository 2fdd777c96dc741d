// GoogLeNet as published in 2014: true 5×5 branches, local response normalisation, no batch norm. Names, order, pooling and starts
// are those of Caffe's `bvlc_googlenet`.
package import Graphs
import Tensors

/// The network of 2014; its modules' table is `GoogLeNet.modules`.
package enum GoogLeNet2014 {
    /// Builds the network; its auxiliary heads on demand.
    package static func graph(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .xavier(bias: 0.2)
        var x = builder.input(height: inputSize, width: inputSize)
        x = builder.unit("conv1/7x7_s2", x, out: 64, kernel: 7, stride: 2)
        x = builder.halved("pool1/3x3_s2", x)
        x = builder.localResponseNorm("pool1/norm1", x)
        x = builder.unit("conv2/3x3_reduce", x, out: 64, kernel: 1)
        x = builder.unit("conv2/3x3", x, out: 192, kernel: 3)
        x = builder.localResponseNorm("conv2/norm2", x)
        x = builder.halved("pool2/3x3_s2", x)
        var auxiliary: [Value] = []
        for module in GoogLeNet.modules {
            x = builder.inception(module, x)
            switch module.name {
            case "3b": x = builder.halved("pool3/3x3_s2", x)
            case "4e": x = builder.halved("pool4/3x3_s2", x)
            case "4a" where options.auxiliary: auxiliary.append(builder.auxiliaryHead("loss1", x, options))
            case "4d" where options.auxiliary: auxiliary.append(builder.auxiliaryHead("loss2", x, options))
            default: break
            }
        }
        // Caffe's 7×7 average covers the whole image of 224 pixels; adaptive, it does so for others too.
        x = builder.adaptiveAveragePool("pool5/7x7_s1", x, to: 1)
        x = builder.flatten(x)
        x = builder.dropout("pool5/drop_7x7_s1", x, rate: options.dropout ?? 0.4)
        let logits = builder.xavierLinear("loss3/classifier", x, out: options.classes, bias: 0)
        return builder.finish(
            name: name, logits: logits, head: "loss3/classifier", auxiliaryLogits: auxiliary,
            auxiliaryWeight: GoogLeNet.auxiliaryWeight)
    }
}

extension GraphBuilder {
    /// Convolution with bias, ReLU.
    fileprivate mutating func unit(_ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1) -> Value {
        let y = convolution(name, x, out: out, kernel: kernel, stride: stride, padding: kernel / 2, bias: true)
        return relu(y)
    }

    fileprivate mutating func halved(_ name: String, _ x: Value) -> Value {
        maxPool(name, x, kernel: 3, stride: 2, roundsUp: true)
    }

    fileprivate mutating func inception(_ module: GoogLeNet.Module, _ x: Value) -> Value {
        let name = "inception_\(module.name)"
        let one = unit("\(name)/1x1", x, out: module.one, kernel: 1)
        var three = unit("\(name)/3x3_reduce", x, out: module.threeReduced, kernel: 1)
        three = unit("\(name)/3x3", three, out: module.three, kernel: 3)
        var five = unit("\(name)/5x5_reduce", x, out: module.fiveReduced, kernel: 1)
        five = unit("\(name)/5x5", five, out: module.five, kernel: 5)
        var pooled = maxPool("\(name)/pool", x, kernel: 3, stride: 1, padding: 1, roundsUp: true)
        pooled = unit("\(name)/pool_proj", pooled, out: module.poolProjected, kernel: 1)
        return concatenate("\(name)/output", [one, three, five, pooled])
    }

    fileprivate mutating func auxiliaryHead(_ name: String, _ x: Value, _ options: BuildOptions) -> Value {
        var y = averagePool("\(name)/ave_pool", x, kernel: 5, stride: 3, roundsUp: true)
        y = unit("\(name)/conv", y, out: 128, kernel: 1)
        y = flatten(y)
        y = relu(xavierLinear("\(name)/fc", y, out: 1024, bias: 0.2))
        y = dropout("\(name)/drop_fc", y, rate: options.dropout ?? 0.7)
        return xavierLinear("\(name)/classifier", y, out: options.classes, bias: 0)
    }

    fileprivate mutating func xavierLinear(_ name: String, _ x: Value, out: Int, bias: Float) -> Value {
        let bound = (3 / Float(x.shape.count)).squareRoot()
        return linear(name, x, out: out, weightStart: .uniform(bound: bound), biasStart: .constant(bias))
    }
}
