// Predictions for many hosts and links, as `graft plan --hosts` shows them.
import Tensors

/// What a plan would do on every number of hosts over every link.
package struct ScalingReport: Sendable, Encodable {
    /// Where the time of computing comes from, in words.
    package let computeFrom: String
    package let imagesPerRank: Int
    package let ranksPerHost: Int
    /// Standard deviation of the time that a rank computes a step, as a part of its mean.
    package let spread: Double
    package let predictions: [ScalingPrediction]

    package init(_ work: ScalingWork, hosts: [Int], links: [ScalingLink], computeFrom: String) {
        self.computeFrom = computeFrom
        (imagesPerRank, ranksPerHost) = (work.imagesPerRank, work.ranksPerHost)
        spread = work.ranks.spread
        predictions = links.flatMap { link in hosts.map { predictScaling(work, hosts: $0, link: link) } }
    }

    /// Lines for people.
    var text: [String] {
        var table = TextTable([
            .right("link"), .right("hosts"), .right("images/s"), .right("efficiency"), .right("step"), .right("link busy"),
            .right("not hidden"), .right("slowest rank"), .right("start"),
        ])
        for prediction in predictions {
            table.add([
                "\(Readable.fixed(prediction.link.bitsPerSecond / 1e9, 1)) Gbit/s", "\(prediction.hosts)",
                Readable.fixed(prediction.imagesPerSecond, prediction.imagesPerSecond < 100 ? 1 : 0),
                "\(Readable.fixed(100 * prediction.efficiency, 1)) %", Self.milliseconds(prediction.stepSeconds),
                Self.milliseconds(prediction.communicationSeconds), Self.milliseconds(prediction.exposedSeconds),
                "+ " + Self.milliseconds(prediction.stragglerSeconds), Readable.fixed(prediction.startSeconds, 1) + " s",
            ])
        }
        let compute = predictions.first.map { Self.milliseconds($0.computeSeconds) } ?? ""
        let latency = predictions.first.map { Readable.fixed($0.link.latency * 1e6, 0) } ?? ""
        return [
            "Scaling: hosts of \(ranksPerHost) \(ranksPerHost == 1 ? "rank" : "ranks") with \(imagesPerRank) images each, predicted.",
            "A rank computes \(compute) a step (\(computeFrom)); a message takes \(latency) µs and its bytes.",
            "Computing spreads by \(Readable.short(100 * spread)) % from rank to rank and step to step; all wait for the slowest.",
        ] + table.lines(indent: 2)
    }

    private static func milliseconds(_ seconds: Double) -> String { Readable.fixed(seconds * 1e3, 1) + " ms" }
}
