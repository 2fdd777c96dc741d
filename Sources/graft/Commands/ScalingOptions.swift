// The part of `graft plan` that looks at many hosts.
import ArgumentParser
import Execution
import Foundation
import PlanReports

/// Numbers between commas, as in `2,8,64`.
struct NumberList: ExpressibleByArgument {
    let numbers: [Double]

    init(numbers: [Double]) { self.numbers = numbers }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
        guard !parts.isEmpty, !parts.contains(where: { $0.map { !$0.isFinite || $0 <= 0 } ?? true }) else { return nil }
        numbers = parts.compactMap { $0 }
    }

    var defaultValueDescription: String { numbers.map { String(format: "%g", $0) }.joined(separator: ",") }
}

/// Predicts what a config does on hosts that are not there.
struct ScalingOptions: ParsableArguments {
    @Option(
        name: .customLong("hosts"),
        help: ArgumentHelp(
            "Predict for these numbers of hosts. Each rank has the images it has with --ranks.", valueName: "n,n,…"))
    var hostCounts: NumberList?
    @Option(help: ArgumentHelp("Speeds of a host's link, in bits a second.", valueName: "rate,rate,…"))
    var link = NumberList(numbers: [1e9, 25e9, 100e9])
    @Option(help: ArgumentHelp("Seconds that a message takes besides its bytes: TCP 50e-6, RDMA 5e-6.", valueName: "seconds"))
    var latency = 50e-6
    @Option(help: ArgumentHelp("Ranks on each host.", valueName: "n"))
    var ranksPerHost = 1
    @Option(
        help: ArgumentHelp(
            "What one host trains when it need not talk, as 'graft bench' on one host says; without it --gflops decides.",
            valueName: "rate"))
    var imagesPerSecond: Double?
    @Option(help: ArgumentHelp("Without --images-per-second: GFLOP that a rank computes in a second.", valueName: "rate"))
    var gflops = 80.0
    @Option(
        help: ArgumentHelp(
            "GB of gradients that the ranks of one host sum in a second ('graft bench --suite collectives').", valueName: "rate"))
    var hostGigabytes = 2.0
    @Option(
        help: ArgumentHelp(
            "Seconds of computing that a rank loses with each GB of gradients that travels ('graft doctor': added processor time).",
            valueName: "seconds"))
    var secondsPerGigabyte = 0.0
    @Option(
        help: ArgumentHelp(
            "Standard deviation of the time that a rank computes a step, in percent of its mean, from rank to rank and step to step: assumed; "
                + "'graft train --log' has the times of yours.", valueName: "percent"))
    var spread = 100 * RankCosts.assumedSpread
    @Option(help: ArgumentHelp("Seconds until a rank alone is there.", valueName: "seconds"))
    var startSeconds = RankCosts.measuredStart
    @Option(help: ArgumentHelp("Seconds by which each rank of the job makes the start longer.", valueName: "seconds"))
    var startSecondsPerRank = RankCosts.measuredStartPerRank

    /// Whole numbers of hosts; empty if nothing is to be predicted.
    var hosts: [Int] { hostCounts?.numbers.map { Int($0) } ?? [] }

    /// Throws for values that mean nothing.
    func check() throws {
        guard ranksPerHost >= 1, latency >= 0, gflops > 0, hostGigabytes > 0, secondsPerGigabyte >= 0, imagesPerSecond ?? 1 > 0
        else {
            throw ValidationError(
                "--ranks-per-host, --images-per-second, --gflops and --host-gigabytes must be above 0, the others not below")
        }
        guard spread >= 0, startSeconds >= 0, startSecondsPerRank >= 0 else {
            throw ValidationError("--spread, --start-seconds and --start-seconds-per-rank must not be below 0")
        }
        guard hosts.allSatisfy({ 1...1_000_000 ~= $0 }) else { throw ValidationError("--hosts must be whole numbers from 1") }
    }

    /// The predictions; nil without `--hosts`.
    func report(_ plan: PlanDescription, compresses: Bool) -> ScalingReport? {
        guard !hosts.isEmpty else { return nil }
        let images = Double(plan.imagesPerRank * plan.accumulation)
        let compute: Double
        let from: String
        if let imagesPerSecond {
            compute = images * Double(ranksPerHost) / imagesPerSecond
            from = "a host trains \(Readable.fixed(imagesPerSecond, 1)) images a second"
        } else {
            compute = images * Double(plan.flopsPerImage) / (gflops * 1e9)
            from = "\(Readable.fixed(Double(plan.flopsPerImage) / 1e9, 1)) GFLOP an image at \(Readable.fixed(gflops, 0)) GFLOP/s"
        }
        var work = ScalingWork(
            plan.communication, flopsPerImage: plan.flopsPerImage, computeSeconds: compute,
            imagesPerRank: plan.imagesPerRank * plan.accumulation, ranksPerHost: ranksPerHost, bytesPerFloat: compresses ? 2 : 4,
            localBytesPerSecond: hostGigabytes * 1e9, processorSecondsPerByte: secondsPerGigabyte * 1e-9)
        work.ranks = RankCosts(spread: spread / 100, startSeconds: startSeconds, startSecondsPerRank: startSecondsPerRank)
        return ScalingReport(
            work, hosts: hosts, links: link.numbers.map { ScalingLink(bitsPerSecond: $0, latency: latency) }, computeFrom: from)
    }
}
