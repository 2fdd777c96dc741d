// Binding of element-wise steps, copies, random layers and the loss.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindActivation(_ step: PlanStep, _ kind: Activation) -> BoundStep {
        let (elementwise, activation) = (elementwise, Activation?.some(kind))
        let (x, y, count) = (address(step.source), address(step.result), elementCount(step.source))
        return { elementwise.activate(x.activations($0), y.activations($0), count, activation) }
    }

    func bindAddition(_ step: PlanStep, _ kind: Activation?) -> BoundStep {
        let (elementwise, activation, count) = (elementwise, kind, elementCount(step.result))
        let (a, b, y) = (address(step.reads[0]), address(step.reads[1]), address(step.result))
        return { elementwise.add(a.activations($0), b.activations($0), y.activations($0), count, activation) }
    }

    func bindCombination(_ step: PlanStep, _ derivative: Activation?) -> BoundStep {
        let (elementwise, activation, count) = (elementwise, derivative, elementCount(step.result))
        let gradients = derivative == nil ? step.reads[...] : step.reads.dropLast()
        let (a, b) = (address(gradients[0]), gradients.count > 1 ? address(gradients[1]) : nil)
        let (kept, y) = (derivative == nil ? nil : address(step.reads[gradients.count]), address(step.result))
        return { frame in
            elementwise.combineGradients(
                a.activations(frame), b.map { $0.activations(frame) }, kept: kept.map { $0.activations(frame) },
                y.activations(frame), count, activation)
        }
    }

    func bindGate(_ step: PlanStep) -> BoundStep {
        let (elementwise, images, shape) = (elementwise, images, plan.values[step.source].shape)
        let (x, g, y) = (address(step.source), address(step.reads[1]), address(step.result))
        return { elementwise.gate(x($0), by: g($0), y($0), images: images, pixels: shape[0] * shape[1], channels: shape[2]) }
    }

    func bindGateGradient(_ step: PlanStep) -> BoundStep {
        let (elementwise, images, shape) = (elementwise, images, plan.values[step.source].shape)
        let (x, dy, dg) = (address(step.source), address(step.reads[1]), address(step.result))
        return {
            elementwise.gateBackward(dy($0), x($0), dg($0), images: images, pixels: shape[0] * shape[1], channels: shape[2])
        }
    }

    func bindConversion(_ step: PlanStep) -> BoundStep {
        let elementwise = elementwise
        let (x, y, count) = (address(step.source), address(step.result), elementCount(step.source))
        return { elementwise.convert(x.activations($0), y.activations($0), count) }
    }

    func bindTranspose(_ step: PlanStep, _ toChannelsFirst: Bool) -> BoundStep {
        let (elementwise, images) = (elementwise, images)
        let image = plan.values[toChannelsFirst ? step.source : step.result].shape
        let (x, y) = (address(step.source), address(step.result))
        return {
            elementwise.transpose(
                x($0), y($0), images: images, pixels: image[0] * image[1], channels: image[2], toChannelsFirst: toChannelsFirst)
        }
    }

    func bindConcatenation(_ step: PlanStep) -> BoundStep {
        let (elementwise, shape) = (elementwise, plan.values[step.result].shape)
        let (y, rows) = (address(step.result), images * shape[0] * shape[1])
        var firstChannel = 0
        let parts = step.reads.map { source in
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

    func bindSlice(_ step: PlanStep, _ firstChannel: Int) -> BoundStep {
        let (elementwise, from, to) = (elementwise, plan.values[step.source].shape, plan.values[step.result].shape)
        let (x, y, rows) = (address(step.source), address(step.result), images * from[0] * from[1])
        return {
            elementwise.copyColumns(
                x.activations($0), from: firstChannel, of: from[2], y.activations($0), to: 0, of: to[2], width: to[2], rows: rows)
        }
    }

    func bindSliceGradient(_ step: PlanStep, _ firstChannel: Int) -> BoundStep {
        let (elementwise, from, to) = (elementwise, plan.values[step.source].shape, plan.values[step.result].shape)
        let (dy, dx, rows) = (address(step.source), address(step.result), images * from[0] * from[1])
        return {
            dx.activations($0).clear(rows * to[2])
            elementwise.copyColumns(
                dy.activations($0), from: 0, of: from[2], dx.activations($0), to: firstChannel, of: to[2], width: from[2],
                rows: rows)
        }
    }

    func bindShuffle(_ step: PlanStep, _ groups: Int) -> BoundStep {
        let (elementwise, shape) = (elementwise, plan.values[step.source].shape)
        let (x, y, rows) = (address(step.source), address(step.result), images * shape[0] * shape[1])
        return {
            elementwise.shuffleColumns(x.activations($0), y.activations($0), groups: groups, columns: shape[2], rows: rows)
        }
    }

    /// The mask of an image depends on (seed, epoch, sample, layer) alone, so that backward draws the same again.
    func bindDropout(_ step: PlanStep, _ rate: Float, _ layer: Int, _ wholeImages: Bool) -> BoundStep {
        let (elementwise, images, count) = (elementwise, images, plan.values[step.source].shape.count)
        let (x, y, workers) = (address(step.source), address(step.result), resources.workers)
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

    func bindLoss(_ step: PlanStep, _ weight: Float, _ isMain: Bool) -> BoundStep {
        let (scores, slope, capacity) = (address(step.source), address(step.result), images)
        let classes = plan.values[step.source].shape.count
        return { frame in
            let (input, imageWeight) = (frame.input, frame.input.imageWeight * weight)
            let result: PassResult
            switch input.loss {
            case .crossEntropy:
                guard let labels = input.labels else { preconditionFailure("a training step needs labels") }
                result = SoftmaxCrossEntropy(classes: classes).forward(
                    logits: scores(frame), labels: labels, count: input.count, capacity: capacity,
                    smoothing: input.labelSmoothing, weight: imageWeight, targets: input.targets,
                    classWeights: input.classWeights, focal: input.focal, gradient: slope(frame))
            case .binaryCrossEntropy:
                guard let targets = input.targets else { preconditionFailure("a training step needs targets") }
                result = BinaryCrossEntropy(classes: classes).forward(
                    logits: scores(frame), targets: targets, count: input.count, capacity: capacity, weight: imageWeight,
                    classWeights: input.classWeights, gradient: slope(frame))
            }
            frame.result.lossSum += Double(weight) * result.lossSum
            if isMain { frame.result.correct += result.correct }
        }
    }
}
