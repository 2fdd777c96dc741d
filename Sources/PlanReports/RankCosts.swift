// What grows with the number of ranks besides messages: all wait for the slowest, and all must have started.
internal import Foundation

/// What ranks cost each other in a job.
package struct RankCosts: Sendable, Hashable {
    /// Assumed, between what quiet and busy machines show; deploy/README.md has both, and the command that measures it.
    package static let assumedSpread = 0.03
    /// Measured; deploy/README.md has the processor and the command.
    package static let measuredStart = 1.5
    package static let measuredStartPerRank = 0.0015

    /// Standard deviation of the time that a rank computes a step, as a part of its mean. Ranks and steps are taken as independent of each
    /// other and normal; a host that is always slower comes on top.
    package var spread: Double
    private var startBase: Double
    private var startPerRank: Double

    /// Ranks that cost each other nothing unless it is said what they do.
    package init(spread: Double = 0, startSeconds: Double = 0, startSecondsPerRank: Double = 0) {
        (self.spread, startBase, startPerRank) = (spread, startSeconds, startSecondsPerRank)
    }

    /// By what part of the mean the slowest of so many ranks takes longer, on average.
    package func slowestShare(of ranks: Int) -> Double { spread * Self.expectedMaximum(of: ranks) }

    /// From the launch until so many ranks are there, each with a core.
    package func startSeconds(of ranks: Int) -> Double { startBase + Double(ranks) * startPerRank }

    /// The mean of the largest of `count` independent standard normal numbers: the integral of 1 − Φⁿ over what is above 0, less that of Φⁿ
    /// over what is below. About √(2 ln n) for very many.
    static func expectedMaximum(of count: Int) -> Double {
        precondition(count >= 1, "the largest of nothing is none")
        guard count > 1 else { return 0 }
        let width = 0.01
        // Midpoints up to 10: the chance to be above is then below 1e-23.
        return (0..<1000).reduce(0.0) { sum, index in
            let distance = (Double(index) + 0.5) * width
            let tail = erfc(distance / 2.squareRoot()) / 2
            let above = -expm1(Double(count) * log1p(-tail))
            let below = exp(Double(count) * log(tail))
            return sum + width * (above - below)
        }
    }
}
