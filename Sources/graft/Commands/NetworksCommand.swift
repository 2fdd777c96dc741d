// `graft networks`: every network of the catalogue.
import Tensors
import ArgumentParser
import Execution
import Graphs
import Networks
import PlanReports

/// Lists the networks by family.
struct NetworksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "networks", abstract: "Lists the networks: size, work, input, and the accuracy of their published weights.",
        discussion: "Top-1 and top-5 are accuracies on ImageNet's validation set, one crop. A GMAC is 2 GFLOP.")

    @Flag(help: "Print one JSON object a line instead of a table.")
    var json = false

    func run() throws {
        let networks = NetworkCatalog.entries.map(NetworkLine.init)
        print(json ? try networks.map { try $0.jsonLine() }.joined(separator: "\n") : Self.table(networks))
    }

    /// One table, its columns aligned over all families, with a line above each family.
    private static func table(_ networks: [NetworkLine]) -> String {
        var table = TextTable([
            .left(""), .right("parameters"), .right("GMAC"), .right("input"), .right("top-1 %"), .right("top-5 %"),
            .left("published by"),
        ])
        for network in networks {
            table.add([
                network.name, Readable.count(network.parameters),
                Readable.fixed(Double(network.multiplyAccumulates) / 1e9, 2), "\(network.inputSize)",
                network.top1.map { Readable.fixed($0, 1) } ?? "–", network.top5.map { Readable.fixed($0, 1) } ?? "–",
                network.publishedBy,
            ])
        }
        let lines = table.lines(indent: 2)
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
