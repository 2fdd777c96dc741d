// Which rule turns gradients into updates, and the settings under which slices of the parameters follow it.

/// The update rule and its constants, in double precision: 1 − 0.999 taken in float32 would already be off by 1e-5.
package enum OptimizerKind: Sendable, Equatable {
    /// Stochastic gradient descent as `torch.optim.SGD` with dampening 0; weight decay is added to the gradient.
    case sgd(momentum: Double, nesterov: Bool)
    /// Adam with decoupled weight decay, as `torch.optim.AdamW`.
    case adamW(beta1: Double, beta2: Double, epsilon: Double)
    /// Adam as `torch.optim.Adam`; weight decay is added to the gradient.
    case adam(beta1: Double, beta2: Double, epsilon: Double)
    /// As `torch.optim.RMSprop`, or as TensorFlow's and timm's `RMSpropTF`: epsilon within the root, averages that start at 1, and the
    /// rate within the momentum. Weight decay is added to the gradient.
    case rmsProp(alpha: Double, momentum: Double, epsilon: Double, asTensorFlow: Bool)

    /// SGD whose rate each tensor scales by `trust` · ‖weights‖ / (‖gradient‖ + decay · ‖weights‖), where it decays: You et al., "Large Batch
    /// Training of Convolutional Networks", 2017, as timm's `Lars`.
    case lars(momentum: Double, nesterov: Bool, trust: Double)
    /// Adam whose updates, decoupled decay included, each tensor scales to its weights' norm, where it decays: You et al., "Large Batch
    /// Optimization for Deep Learning", 2020, as timm's `Lamb` without its own clipping.
    case lamb(beta1: Double, beta2: Double, epsilon: Double)

    /// Whether updates are divided by the gradients' magnitudes, each by its own.
    package var isAdaptive: Bool {
        switch self {
        case .sgd, .lars: false
        case .adamW, .adam, .rmsProp, .lamb: true
        }
    }

    /// Whether each tensor has a rate of its own: slices are not joined.
    var looksAtTensors: Bool {
        switch self {
        case .lars, .lamb: true
        case .sgd, .adamW, .adam, .rmsProp: false
        }
    }

    /// The names of the state arrays, each as long as the parameters: the names that a checkpoint stores them under.
    package var stateNames: [String] {
        switch self {
        case .sgd(let momentum, _), .lars(let momentum, _, _): momentum == 0 ? [] : ["momentum"]
        case .adamW, .adam, .lamb: ["first_moment", "second_moment"]
        case .rmsProp: ["square_average", "momentum"]
        }
    }
}

/// A slice of the flat parameters whose elements share a learning-rate multiplier and a weight decay.
package struct ParameterGroup: Sendable, Equatable {
    /// The slice, in elements of the flat array.
    package var range: Range<Int>
    /// Multiplied into the learning rate; 0 leaves the slice as it is.
    package var multiplier: Double
    /// The weight decay (decoupled for AdamW, L2 for the others), 0 for none.
    package var weightDecay: Double
    /// Updates of the run before the slice began to train: AdamW's averages are that much younger than the run.
    package var updatesBefore = 0

    package init(range: Range<Int>, multiplier: Double = 1, weightDecay: Double = 0) {
        self.range = range
        self.multiplier = multiplier
        self.weightDecay = weightDecay
    }

    /// Joins neighbouring groups of equal settings, so that the optimizer makes few long passes instead of one for each tensor.
    package static func merged(_ groups: [ParameterGroup]) -> [ParameterGroup] {
        groups.reduce(into: []) { merged, group in
            if let last = merged.last, last.range.upperBound == group.range.lowerBound, last.multiplier == group.multiplier,
                last.weightDecay == group.weightDecay, last.updatesBefore == group.updatesBefore
            {
                merged[merged.count - 1].range = last.range.lowerBound..<group.range.upperBound
            } else {
                merged.append(group)
            }
        }
    }
}
