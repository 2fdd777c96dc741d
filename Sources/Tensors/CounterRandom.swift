// Random numbers without state that is shared: a stream is a pure function of what it is for.
import Foundation

/// What a random stream decides. Part of its key, so that no two uses ever share numbers; raw values are written into no file,
/// but changing one changes every run. 6 and 8 were uses that are gone.
package enum RandomPurpose: UInt64, Sendable {
    case initialization = 1
    case shuffle = 2
    case augmentation = 3
    case dropout = 4
    case stochasticDepth = 5
    case synthetic = 7
    case calibration = 9
    case sampling = 11
    case mixing = 12
    case folds = 13
}

/// A counter-based stream of random numbers, keyed by (seed, epoch, index, purpose): the same key gives the same numbers on any
/// rank, in any thread, after any resume.
///
/// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), whose state is a
/// counter; the key is mixed into the start by the same finaliser.
package struct CounterRandom: RandomNumberGenerator, Sendable {
    private var counter: UInt64

    package init(seed: UInt64, epoch: Int = 0, index: Int = 0, purpose: RandomPurpose) {
        var key = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
        key = Self.mix(key ^ purpose.rawValue &* 0xD6E8_FEB8_6659_FD93)
        key = Self.mix(key ^ UInt64(bitPattern: Int64(epoch)) &* 0xA076_1D64_78BD_642F)
        counter = Self.mix(key ^ UInt64(bitPattern: Int64(index)) &* 0xE703_7ED1_A0B4_28DB)
    }

    package mutating func next() -> UInt64 {
        counter &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(counter)
    }

    /// A uniform number in [0, 1), with 24 random bits.
    package mutating func uniform() -> Float {
        Float(next() >> 40) * 0x1p-24
    }

    /// A uniform number in [lower, upper).
    package mutating func uniform(_ lower: Float, _ upper: Float) -> Float {
        lower + (upper - lower) * uniform()
    }

    /// A standard normal number (Box–Muller, one of the pair).
    package mutating func normal() -> Float {
        let radius = (-2 * log(max(uniform(), 0x1p-25))).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    /// A uniform integer in 0..<bound, by the multiply-shift reduction (bias below 2⁻³² for the bounds met here).
    package mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var word = value
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
