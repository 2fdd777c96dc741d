// How the images of a batch are mixed in pairs: MixUp and CutMix. What chance decides is a pure function of seed, epoch and place.
internal import Foundation
internal import Tensors

/// Strengths of both ways of mixing; where both are on, chance takes one of them for each batch.
package struct Mixing: Sendable, Hashable {
    /// α of MixUp (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018): shares come from Beta(α, α). 0 for none.
    package var mixup: Double
    /// α of CutMix (Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers", 2019). 0 for none.
    package var cutmix: Double

    package init(mixup: Double = 0, cutmix: Double = 0) { (self.mixup, self.cutmix) = (mixup, cutmix) }

    package var isOn: Bool { mixup > 0 || cutmix > 0 }
}

/// How one batch is mixed: the same for all its images, as in torchvision's `v2.MixUp` and `v2.CutMix`.
struct BatchMix: Equatable {
    /// An image's own share; its partner has the rest.
    var share: Float
    /// The part of the image that is the partner's; nil where all pixels are mixed.
    var box: PixelRegion?

    init(share: Float, box: PixelRegion? = nil) { (self.share, self.box) = (share, box) }

    /// - Parameters:
    ///   - position: of the batch's first image in the epoch's order.
    ///   - side: of the images, in pixels.
    init(_ mixing: Mixing, side: Int, seed: UInt64, epoch: Int, position: Int) {
        var random = CounterRandom(seed: seed, epoch: epoch, index: position, purpose: .mixing)
        let cuts = mixing.cutmix > 0 && (mixing.mixup == 0 || random.uniform() < 0.5)
        guard cuts else {
            self.init(share: Float(Self.beta(mixing.mixup, &random)))
            return
        }
        let share = Self.beta(mixing.cutmix, &random)
        self.init(cutting: share, column: random.below(side), row: random.below(side), side: side)
    }

    /// CutMix's rectangle around a centre, for a share that it has where it does not reach beyond the image.
    init(cutting share: Double, column: Int, row: Int, side: Int) {
        let half = Int(0.5 * (1 - share).squareRoot() * Double(side))
        let (left, top) = (max(0, column - half), max(0, row - half))
        let box = PixelRegion(
            left: left, top: top, width: min(side, column + half) - left, height: min(side, row + half) - top)
        self.init(share: 1 - Float(box.width * box.height) / Float(side * side), box: box)
    }

    /// A number with the distribution Beta(α, α): the share of one of two numbers of the distribution Gamma(α) in both.
    private static func beta(_ alpha: Double, _ random: inout CounterRandom) -> Double {
        let (first, second) = (gamma(alpha, &random), gamma(alpha, &random))
        // Very small α: both may be too small for numbers; then one image is all there is.
        return first + second > 0 ? first / (first + second) : 1
    }

    /// A number with the distribution Gamma(α, 1) (Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000).
    private static func gamma(_ alpha: Double, _ random: inout CounterRandom) -> Double {
        if alpha < 1 {
            let power = pow(Double(max(random.uniform(), 0x1p-25)), 1 / alpha)
            return gamma(alpha + 1, &random) * power
        }
        let shape = alpha - 1.0 / 3
        while true {
            let normal = Double(random.normal())
            let factor = 1 + normal / (9 * shape).squareRoot()
            guard factor > 0 else { continue }
            let cube = factor * factor * factor
            if log(Double(max(random.uniform(), 0x1p-25))) < normal * normal / 2 + shape * (1 - cube + log(cube)) {
                return shape * cube
            }
        }
    }

    /// Mixes two images of `[side, side, 3]` with each other, or where `isPartnerKept` only the first with the second.
    func apply(
        to image: UnsafeMutablePointer<Float>, and partner: UnsafeMutablePointer<Float>, side: Int, isPartnerKept: Bool
    ) {
        guard let box else {
            let rest = 1 - share
            for index in 0..<side * side * 3 {
                let (own, other) = (image[index], partner[index])
                image[index] = share * own + rest * other
                if !isPartnerKept { partner[index] = share * other + rest * own }
            }
            return
        }
        for row in box.top..<box.top + box.height {
            let start = (row * side + box.left) * 3
            for index in start..<start + box.width * 3 {
                let own = image[index]
                image[index] = partner[index]
                if !isPartnerKept { partner[index] = own }
            }
        }
    }
}
