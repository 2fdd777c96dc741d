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
    /// LAMB's update of one tensor, before its norm is known.
    private let change: AlignedBuffer

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
        self.groups = kind.looksAtTensors ? groups : ParameterGroup.merged(groups)
        self.count = count
        buffers = kind.stateNames.map { _ in AlignedBuffer(floatCount: count) }
        let largest = groups.map(\.range.count).max() ?? 0
        change = if case .lamb = kind { AlignedBuffer(floatCount: largest) } else { AlignedBuffer(floatCount: 0) }
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
        groups = kind.looksAtTensors ? begun : ParameterGroup.merged(begun)
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
            let start = group.range.lowerBound
            let slice = Slice(
                parameters: parameters + start, gradients: gradients + start, count: group.range.count,
                gradientScale: gradientScale,
                rate: learningRate * group.multiplier, weightDecay: group.weightDecay,
                updateNumber: Double(updateNumber - group.updatesBefore))
            let isWell =
                switch kind {
                case .sgd(let momentum, let nesterov): updateSGD(slice, at: start, momentum, nesterov)
                case .lars(let momentum, let nesterov, let trust):
                    updateSGD(slice, at: start, momentum, nesterov, trust: Self.trust(slice, trust))
                case .adamW(let beta1, let beta2, let epsilon):
                    updateAdam(slice, at: start, beta1, beta2, epsilon, isDecoupled: true)
                case .adam(let beta1, let beta2, let epsilon):
                    updateAdam(slice, at: start, beta1, beta2, epsilon, isDecoupled: false)
                case .lamb(let beta1, let beta2, let epsilon): updateLAMB(slice, at: start, beta1, beta2, epsilon)
                case .rmsProp(let alpha, let momentum, let epsilon, let asTensorFlow):
                    graft_rmsprop_update(
                        slice.parameters, slice.gradients, state(0, start), state(1, start), slice.count,
                        graft_rmsprop_step(
                            gradient_scale: gradientScale, weight_decay: Float(slice.weightDecay), alpha: Float(alpha),
                            gain: Float(1 - alpha), epsilon: Float(epsilon), momentum: Float(momentum), rate: Float(slice.rate),
                            as_tensorflow: asTensorFlow))
                }
            areFinite = areFinite && isWell
        }
        return areFinite
    }

    /// A slice of the parameters and what one update does to it.
    private struct Slice {
        let parameters: UnsafeMutablePointer<Float>
        let gradients: UnsafePointer<Float>
        let count: Int
        let gradientScale: Float
        let rate: Double
        let weightDecay: Double
        /// Of the slice's own updates, from 1.
        let updateNumber: Double
    }

    private func updateSGD(_ slice: Slice, at start: Int, _ momentum: Double, _ nesterov: Bool, trust: Double = 1) -> Bool {
        graft_sgd_update(
            slice.parameters, slice.gradients, buffers.isEmpty ? nil : state(0, start), slice.count,
            Float(trust * Double(slice.gradientScale)), Float(slice.rate), Float(momentum), nesterov,
            Float(trust * slice.weightDecay))
    }

    /// LARS's factor on a tensor's gradient and decay.
    private static func trust(_ slice: Slice, _ trust: Double) -> Double {
        guard slice.weightDecay > 0 else { return 1 }
        let weights = graft_squared_norm(slice.parameters, slice.count).squareRoot()
        let gradient = graft_squared_norm(slice.gradients, slice.count).squareRoot() * Double(abs(slice.gradientScale))
        return weights > 0 && gradient > 0 ? trust * weights / (gradient + weights * slice.weightDecay + 1e-8) : 1
    }

    private static func adamStep(
        _ slice: Slice, _ beta1: Double, _ beta2: Double, _ epsilon: Double, rate: Double, keep: Double, weightDecay: Double
    ) -> graft_adam_step {
        graft_adam_step(
            gradient_scale: slice.gradientScale, weight_decay: Float(weightDecay), keep: Float(keep),
            first_gain: Float(1 - beta1), beta2: Float(beta2), second_gain: Float(1 - beta2),
            step_size: Float(rate / (1 - pow(beta1, slice.updateNumber))),
            correction_root: Float((1 - pow(beta2, slice.updateNumber)).squareRoot()), epsilon: Float(epsilon))
    }

    private func updateAdam(
        _ slice: Slice, at start: Int, _ beta1: Double, _ beta2: Double, _ epsilon: Double, isDecoupled: Bool
    ) -> Bool {
        let step = Self.adamStep(
            slice, beta1, beta2, epsilon, rate: slice.rate, keep: isDecoupled ? 1 - slice.rate * slice.weightDecay : 1,
            weightDecay: isDecoupled ? 0 : slice.weightDecay)
        return graft_adam_update(slice.parameters, slice.gradients, state(0, start), state(1, start), slice.count, step)
    }

    /// Adam's change of zeros by a rate of −1 is the update itself; then decay, the ratio of norms, and a plain step.
    private func updateLAMB(_ slice: Slice, at start: Int, _ beta1: Double, _ beta2: Double, _ epsilon: Double) -> Bool {
        let update = change.base.assumingMemoryBound(to: Float.self)
        update.update(repeating: 0, count: slice.count)
        let step = Self.adamStep(slice, beta1, beta2, epsilon, rate: -1, keep: 1, weightDecay: 0)
        guard graft_adam_update(update, slice.gradients, state(0, start), state(1, start), slice.count, step) else {
            // So that whoever looks for what is no number finds it.
            slice.parameters.update(repeating: .nan, count: slice.count)
            return false
        }
        var trust = 1.0
        if slice.weightDecay > 0 {
            let decay = Float(slice.weightDecay)
            for index in 0..<slice.count { update[index] += decay * slice.parameters[index] }
            let weights = graft_squared_norm(slice.parameters, slice.count).squareRoot()
            let change = graft_squared_norm(update, slice.count).squareRoot()
            if weights > 0, change > 0 { trust = weights / change }
        }
        return graft_sgd_update(slice.parameters, update, nil, slice.count, Float(trust), Float(slice.rate), 0, false, 0)
    }

    private func state(_ index: Int, _ start: Int) -> UnsafeMutablePointer<Float> {
        buffers[index].base.assumingMemoryBound(to: Float.self) + start
    }
}
