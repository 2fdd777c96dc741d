// Augmentations that choose among many operations: TrivialAugment (Müller and Hutter, 2021) and RandAugment (Cubuk et al., 2019), with
// the operations and strengths of torchvision's `TrivialAugmentWide` and `RandAugment`.
internal import Foundation
internal import Tensors

/// A rule that draws operations and how strong they are.
package enum AugmentationPolicy: Sendable, Hashable, CustomStringConvertible {
    /// One operation of any strength.
    case trivial
    /// So many operations, all of one strength from 0 to 30.
    case random(operations: Int, magnitude: Int)

    package var description: String {
        switch self {
        case .trivial: "trivial"
        case .random(let operations, let magnitude): "\(operations) of strength \(magnitude)"
        }
    }

    /// Strengths are numbered 0 to 30.
    package static let strengths = 31

    /// The operations that chance has drawn for a picture of this side.
    func operations(side: Int, _ random: inout CounterRandom) -> [PixelOperation] {
        func drawn(strength: Int) -> PixelOperation? {
            let kind = Kind.allCases[random.below(Kind.allCases.count)]
            return operation(kind, strength: strength, isNegative: random.below(2) == 1, side: side)
        }
        switch self {
        case .trivial: return [drawn(strength: random.below(Self.strengths))].compactMap(\.self)
        case .random(let count, let magnitude): return (0..<count).compactMap { _ in drawn(strength: magnitude) }
        }
    }

    /// By torchvision's names.
    enum Kind: String, CaseIterable {
        case identity = "Identity"
        case shearX = "ShearX"
        case shearY = "ShearY"
        case translateX = "TranslateX"
        case translateY = "TranslateY"
        case rotate = "Rotate"
        case brightness = "Brightness"
        case color = "Color"
        case contrast = "Contrast"
        case sharpness = "Sharpness"
        case posterize = "Posterize"
        case solarize = "Solarize"
        case autocontrast = "AutoContrast"
        case equalize = "Equalize"
    }

    /// The largest shear (a tangent), move (pixels), turn (degrees), change of colour, and number of bits that are dropped.
    private func largest(_ side: Int) -> (shear: Double, move: Double, turn: Double, colour: Double, bits: Double) {
        self == .trivial ? (0.99, 32, 135, 0.99, 6) : (0.3, 150.0 / 331 * Double(side), 30, 0.9, 4)
    }

    /// - Parameter isNegative: which way, for those that go two ways.
    /// - Returns: nil for what changes nothing.
    func operation(_ kind: Kind, strength: Int, isNegative: Bool, side: Int) -> PixelOperation? {
        let share = Double(strength) / Double(Self.strengths - 1)
        let (largest, signed) = (largest(side), isNegative ? -share : share)
        func moved(_ x: Double, _ y: Double) -> PixelOperation {
            let translation = (x.rounded(.towardZero), y.rounded(.towardZero))
            return .move(AffineMap(degrees: 0, translation: translation, center: (0, 0)), smooth: false)
        }
        func sheared(_ x: Double, _ y: Double) -> PixelOperation {
            let degrees = (atan(x) * 180 / .pi, atan(y) * 180 / .pi)
            return .move(AffineMap(degrees: 0, shear: degrees, center: (0, 0)), smooth: false)
        }
        let factor = Float(1 + signed * largest.colour)
        switch kind {
        case .identity: return nil
        case .shearX: return sheared(signed * largest.shear, 0)
        case .shearY: return sheared(0, signed * largest.shear)
        case .translateX: return moved(signed * largest.move, 0)
        case .translateY: return moved(0, signed * largest.move)
        case .rotate:
            let middle = Double(side) / 2
            return .move(AffineMap(degrees: -signed * largest.turn, center: (middle, middle)), smooth: false)
        case .brightness: return .colour(.brightness(factor))
        case .color: return .colour(.saturation(factor))
        case .contrast: return .colour(.contrast(factor))
        case .sharpness: return .sharpness(factor)
        case .posterize: return .posterize(bits: 8 - Int((share * largest.bits).rounded(.toNearestOrEven)))
        case .solarize: return .solarize(threshold: Int((255 * (1 - share)).rounded(.up)))
        case .autocontrast: return .autocontrast
        case .equalize: return .equalize
        }
    }
}
