// The tensors a network brings: their names in torchvision's state dicts, shapes, roles, and how they start.
package import Tensors

/// How a parameter starts when no file brings it.
package enum Initialization: Sendable, Hashable {
    case constant(Float)
    /// Uniform in ±bound.
    case uniform(bound: Float)
    /// Normal with mean 0.
    case normal(deviation: Float)
}

/// What a parameter is for; decides weight decay, freezing and layout.
package enum ParameterRole: Sendable, Hashable {
    /// `[out, in / groups, height, width]`.
    case convolutionWeight
    /// `[out, in]`.
    case linearWeight
    case bias
    case normScale, normShift
    /// Statistics: tracked, never trained by gradients.
    case runningMean, runningVariance

    package var isStatistic: Bool { self == .runningMean || self == .runningVariance }
    package var isNorm: Bool { self == .normScale || self == .normShift || isStatistic }
    /// Whether weight decay applies by default: to weights, not to biases and norms.
    package var isDecayed: Bool { self == .convolutionWeight || self == .linearWeight }
}

/// One named tensor of a network.
package struct ParameterSpec: Sendable, Hashable {
    /// The full name, as in `layer1.0.conv1.weight`.
    package let name: String
    package let shape: TensorShape
    package let role: ParameterRole
    package let initialization: Initialization

    package init(name: String, shape: TensorShape, role: ParameterRole, initialization: Initialization) {
        self.name = name
        self.shape = shape
        self.role = role
        self.initialization = initialization
    }
}
