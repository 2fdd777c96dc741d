// RegNet: Radosavovic et al., Designing Network Design Spaces, 2020. Widths and depths are what the paper's rule (section 3.4) gives,
// as torchvision rounds it; names and details are torchvision's.
import Graphs
import Tensors

/// The RegNets: X of bottlenecks with grouped convolutions, Y with squeeze-excitation in them.
package enum RegNet {
    /// What distinguishes one RegNet from another.
    package struct Variant: Sendable {
        /// Blocks of each of the four stages, and their channels.
        let depths: [Int]
        let widths: [Int]
        /// Channels of a group; a stage that has fewer is one group.
        let groupWidth: Int
        let isGated: Bool
    }

    static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.unit("stem", input, out: 32, kernel: 3, stride: 2)
        x = builder.relu(x, name: "stem.2")
        for (stage, depth) in variant.depths.enumerated() {
            for index in 0..<depth {
                let width = variant.widths[stage]
                x = builder.block(
                    "trunk_output.block\(stage + 1).block\(stage + 1)-\(index)", x, width: width,
                    groups: width / min(width, variant.groupWidth), stride: index == 0 ? 2 : 1, isGated: variant.isGated)
            }
        }
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        if let rate = options.dropout, rate > 0 { x = builder.dropout("dropout", x, rate: rate) }
        let logits = builder.linear(
            "fc", x, out: options.classes, weightStart: .normal(deviation: 0.01), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "fc")
    }

    /// The network of these sizes, if there is one.
    static func name(depths: [Int], widths: [Int], groupWidth: Int, isGated: Bool) -> String? {
        rows.first {
            $0.variant.depths == depths && $0.variant.widths == widths && $0.variant.groupWidth == groupWidth
                && $0.variant.isGated == isGated
        }?.name
    }

    /// The sizes of the network of this name, if there is one.
    static func variant(named name: String) -> Variant? { rows.first { $0.name == name }?.variant }

    static let entries = rows.map { row in
        NetworkEntry(row.name, .regNet, .imageNet(), top1: row.top1, top5: row.top5, by: "torchvision, IMAGENET1K_V1") {
            name, options, inputSize in
            graph(name, row.variant, options, inputSize: inputSize)
        }
    }

    private static let rows = [
        x("400mf", [1, 2, 7, 12], [32, 64, 160, 400], 16, 72.834, 90.950),
        x("800mf", [1, 3, 7, 5], [64, 128, 288, 672], 16, 75.212, 92.348),
        x("1_6gf", [2, 4, 10, 2], [72, 168, 408, 912], 24, 77.040, 93.440),
        x("3_2gf", [2, 6, 15, 2], [96, 192, 432, 1008], 48, 78.364, 93.992),
        x("8gf", [2, 5, 15, 1], [80, 240, 720, 1920], 120, 79.344, 94.686),
        x("16gf", [2, 6, 13, 1], [256, 512, 896, 2048], 128, 80.058, 94.944),
        x("32gf", [2, 7, 13, 1], [336, 672, 1344, 2520], 168, 80.622, 95.248),
        y("400mf", [1, 3, 6, 6], [48, 104, 208, 440], 8, 74.046, 91.716),
        y("800mf", [1, 3, 8, 2], [64, 144, 320, 784], 16, 76.420, 93.136),
        y("1_6gf", [2, 6, 17, 2], [48, 120, 336, 888], 24, 77.950, 93.966),
        y("3_2gf", [2, 5, 13, 1], [72, 216, 576, 1512], 24, 78.948, 94.576),
        y("8gf", [2, 4, 10, 1], [224, 448, 896, 2016], 56, 80.032, 95.048),
        y("16gf", [2, 4, 11, 1], [224, 448, 1232, 3024], 112, 80.424, 95.240),
        y("32gf", [2, 5, 12, 1], [232, 696, 1392, 3712], 232, 80.878, 95.340),
    ]

    /// A network by name, with what its published weights reach.
    private struct Row: Sendable {
        let name: String
        let variant: Variant
        let top1, top5: Double
    }

    private static func x(
        _ size: String, _ depths: [Int], _ widths: [Int], _ groupWidth: Int, _ top1: Double, _ top5: Double
    ) -> Row {
        let variant = Variant(depths: depths, widths: widths, groupWidth: groupWidth, isGated: false)
        return Row(name: "regnet_x_\(size)", variant: variant, top1: top1, top5: top5)
    }

    private static func y(
        _ size: String, _ depths: [Int], _ widths: [Int], _ groupWidth: Int, _ top1: Double, _ top5: Double
    ) -> Row {
        let variant = Variant(depths: depths, widths: widths, groupWidth: groupWidth, isGated: true)
        return Row(name: "regnet_y_\(size)", variant: variant, top1: top1, top5: top5)
    }
}

extension GraphBuilder {
    /// Convolution and batch norm.
    fileprivate mutating func unit(
        _ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1
    ) -> Value {
        let y = convolution("\(name).0", x, out: out, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups)
        return batchNorm("\(name).1", y)
    }

    /// One residual bottleneck that does not narrow; its gate squeezes to a quarter of the block's input.
    fileprivate mutating func block(
        _ name: String, _ x: Value, width: Int, groups: Int, stride: Int, isGated: Bool
    ) -> Value {
        var y = relu(unit("\(name).f.a", x, out: width, kernel: 1), name: "\(name).f.a.2")
        y = relu(unit("\(name).f.b", y, out: width, kernel: 3, stride: stride, groups: groups), name: "\(name).f.b.2")
        if isGated {
            let quarter = (Double(x.channels) / 4).rounded(.toNearestOrEven)
            y = squeezeExcitation("\(name).f.se", y, squeezed: Int(quarter), inner: .relu)
        }
        y = unit("\(name).f.c", y, out: width, kernel: 1)
        var shortcut = x
        if stride != 1 || x.channels != width { shortcut = unit("\(name).proj", x, out: width, kernel: 1, stride: stride) }
        return relu(add("\(name).add", y, shortcut), name: "\(name).activation")
    }
}
