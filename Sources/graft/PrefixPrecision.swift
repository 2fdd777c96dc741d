// What becomes of network.precision: what the processors can do, what the network gains, and what its calibration shows.
import RunConfiguration
import Tensors

/// The type of a prefix, settled before photographs are seen, and why it is not what was asked for.
struct PrefixPrecision {
    /// Bytes must do this share of a prefix's products, or conversions around them eat the gain.
    static let leastByteShare = 0.5
    /// The relative error of the boundary's values up to which `auto` takes int8.
    static let automaticErrorBound: Float = 0.15

    /// float32, bfloat16 or int8.
    let type: ElementType
    /// What the user should know.
    let note: String?

    /// - Parameter byteShare: the share of the prefix's products that bytes would do.
    init(_ wanted: RunConfiguration.PrefixPrecision, _ abilities: ProcessorAbilities, byteShare: () -> Double) {
        let half: ElementType = abilities.multipliesBFloat16 ? .bfloat16 : .float32
        switch wanted {
        case .float32: (type, note) = (.float32, nil)
        case .bfloat16:
            type = half
            note =
                half == .bfloat16 ? nil : "warning: not every processor here multiplies bfloat16 natively; computing in float32"
        case .int8 where !abilities.multipliesBytes:
            type = .float32
            note = "warning: not every processor here has VNNI for int8; frozen layers compute in float32"
        case .int8 where byteShare() < Self.leastByteShare:
            type = half
            note = "note: int8 does not pay in most of this network's frozen layers; they compute in \(half.rawValue)"
        case .int8: (type, note) = (.int8, nil)
        case .auto:
            type = abilities.multipliesBytes && byteShare() >= Self.leastByteShare ? .int8 : half
            note = nil
        }
    }
}
