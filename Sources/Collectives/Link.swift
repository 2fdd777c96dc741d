// A link between two hosts, as it was tried, and which of many is much slower than the others.

/// A link, by the names of the hosts that it joins.
package struct Link: Encodable, Equatable, Sendable {
    package var from: String
    package var to: String
    /// One way, the longer of both directions.
    package var latencySeconds: Double
    package var bytesPerSecond: Double
    /// From `to` to `from`.
    package var bytesPerSecondBack: Double
    /// The interfaces at both ends, where addresses tell.
    package var interface: String?
    /// What the slower of them states.
    package var statedBitsPerSecond: Double?

    package init(
        from: String, to: String, latencySeconds: Double, bytesPerSecond: Double, bytesPerSecondBack: Double,
        interface: String? = nil, statedBitsPerSecond: Double? = nil
    ) {
        (self.from, self.to, self.latencySeconds) = (from, to, latencySeconds)
        (self.bytesPerSecond, self.bytesPerSecondBack) = (bytesPerSecond, bytesPerSecondBack)
        (self.interface, self.statedBitsPerSecond) = (interface, statedBitsPerSecond)
    }

    package var slowerBytesPerSecond: Double { min(bytesPerSecond, bytesPerSecondBack) }

    /// A link is slow that carries less than this share of what the median does.
    private static let slowShare = 0.5

    /// What half of the links carry, or more.
    package static func usualRate(of links: [Link]) -> Double {
        let sorted = links.map(\.slowerBytesPerSecond).sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    /// Those that are much slower than the others. One or two links have no median to speak of.
    package static func slow(among links: [Link]) -> [Link] {
        guard links.count > 2 else { return [] }
        let usual = usualRate(of: links)
        return links.filter { $0.slowerBytesPerSecond < slowShare * usual }
    }
}
