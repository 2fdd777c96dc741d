// Binding of element-wise steps, copies, random layers and the loss.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindElementwise(_ action: Action) -> PreparedStep {
        let (elementwise, images) = (elementwise, images)
        switch action {
        case .activation(let kind, let source, let destination):
            let (x, y, count) = (address(source), address(destination), elementCount(source))
            return { elementwise.activate(x.activations($0), y.activations($0), count, ActivationKind?.some(kind).fused) }
        case .add(let first, let second, let destination, let kind):
            let (a, b, y, count) = (address(first), address(second), address(destination), elementCount(first))
            return { elementwise.add(a.activations($0), b.activations($0), y.activations($0), count, kind.fused) }
        case .combineGradients(let first, let second, let kept, let kind, let destination):
            let (a, b, y) = (address(first), second.map { address($0) }, address(destination))
            let (remembered, count) = (kept.map { address($0) }, elementCount(first))
            return { frame in
                elementwise.combineGradients(
                    a.activations(frame), b.map { $0.activations(frame) }, kept: remembered.map { $0.activations(frame) },
                    y.activations(frame), count, kind.fused)
            }
        case .gate(let source, let gate, let destination):
            let (x, g, y, shape) = (address(source), address(gate), address(destination), plan.values[source].shape)
            return { elementwise.gate(x($0), by: g($0), y($0), images: images, pixels: shape[0] * shape[1], channels: shape[2]) }
        case .gateBackward(let gradient, let source, let gateGradient):
            let (dy, x, dg, shape) = (address(gradient), address(source), address(gateGradient), plan.values[source].shape)
            return {
                elementwise.gateBackward(dy($0), x($0), dg($0), images: images, pixels: shape[0] * shape[1], channels: shape[2])
            }
        case .convert(let source, let destination):
            let (x, y, count) = (address(source), address(destination), elementCount(source))
            return { elementwise.convert(x.activations($0), y.activations($0), count) }
        case .transpose(let source, let destination, let toChannelsFirst):
            return bindTranspose(source, destination, toChannelsFirst)
        case .concatenate(let sources, let destination): return bindConcatenation(sources, destination)
        case .slice(let source, let firstChannel, let destination):
            let (from, to) = (plan.values[source].shape, plan.values[destination].shape)
            let (x, y, rows) = (address(source), address(destination), images * from[0] * from[1])
            return {
                elementwise.copyColumns(
                    x.activations($0), from: firstChannel, of: from[2], y.activations($0), to: 0, of: to[2], width: to[2],
                    rows: rows)
            }
        case .dropout(let rate, let layer, let wholeImages, let source, let destination):
            return bindDropout(rate, layer, wholeImages, source, destination)
        case .loss(let logits, let gradient, let weight, let isMain): return bindLoss(logits, gradient, weight, isMain)
        default: preconditionFailure("not element-wise")
        }
    }

    private func bindTranspose(_ source: Int, _ destination: Int, _ toChannelsFirst: Bool) -> PreparedStep {
        let (elementwise, images) = (elementwise, images)
        let image = plan.values[toChannelsFirst ? source : destination].shape
        let (x, y) = (address(source), address(destination))
        return {
            elementwise.transpose(
                x($0), y($0), images: images, pixels: image[0] * image[1], channels: image[2], toChannelsFirst: toChannelsFirst)
        }
    }

    private func bindConcatenation(_ sources: [Int], _ destination: Int) -> PreparedStep {
        let (elementwise, shape) = (elementwise, plan.values[destination].shape)
        let (y, rows) = (address(destination), images * shape[0] * shape[1])
        var firstChannel = 0
        let parts = sources.map { source in
            let (start, width) = (firstChannel, plan.values[source].shape[2])
            firstChannel += width
            return (address(source), start, width)
        }
        return { frame in
            for (x, start, width) in parts {
                elementwise.copyColumns(
                    x.activations(frame), from: 0, of: width, y.activations(frame), to: start, of: shape[2], width: width,
                    rows: rows)
            }
        }
    }

    /// The mask of an image depends on (seed, epoch, sample, layer) alone, so that backward draws the same again.
    private func bindDropout(_ rate: Float, _ layer: Int, _ wholeImages: Bool, _ source: Int, _ destination: Int) -> PreparedStep
    {
        let (elementwise, images, count) = (elementwise, images, plan.values[source].shape.count)
        let (x, y, workers) = (address(source), address(destination), resources.workers)
        return { frame in
            let (from, to, input) = (x(frame), y(frame), frame.input)
            workers.run(images) { range in
                for image in range {
                    let sample = image < input.count ? input.sampleIndices?[image] ?? image : 0
                    var random = CounterRandom(
                        seed: input.seed &+ UInt64(layer) &* 0x9E37_79B9_7F4A_7C15, epoch: input.epoch, index: sample,
                        purpose: wholeImages ? .stochasticDepth : .dropout)
                    let start = image * count
                    if wholeImages {
                        elementwise.scale(from + start, to + start, count, by: random.uniform() >= rate ? 1 / (1 - rate) : 0)
                    } else {
                        elementwise.dropout(from + start, to + start, count, key: random.next(), rate: rate)
                    }
                }
            }
        }
    }

    private func bindLoss(_ logits: Int, _ gradient: Int, _ weight: Float, _ isMain: Bool) -> PreparedStep {
        let (scores, slope, capacity) = (address(logits), address(gradient), images)
        let loss = SoftmaxCrossEntropy(classes: plan.values[logits].shape[0])
        return { frame in
            let input = frame.input
            guard let labels = input.labels else { preconditionFailure("a training step needs labels") }
            let sums = loss.forward(
                logits: scores(frame), labels: labels, count: input.count, capacity: capacity, smoothing: input.labelSmoothing,
                weight: input.imageWeight * weight, gradient: slope(frame))
            frame.sums.loss += Double(weight) * sums.loss
            if isMain { frame.sums.correct += sums.correct }
        }
    }
}
