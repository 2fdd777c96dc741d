// The learning rate as a pure function of the update's number, so that a resumed run cannot restart it.
private import Foundation

/// How the learning rate moves over a run: a linear warm-up, then one of several shapes.
///
/// Updates are numbered from 1. During warm-up update n has n / warmUpSteps of the rate that it would otherwise have, so
/// the last warm-up update has all of it.
package struct LearningRateSchedule: Sendable, Equatable {
    package enum Shape: Sendable, Equatable {
        /// The base rate throughout.
        case constant
        /// Multiplied by `gamma` once `steps` updates are done, and again after every further `steps`; as torch's `StepLR`.
        case every(steps: Int, gamma: Double)
        /// Multiplied by `gamma` each time that many updates are done; as torch's `MultiStepLR`.
        case milestones([Int], gamma: Double)
        /// From the base rate after warm-up down a half cosine to `finalRate` after `totalSteps` updates in all, and there
        /// from then on; as torch's `CosineAnnealingLR` over `totalSteps - warmUpSteps`.
        case cosine(totalSteps: Int, finalRate: Double)
        /// From the base rate after warm-up to `finalRate` after `totalSteps` updates by (1 − share)^power of the difference; as torch's
        /// `PolynomialLR` where that ends at 0.
        case polynomial(totalSteps: Int, finalRate: Double, power: Double)
        /// From a 25th of the base rate up to it over the share `rise` of the updates, and down to a 10,000th of where it began, by half
        /// cosines; as torch's `OneCycleLR`.
        case oneCycle(totalSteps: Int, rise: Double)
        /// Multiplied by `gamma` whenever `PlateauWatch` says so.
        case plateau(gamma: Double, patience: Int)
    }

    package var baseRate: Double
    package var warmUpSteps: Int
    package var shape: Shape
    /// The updates before the first of this schedule, in a run whose earlier ones followed another.
    package var updatesBefore: Int

    package init(baseRate: Double, warmUpSteps: Int = 0, shape: Shape, updatesBefore: Int = 0) {
        self.baseRate = baseRate
        self.warmUpSteps = warmUpSteps
        self.shape = shape
        self.updatesBefore = updatesBefore
    }

    /// The learning rate of update `number` of the run, counted from 1.
    ///
    /// - Parameter reductions: how often a plateau has lowered it.
    package func rate(ofUpdate number: Int, reductions: Int = 0) -> Double {
        precondition(number >= 1, "updates are numbered from 1")
        // Fewer photographs than before a resume make earlier epochs shorter than they were.
        let number = max(1, number - updatesBefore)
        let done = number - 1
        let shaped =
            switch shape {
            case .constant: baseRate
            case .plateau(let gamma, _): baseRate * pow(gamma, Double(reductions))
            case .every(let steps, let gamma): baseRate * pow(gamma, Double(done / max(1, steps)))
            case .milestones(let milestones, let gamma): baseRate * pow(gamma, Double(milestones.count { $0 <= done }))
            case .cosine(let totalSteps, let finalRate):
                falling(to: finalRate, done, totalSteps) { (1 + cos(.pi * $0)) / 2 }
            case .polynomial(let totalSteps, let finalRate, let power):
                falling(to: finalRate, done, totalSteps) { pow(1 - $0, power) }
            case .oneCycle(let totalSteps, let rise): oneCycleRate(done: done, totalSteps: totalSteps, rise: rise)
            }
        return number < warmUpSteps ? shaped * Double(number) / Double(warmUpSteps) : shaped
    }

    /// From the base rate after warm-up to `finalRate` after `totalSteps`; `left` tells for how much of that is done, between 0 and 1, how
    /// much of the difference is left.
    private func falling(to finalRate: Double, _ done: Int, _ totalSteps: Int, left: (Double) -> Double) -> Double {
        guard done > warmUpSteps else { return baseRate }
        guard done < totalSteps else { return finalRate }
        return finalRate + (baseRate - finalRate) * left(Double(done - warmUpSteps) / Double(totalSteps - warmUpSteps))
    }

    private static let (oneCycleStart, oneCycleEnd) = (25.0, 1e4)

    private func oneCycleRate(done: Int, totalSteps: Int, rise: Double) -> Double {
        let (first, last) = (baseRate / Self.oneCycleStart, baseRate / Self.oneCycleStart / Self.oneCycleEnd)
        let (top, end) = (rise * Double(totalSteps) - 1, Double(totalSteps - 1))
        func between(_ from: Double, _ to: Double, _ share: Double) -> Double { to + (from - to) * (1 + cos(.pi * share)) / 2 }
        let now = min(Double(done), end)
        if now <= top { return between(first, baseRate, top > 0 ? now / top : 1) }
        return between(baseRate, last, end > top ? (now - max(top, 0)) / (end - max(top, 0)) : 1)
    }
}
