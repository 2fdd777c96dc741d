// Scaling on paper: what a step takes on many hosts, from its computing, its messages, a link and the slowest rank. Pure functions.

/// What connects hosts, in the α-β model: a message of n bytes takes `latency` + n / bandwidth.
package struct ScalingLink: Sendable, Hashable, Encodable {
    /// Each direction of a host's link.
    package var bitsPerSecond: Double
    /// Of one message, in seconds.
    package var latency: Double
    /// The part of the link that is left for gradients: 1,448 of 1,538 bytes of an Ethernet frame that carries TCP.
    package static let payloadShare = 0.94

    package init(bitsPerSecond: Double, latency: Double) {
        (self.bitsPerSecond, self.latency) = (bitsPerSecond, latency)
    }

    package var bytesPerSecond: Double { bitsPerSecond / 8 * Self.payloadShare }
}

/// A training step of one rank, as its messages see it.
package struct ScalingWork: Sendable {
    /// A slice of the gradients that is summed as one message.
    package struct Bucket: Sendable, Hashable {
        /// Bytes as they travel between hosts.
        package var bytes: Double
        /// Seconds after the step's begin at which its gradients are complete.
        package var ready: Double

        package init(bytes: Double, ready: Double) { (self.bytes, self.ready) = (bytes, ready) }
    }

    /// Computing without any communication, in seconds.
    package var computeSeconds: Double
    /// In the order in which they start.
    package var buckets: [Bucket]
    package var imagesPerRank: Int
    package var ranksPerHost: Int
    /// How fast the ranks of one host sum among themselves, in bytes of gradients a second.
    package var localBytesPerSecond: Double
    package var ranks = RankCosts()

    /// - Parameters:
    ///   - communication: the buckets of a plan: a bucket is ready when the arithmetic before its start is done.
    ///   - bytesPerFloat: 4, or 2 where gradients travel as bfloat16.
    ///   - processorSecondsPerByte: computing that a rank loses with each byte of gradients that travels.
    package init(
        _ communication: PlanCommunication, flopsPerImage: Int, computeSeconds: Double, imagesPerRank: Int, ranksPerHost: Int,
        bytesPerFloat: Int, localBytesPerSecond: Double, processorSecondsPerByte: Double
    ) {
        let share = Double(bytesPerFloat) / 4
        let lost = processorSecondsPerByte * share * Double(communication.bytesPerStep)
        let compute = computeSeconds + lost
        self.computeSeconds = compute
        buckets = communication.buckets.map {
            let left = Double($0.remainingFlopsPerImage) / Double(max(1, flopsPerImage))
            return Bucket(bytes: Double($0.bytes) * share, ready: compute * (1 - left))
        }
        (self.imagesPerRank, self.ranksPerHost) = (imagesPerRank, ranksPerHost)
        self.localBytesPerSecond = localBytesPerSecond
    }

    package init(
        computeSeconds: Double, buckets: [Bucket], imagesPerRank: Int, ranksPerHost: Int = 1, localBytesPerSecond: Double = 4e9
    ) {
        (self.computeSeconds, self.buckets) = (computeSeconds, buckets)
        (self.imagesPerRank, self.ranksPerHost) = (imagesPerRank, ranksPerHost)
        self.localBytesPerSecond = localBytesPerSecond
    }
}

/// What a number of hosts would do over a link.
package struct ScalingPrediction: Sendable, Encodable {
    package let hosts: Int
    package let link: ScalingLink
    package let imagesPerSecond: Double
    /// Of one step.
    package let stepSeconds: Double
    package let computeSeconds: Double
    /// In which the link carries something.
    package let communicationSeconds: Double
    /// After the end of computing, until the last sum is there.
    package let exposedSeconds: Double
    /// For which the sums wait for the slowest rank, on average.
    package let stragglerSeconds: Double
    /// From the launch until all ranks are there, once.
    package let startSeconds: Double
    /// Images a second against as many hosts that need not talk.
    package var efficiency: Double { computeSeconds / stepSeconds }

    private enum CodingKeys: CodingKey {
        case hosts, link, imagesPerSecond, stepSeconds, computeSeconds, communicationSeconds, exposedSeconds, stragglerSeconds,
            startSeconds, efficiency
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(hosts, forKey: .hosts)
        try container.encode(link, forKey: .link)
        try container.encode(imagesPerSecond, forKey: .imagesPerSecond)
        try container.encode(stepSeconds, forKey: .stepSeconds)
        try container.encode(computeSeconds, forKey: .computeSeconds)
        try container.encode(communicationSeconds, forKey: .communicationSeconds)
        try container.encode(exposedSeconds, forKey: .exposedSeconds)
        try container.encode(stragglerSeconds, forKey: .stragglerSeconds)
        try container.encode(startSeconds, forKey: .startSeconds)
        try container.encode(efficiency, forKey: .efficiency)
    }
}

/// Walks through a step bucket by bucket.
///
/// A bucket first is summed inside its host, then goes around a ring of the hosts: 2 (H − 1) messages of 1 / H of it. Its bytes begin
/// when those of the bucket before it have left; the latencies of up to `underWay` buckets pass at the same time, as in training.
/// The step ends when computing has ended and the last sum is there; every sum is as late as the slowest rank's gradients.
package func predictScaling(_ work: ScalingWork, hosts: Int, link: ScalingLink, underWay: Int = 16) -> ScalingPrediction {
    let messages = 2 * Double(hosts - 1)
    var (localFree, linkFree, busy) = (0.0, 0.0, 0.0)
    var done: [Double] = []
    for bucket in work.buckets {
        var start = bucket.ready
        if work.ranksPerHost > 1 {
            localFree = max(start, localFree) + bucket.bytes / work.localBytesPerSecond
            start = localFree
        }
        if hosts == 1 {
            done.append(start)
            continue
        }
        if done.count >= underWay { start = max(start, done[done.count - underWay]) }
        let wire = messages / Double(hosts) * bucket.bytes / link.bytesPerSecond
        linkFree = max(start, linkFree) + wire
        busy += wire
        done.append(linkFree + messages * link.latency)
    }
    let inTime = max(work.computeSeconds, done.max() ?? 0)
    let ranks = hosts * work.ranksPerHost
    let straggler = work.computeSeconds * work.ranks.slowestShare(of: ranks)
    let step = inTime + straggler
    return ScalingPrediction(
        hosts: hosts, link: link, imagesPerSecond: Double(hosts * work.ranksPerHost * work.imagesPerRank) / step,
        stepSeconds: step, computeSeconds: work.computeSeconds, communicationSeconds: busy,
        exposedSeconds: inTime - work.computeSeconds, stragglerSeconds: straggler,
        startSeconds: work.ranks.startSeconds(of: ranks))
}
