// Element-wise non-linearities, and what everyone who meets one has to know of it.

/// An element-wise non-linearity. Where there may be none, it is an optional.
package enum Activation: String, Sendable, Hashable, CaseIterable {
    case relu, relu6, silu, sigmoid
    /// x · min(max(x + 3, 0), 6) / 6, and min(max(x + 3, 0), 6) / 6: MobileNetV3's (Howard et al. 2019).
    case hardSwish = "hard_swish"
    case hardSigmoid = "hard_sigmoid"
    /// x · Φ(x) with the normal distribution's own Φ, not an approximation (Hendrycks and Gimpel 2016): ConvNeXt's.
    case gelu

    /// The values that it can have; bytes need not reach further.
    package var range: ClosedRange<Float> {
        switch self {
        case .relu: 0...(.infinity)
        case .relu6: 0...6
        // The least value of x / (1 + e⁻ˣ), at x = −1.2785.
        case .silu: -0.27847...(.infinity)
        // The least value is that at x = −3 / 2.
        case .hardSwish: -0.375...(.infinity)
        // The least value is that at x = −0.7518.
        case .gelu: -0.16998...(.infinity)
        case .sigmoid, .hardSigmoid: 0...1
        }
    }

    /// Whether it can be negative.
    package var isSigned: Bool { range.lowerBound < 0 }

    /// Whether it only clips: then integers can be clipped in its stead.
    package var isClipping: Bool {
        switch self {
        case .relu, .relu6: true
        case .silu, .sigmoid, .hardSwish, .hardSigmoid, .gelu: false
        }
    }

    /// Whether the derivative can be told from the output alone, so that the input need not be kept.
    package var derivativeFollowsFromOutput: Bool {
        switch self {
        case .relu, .relu6, .sigmoid, .hardSigmoid: true
        case .silu, .hardSwish, .gelu: false
        }
    }

    /// Whether batch norm can do it, and its derivative from what it normalised, in its own passes over memory.
    package var fusesWithNorm: Bool {
        switch self {
        case .relu, .relu6, .silu, .hardSwish: true
        case .sigmoid, .hardSigmoid, .gelu: false
        }
    }
}
