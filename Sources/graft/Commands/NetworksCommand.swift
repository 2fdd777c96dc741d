// `graft networks`: every network of the catalogue.
import Tensors
import ArgumentParser
import Execution
import Graphs
import Networks
import PlanReports

/// Lists the networks by family, or measured ones by what they are good for here.
struct NetworksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "networks", abstract: "Lists the networks: size, work, input, and the accuracy of their published weights.",
        discussion: """
            Top-1 and top-5 are accuracies on ImageNet's validation set, one crop. A GMAC is 2 GFLOP.

            graft networks --measure resnet50 mobilenet_v3_large efficientnet_b0

            measures how many images a second each classifies on this machine, and sorts by how many of them would be classified rightly. A \
            network is marked with * if no other one measured is both faster and more accurate: choose among these.
            """)

    @Flag(help: "Print one JSON object a line instead of a table.")
    var json = false
    @Flag(help: "Measure images a second here, on all cores, and sort by right answers a second.")
    var measure = false
    @Option(help: "How long each network is measured, in seconds.")
    var seconds = 1.0
    @Option(help: "How many images are computed at once.")
    var batch = 8
    @Argument(help: "Networks to list; all of them if left out.")
    var networks: [String] = []

    func validate() throws {
        guard (0...3600).contains(seconds) else { throw ValidationError("--seconds must lie between 0 and 3600") }
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must lie between 1 and 4096") }
    }

    func run() throws {
        try reportingErrors {
            let entries = networks.isEmpty ? NetworkCatalog.entries : try networks.map { try NetworkCatalog.entry(named: $0) }
            var lines = entries.map(NetworkLine.init)
            if measure { try measure(&lines, entries) }
            print(json ? try lines.map { try $0.jsonLine() }.joined(separator: "\n") : Self.table(lines))
        }
    }

    private func measure(_ lines: inout [NetworkLine], _ entries: [NetworkEntry]) throws {
        let speed = NetworkSpeed(threads: try localThreads(), batch: batch, seconds: seconds)
        let progress = WorkProgress("measured", "networks")
        for (index, entry) in entries.enumerated() {
            lines[index].imagesPerSecond = try speed.imagesPerSecond(entry.build())
            progress.tell(index + 1, of: entries.count)
        }
        let points = lines.map { [$0.imagesPerSecond ?? 0, $0.top1 ?? 0] }
        for index in lines.indices { lines[index].isWorthChoosing = isOnFront(points[index], among: points) }
        lines.sort { $0.rightPerSecond > $1.rightPerSecond }
    }

    /// One table, its columns aligned over all families, with a line above each family; of measured networks one row after the other.
    private static func table(_ networks: [NetworkLine]) -> String {
        let isMeasured = networks.contains { $0.imagesPerSecond != nil }
        var table = TextTable(
            (isMeasured ? [.left(""), .right("images/s"), .right("right/s")] : [.left("")]) + [
                .right("parameters"), .right("GMAC"), .right("input"), .right("top-1 %"), .right("top-5 %"),
                .left("published by"),
            ])
        for network in networks {
            let speed = network.imagesPerSecond.map { rate in
                [Readable.fixed(rate, 1), network.top1 == nil ? "–" : Readable.fixed(network.rightPerSecond, 1)]
            }
            table.add(
                [(network.isWorthChoosing ?? false ? "* " : isMeasured ? "  " : "") + network.name] + (speed ?? []) + [
                    Readable.count(network.parameters), Readable.fixed(Double(network.multiplyAccumulates) / 1e9, 2),
                    "\(network.inputSize)", network.top1.map { Readable.fixed($0, 1) } ?? "–",
                    network.top5.map { Readable.fixed($0, 1) } ?? "–", network.publishedBy,
                ])
        }
        let lines = table.lines(indent: isMeasured ? 0 : 2)
        guard !isMeasured else { return lines.joined(separator: "\n") }
        var text = lines[0]
        for (index, line) in lines.dropFirst().enumerated() {
            let isFirst = index == 0 || networks[index].family != networks[index - 1].family
            if isFirst { text += "\n\(networks[index].family)" }
            text += "\n\(line)"
        }
        return text
    }
}

/// What `graft networks` says of one network.
private struct NetworkLine: Encodable {
    let name: String
    let family: String
    /// For 1000 classes, running statistics not counted.
    let parameters: Int
    /// Of one image, convolutions and linear layers.
    let multiplyAccumulates: Int
    /// Side of the square input in pixels.
    let inputSize: Int
    /// Percent.
    let top1: Double?
    let top5: Double?
    let publishedBy: String
    /// Left out where nothing was measured.
    var imagesPerSecond: Double?
    /// Whether no other measured network is both faster and more accurate; left out where nothing was measured.
    var isWorthChoosing: Bool?

    /// Images a second that the published weights would classify rightly.
    var rightPerSecond: Double { (imagesPerSecond ?? 0) * (top1 ?? 0) / 100 }

    init(_ entry: NetworkEntry) {
        let graph = entry.build()
        name = entry.name
        family = entry.family.rawValue
        parameters = graph.parameterCount
        multiplyAccumulates = graph.multiplyAccumulates
        inputSize = entry.inputSize
        top1 = entry.publishedTop1
        top5 = entry.publishedTop5
        publishedBy = entry.publishedBy
    }
}
