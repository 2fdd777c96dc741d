// Pass: which kernel does each step.
import Graphs
import Kernels
import Tensors

/// Writes the choice into every step. It depends on the operation, the element types and the request, and on nothing measured: all
/// ranks choose alike.
func chooseKernels(_ steps: inout [PlanStep], _ values: [PlanValue], _ request: PlanRequest) {
    for index in steps.indices { steps[index].kernel = kernel(of: steps[index], values, request) }
}

private func kernel(of step: PlanStep, _ values: [PlanValue], _ request: PlanRequest) -> KernelChoice {
    switch step.operation {
    case .convolution(let layer, _): convolution(.forward, layer, step, source: step.reads[0], step.writes[0], values, request)
    case .convolutionInputGradient(let layer):
        convolution(.backwardData, layer, step, source: step.writes[0], step.reads[0], values, request)
    case .convolutionWeightGradient(let layer):
        convolution(.backwardWeights, layer, step, source: step.reads[0], step.reads[1], values, request)
    case .pool(let place, let method), .poolGradient(let place, let method): pooling(place, method, step, values, request)
    case .responseNorm, .responseNormGradient: .direct
    case .norm, .normGradient, .layerNorm, .layerNormGradient, .layerScale, .layerScaleInputGradient, .layerScaleGradient,
        .activation, .add, .combineGradients, .gate, .gateGradient, .concatenate, .slice, .sliceGradient, .shuffle,
        .adaptiveAverage,
        .adaptiveAverageGradient, .convert, .transpose, .dropout, .loss:
        .loops
    }
}

/// Forward and its gradient alike, since the one reads what the other has kept. A plan that does not optimize takes oneDNN's.
private func pooling(
    _ place: PlacedWindow, _ method: PoolingMethod, _ step: PlanStep, _ values: [PlanValue], _ request: PlanRequest
) -> KernelChoice {
    let covers = MaxPool.covers(WindowGeometry(place, images: 1), method, values[step.reads[0]].type)
    return request.optimizes && covers ? .loops : .direct
}

/// `source` and `destination` are the values on both sides of the convolution, or their gradients.
private func convolution(
    _ pass: WinogradConvolution.Pass, _ layer: ConvolutionLayer, _ step: PlanStep, source: Int, _ destination: Int,
    _ values: [PlanValue], _ request: PlanRequest
) -> KernelChoice {
    let (from, to) = (values[source].type, values[destination].type)
    if layer.isDepthwise { return .depthwise }
    if from.isQuantized { return .bytes }
    if let tile = winogradTile(pass, layer, step, source: from, destination: to, request) { return .winograd(tile) }
    if layer.isLinear { return multipliesPlainWeights(pass, layer, step, from, to, request) ? .matrixProduct : .packedLinear }
    if isOwnLoop(pass, layer, from, to, request) { return .lanes }
    if pass == .backwardWeights, isMatrixProduct(layer, source: from, destination: to, request) { return .matrixProduct }
    return .direct
}

/// The tiles of a convolution's pass; nil where oneDNN does it directly.
private func winogradTile(
    _ pass: WinogradConvolution.Pass, _ layer: ConvolutionLayer, _ step: PlanStep, source: ElementType, destination: ElementType,
    _ request: PlanRequest
) -> WinogradConvolution.Tile? {
    // Float32 products gain nothing over direct gradients of weights in bfloat16; and a bias may train alone.
    guard pass != .backwardWeights || source == .float32 && step.completes.contains(layer.weights.weight) else { return nil }
    return largestTile(pass, request).flatMap { largest in
        WinogradConvolution.tile(
            WindowGeometry(layer.place, groups: layer.groups, images: 1), source: source, destination: destination,
            largest: largest)
    }
}

/// The largest tiles that leave results as close to direct convolutions' as they need to be; nil where none does.
private func largestTile(
    _ pass: WinogradConvolution.Pass, _ request: PlanRequest
) -> WinogradConvolution.Tile? {
    switch request.optimizes ? request.winograd : .off {
    case .off: nil
    case .all: .large
    // Adaptive optimizers make as much of the smallest gradients as of the largest.
    case .auto: pass == .backwardWeights && request.isOptimizerAdaptive ? .small : .large
    }
}

/// Whether a linear layer multiplies plain weights. While they are trained they change with every step, and packing moves as many bytes
/// as multiplying a batch. To infer they are packed all the same: a product's last digits may depend on how many images there are
/// (oneDNN 2.6.3's for AVX2 do), those of convolutions over them do not, so that any number of ranks evaluates alike.
private func multipliesPlainWeights(
    _ pass: WinogradConvolution.Pass, _ layer: ConvolutionLayer, _ step: PlanStep, _ from: ElementType, _ to: ElementType,
    _ request: PlanRequest
) -> Bool {
    guard from == .float32, to == .float32, layer.weights.norm == nil else { return false }
    let isTrained = request.trainability.isTrained[layer.weights.weight]
    switch pass {
    case .backwardWeights: return true
    case .backwardData: return isTrained
    case .forward:
        // Products have no epilogue.
        guard case .convolution(_, nil) = step.operation, step.residual == nil else { return false }
        return !request.optimizes || isTrained && request.isTraining
    }
}

/// Whether our own loops do it: over float32, which processors without faster numbers have, forward and back to the source
/// (`graft bench --suite plan`, one thread of a Zen 4: an EfficientNet-B0's 1×1 at 83 GFLOP/s against oneDNN's 76 with AVX-512, its
/// gradients of sources 14 % faster at both levels). Gradients of weights want their pixels packed first, which oneDNN does better. A plan
/// that does not optimize takes oneDNN's, so that the two can be compared.
private func isOwnLoop(
    _ pass: WinogradConvolution.Pass, _ layer: ConvolutionLayer, _ from: ElementType, _ to: ElementType, _ request: PlanRequest
) -> Bool {
    guard request.optimizes, pass != .backwardWeights, from == .float32, to == .float32 else { return false }
    return LaneConvolution.isFaster(
        pass == .forward ? .forward : .backwardData, WindowGeometry(layer.place, groups: layer.groups, images: 1))
}

/// Whether a weight gradient is better had as one product of matrices: of a pointwise convolution with enough weights to share out
/// among the threads, which divide the result, not the sum over pixels. `graft bench --suite kernels` with everything trained, one
/// thread: on ResNet-50's from 256 to 1,024 channels 252 GFLOP/s against 201. In bfloat16 only wide layers gain.
private func isMatrixProduct(
    _ layer: ConvolutionLayer, source: ElementType, destination: ElementType, _ request: PlanRequest
) -> Bool {
    guard layer.isPointwise, layer.weights.bias == nil, destination == source else { return false }
    let tiles = layer.place.source[2] * layer.place.destination[2] / 4096
    return tiles >= max(source == .bfloat16 ? 64 : 4, 4 * request.threads)
}
