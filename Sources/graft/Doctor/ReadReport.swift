// What `graft doctor CONFIG` says of reading: whether the storage keeps up with the network.
import PlanReports

/// What every host reads and decodes in a second.
struct ReadReport {
    let hosts: [HostReads]

    /// The hosts at which reading, decoding and computing are slowest.
    private func least(_ rate: (HostReads) -> Double) -> HostReads? { hosts.min { rate($0) < rate($1) } }

    /// One line for the storage, and one for the network where there is a config.
    var lines: [String] {
        guard let reads = least(\.filesPerSecond), let decodes = least(\.decodedPerSecond) else { return [] }
        func at(_ host: HostReads) -> String { hosts.count > 1 ? " on \(host.host), the slowest host" : " a host" }
        var lines = [
            "reads, not from memory as far as the system forgets: \(Self.whole(reads.filesPerSecond)) files/s, "
                + "\(Self.whole(reads.bytesPerSecond * 1e-6)) MB/s\(at(reads)); decoding: \(Self.whole(decodes.decodedPerSecond)) "
                + "whole pictures/s\(at(decodes))"
        ]
        // The host whose storage is closest to being too slow.
        if let host = least({ $0.filesPerSecond / ($0.networkImagesPerSecond ?? 1) }), let takes = host.networkImagesPerSecond {
            let times = host.filesPerSecond / takes
            lines.append(
                "the network takes about \(Readable.short(takes)) images/s\(hosts.count > 1 ? " on \(host.host)" : " a host"): reads "
                    + (times >= 1 ? "keep up (\(Readable.short(times)) x)" : "do not keep up (\(Readable.short(times)) x)"))
        }
        return lines
    }

    /// One for each host whose network would wait for photographs.
    var warnings: [String] {
        hosts.flatMap { host -> [String] in
            guard let takes = host.networkImagesPerSecond else {
                return host.filesPerSecond > 0 ? [] : ["host \(host.host): no file could be read"]
            }
            guard host.filesPerSecond < takes else { return [] }
            return [
                "host \(host.host): the storage gives \(Readable.short(host.filesPerSecond)) photographs a second, and the network takes about "
                    + "\(Readable.short(takes)): training will wait for them; copy them to a disk of the host, pack them (graft pack), or keep "
                    + "features (features.cache)"
            ]
        }
    }

    private static func whole(_ rate: Double) -> String { rate < 10 ? Readable.short(rate) : Readable.fixed(rate, 0) }
}
