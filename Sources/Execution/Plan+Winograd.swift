// Which convolutions of a plan go through Winograd's algorithm, and by what tiles.
import Graphs
import Kernels
import Tensors

extension Plan {
    /// The tiles of a convolution's pass; nil where oneDNN does it directly. `source` and `destination` are the values on both sides, or
    /// their gradients.
    func winogradTile(
        _ pass: WinogradConvolution.Pass, _ step: WindowStep, source: Int, destination: Int, region: Region
    ) -> WinogradConvolution.Tile? {
        // Float32 products gain nothing over direct gradients of weights in bfloat16.
        guard pass != .backwardWeights || values[source].type == .float32 else { return nil }
        return largestTile(pass, region).flatMap { largest in
            WinogradConvolution.tile(
                WindowGeometry(step, images: 1), source: values[source].type, destination: values[destination].type,
                largest: largest)
        }
    }

    /// The same for any step: nil too for what is no convolution.
    func winogradTile(_ step: PlanStep) -> WinogradConvolution.Tile? {
        switch step.action {
        case .convolution(let window, _, let source, let destination, _):
            winogradTile(.forward, window, source: source, destination: destination, region: step.region)
        case .convolutionBackwardData(let window, _, let gradient, let sourceGradient):
            winogradTile(.backwardData, window, source: sourceGradient, destination: gradient, region: step.region)
        case .convolutionBackwardWeights(let window, _, let source, let gradient):
            winogradTile(.backwardWeights, window, source: source, destination: gradient, region: step.region)
        default: nil
        }
    }

    /// The largest tiles that leave results as close to direct convolutions' as they need to be; nil where none does.
    private func largestTile(_ pass: WinogradConvolution.Pass, _ region: Region) -> WinogradConvolution.Tile? {
        switch winograd {
        case .off: nil
        case .all: .large
        case .auto:
            switch pass {
            // Forward through trained layers the last digit decides, now and then, on which side of zero a value falls or which of a window is
            // the largest, and with it where a gradient goes: those of deep networks without batch norm differed by some thousandths.
            case .forward: exit == .loss && region == .suffix ? nil : .large
            case .backwardData: .large
            // Optimisers that divide by a gradient's magnitude, as AdamW does, make as much of the smallest as of the largest.
            case .backwardWeights: .small
            }
        }
    }
}

extension WindowGeometry {
    init(_ step: WindowStep, images: Int) {
        self.init(
            images: images, source: step.source, destination: step.destination, kernelHeight: step.window.height,
            kernelWidth: step.window.width, stride: step.window.stride, padTop: step.window.padding.top,
            padLeft: step.window.padding.left, groups: step.groups)
    }
}
