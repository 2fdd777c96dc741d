// What `graft doctor --links` found: every link between hosts, and those that are much slower than the others.
import Collectives
import CollectivesMPI
import Foundation
import PlanReports
import Tensors

/// All links of a job.
struct LinkReport {
    let links: [Link]
    /// Of these the table shows the slowest.
    private static let shown = 40

    init(links: [Link]) { self.links = links }

    /// Tries every link between hosts, through the first rank of each; where there is one host, every pair of ranks. Every rank calls it.
    init(over communicator: MPICommunicator, environment: [String: String]) throws {
        struct End: Codable {
            var host: String
            var isFirst: Bool
            var interfaces: [NetworkInterface]
        }
        let isFirst = communicator.localRank == 0
        let own = End(host: communicator.hostName, isFirst: isFirst, interfaces: isFirst ? NetworkInterface.all() : [])
        let ends = try communicator.gather([UInt8](try JSONEncoder().encode(own))).map {
            try JSONDecoder().decode(End.self, from: Data($0))
        }
        let isAlone = communicator.localSize == communicator.size
        let members = ends.indices.filter { isAlone || ends[$0].isFirst }
        let trials = try communicator.tryLinks(among: members)
        let there = Dictionary(trials.map { ([$0.from, $0.to], $0) }) { first, _ in first }
        // Hosts may have the same name.
        let repeated = Dictionary(grouping: members) { ends[$0].host }.filter { $1.count > 1 }
        func name(_ rank: Int) -> String {
            repeated[ends[rank].host] == nil ? ends[rank].host : "\(ends[rank].host) rank \(rank)"
        }
        let included = environment["OMPI_MCA_btl_tcp_if_include"]
        links = trials.filter { $0.from < $0.to }.compactMap { trial in
            guard let back = there[[trial.to, trial.from]] else { return nil }
            let (near, far) = (ends[trial.from].interfaces, ends[trial.to].interfaces)
            let leaving = isAlone ? nil : NetworkInterface.leading(to: far, own: near, included: included)
            let arriving = isAlone ? nil : NetworkInterface.leading(to: near, own: far, included: included)
            let names = [leaving, arriving].compactMap { $0?.name }
            return Link(
                from: name(trial.from), to: name(trial.to), latencySeconds: max(trial.latency, back.latency),
                bytesPerSecond: trial.bytesPerSecond, bytesPerSecondBack: back.bytesPerSecond,
                interface: names.isEmpty
                    ? nil : names.count == 2 && names[0] == names[1] ? names[0] : names.joined(separator: " - "),
                statedBitsPerSecond: [leaving, arriving].compactMap { $0?.bitsPerSecond }.min())
        }
    }

    /// One for each link that is much slower than the others.
    var warnings: [String] {
        Link.slow(among: links).map {
            "the link between \($0.from) and \($0.to) carries \(Self.rate($0.slowerBytesPerSecond)), and half of all links "
                + "\(Self.rate(Link.usualRate(of: links))) or more: look at its cable and switch port, and at what else uses it"
        }
    }

    /// A table for people, the slowest first.
    var lines: [String] {
        guard !links.isEmpty else { return ["one rank: no links"] }
        var table = TextTable([
            .left("from"), .left("to"), .right("latency"), .right("there"), .right("back"), .left("interface"), .right("states"),
        ])
        let sorted = links.sorted { $0.slowerBytesPerSecond < $1.slowerBytesPerSecond }
        for link in sorted.prefix(Self.shown) {
            table.add([
                link.from, link.to, Readable.fixed(link.latencySeconds * 1e6, 0) + " µs", Self.rate(link.bytesPerSecond),
                Self.rate(link.bytesPerSecondBack), link.interface ?? "",
                link.statedBitsPerSecond.map { Readable.fixed($0 * 1e-9, 1) + " Gbit/s" } ?? "",
            ])
        }
        var lines =
            ["links, the slowest first; half of them carry \(Self.rate(Link.usualRate(of: links))) or more:"] + table.lines()
        if links.count > Self.shown { lines.append("and \(links.count - Self.shown) more, none of them slower") }
        return lines
    }

    private static func rate(_ bytesPerSecond: Double) -> String { Readable.fixed(bytesPerSecond * 1e-6, 0) + " MB/s" }
}
