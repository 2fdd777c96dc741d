// One optimizer over the flat arrays of trained parameters and gradients: its state has the same layout, so a checkpoint
// of it is one tensor for each state array.
private import CVectorLoops
private import Foundation
private import Tensors

/// Updates flat parameters from flat gradients; owns the momentum or the moments.
package final class Optimizer {
    package let kind: OptimizerKind
    /// The settings of every slice, in order, together covering all parameters.
    package private(set) var groups: [ParameterGroup]
    /// The same before equal neighbours were joined.
    private let slices: [ParameterGroup]
    /// The number of parameters.
    package let count: Int
    private let buffers: [AlignedBuffer]

    /// Makes an optimizer that has seen nothing yet. `groups` must cover `0..<count` in ascending order without gaps.
    package init(kind: OptimizerKind, groups: [ParameterGroup], count: Int) {
        var end = 0
        for group in groups {
            precondition(group.range.lowerBound == end, "parameter groups must follow one another without gaps")
            end = group.range.upperBound
        }
        precondition(end == count, "parameter groups must cover all \(count) parameters, they end at \(end)")
        self.kind = kind
        slices = groups
        self.groups = ParameterGroup.merged(groups)
        self.count = count
        buffers = kind.stateNames.map { _ in AlignedBuffer(floatCount: count) }
        if case .rmsProp(_, _, _, asTensorFlow: true) = kind { buffers[0].floats.update(repeating: 1) }
    }

    /// The state arrays, each of `count` numbers in the layout of the parameters; valid as long as the optimizer lives.
    /// A checkpoint saves them, and a resumed run writes the saved numbers back.
    package var states: [(name: String, values: UnsafeMutableBufferPointer<Float>)] {
        zip(kind.stateNames, buffers).map { (name: $0, values: UnsafeMutableBufferPointer(rebasing: $1.floats[..<count])) }
    }

    /// Says after how many updates of the run each slice that the optimizer was made with began to train.
    package func begin(after updates: (Range<Int>) -> Int) {
        let begun = slices.map { slice in
            var slice = slice
            slice.updatesBefore = updates(slice.range)
            return slice
        }
        groups = ParameterGroup.merged(begun)
    }

    /// Makes one update.
    ///
    /// - Parameters:
    ///   - parameters: `count` weights, changed in place.
    ///   - gradients: `count` gradients in the same layout.
    ///   - learningRate: the rate of this update, before each group's multiplier.
    ///   - gradientScale: multiplied into every gradient first, for clipping or averaging over accumulated passes.
    ///   - updateNumber: which update of the run this is, from 1; it corrects Adam's bias and must go on after a resume.
    /// - Returns: whether all parameters are finite afterwards; a gradient that is not makes them so.
    @discardableResult
    package func update(
        parameters: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, learningRate: Double, gradientScale: Float = 1,
        updateNumber: Int
    ) -> Bool {
        precondition(updateNumber >= 1, "updates are numbered from 1")
        var areFinite = true
        for group in groups {
            let slice = (start: group.range.lowerBound, count: group.range.count)
            let rate = learningRate * group.multiplier
            switch kind {
            case .sgd(let momentum, let nesterov):
                let isWell = graft_sgd_update(
                    parameters + slice.start, gradients + slice.start, buffers.isEmpty ? nil : state(0, slice.start),
                    slice.count, gradientScale, Float(rate), Float(momentum), nesterov, Float(group.weightDecay))
                areFinite = areFinite && isWell
            case .adamW(let beta1, let beta2, let epsilon), .adam(let beta1, let beta2, let epsilon):
                let made = Double(updateNumber - group.updatesBefore)
                let isDecoupled = if case .adamW = kind { true } else { false }
                let step = graft_adam_step(
                    gradient_scale: gradientScale, weight_decay: isDecoupled ? 0 : Float(group.weightDecay),
                    keep: isDecoupled ? Float(1 - rate * group.weightDecay) : 1, first_gain: Float(1 - beta1),
                    beta2: Float(beta2), second_gain: Float(1 - beta2),
                    step_size: Float(rate / (1 - pow(beta1, made))),
                    correction_root: Float((1 - pow(beta2, made)).squareRoot()), epsilon: Float(epsilon))
                let isWell = graft_adam_update(
                    parameters + slice.start, gradients + slice.start, state(0, slice.start), state(1, slice.start), slice.count,
                    step)
                areFinite = areFinite && isWell
            case .rmsProp(let alpha, let momentum, let epsilon, let asTensorFlow):
                let step = graft_rmsprop_step(
                    gradient_scale: gradientScale, weight_decay: Float(group.weightDecay), alpha: Float(alpha),
                    gain: Float(1 - alpha), epsilon: Float(epsilon), momentum: Float(momentum), rate: Float(rate),
                    as_tensorflow: asTensorFlow)
                let isWell = graft_rmsprop_update(
                    parameters + slice.start, gradients + slice.start, state(0, slice.start), state(1, slice.start), slice.count,
                    step)
                areFinite = areFinite && isWell
            }
        }
        return areFinite
    }

    private func state(_ index: Int, _ start: Int) -> UnsafeMutablePointer<Float> {
        buffers[index].base.assumingMemoryBound(to: Float.self) + start
    }
}
