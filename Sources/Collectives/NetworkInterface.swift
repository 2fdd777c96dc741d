// The network interfaces of this host, and which of them leads to another: by addresses alone, as Open MPI chooses too.
import Foundation

/// An interface with an address of the internet protocol, version 4.
package struct NetworkInterface: Codable, Equatable, Sendable {
    package var name: String
    /// Its address and the mask of its network, as numbers.
    package var address: UInt32
    package var mask: UInt32
    /// What the driver states; nil where it does not.
    package var bitsPerSecond: Double?

    package init(name: String, address: UInt32, mask: UInt32, bitsPerSecond: Double? = nil) {
        (self.name, self.address, self.mask, self.bitsPerSecond) = (name, address, mask, bitsPerSecond)
    }

    /// Those that are up, but for the one that leads back to the host itself.
    package static func all() -> [NetworkInterface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        // Flags are IFF_UP and IFF_LOOPBACK of netdevice(7).
        return sequence(state: first) { next -> ifaddrs? in
            defer { next = next?.pointee.ifa_next }
            return next?.pointee
        }.compactMap { entry in
            guard entry.ifa_flags & 0x1 != 0, entry.ifa_flags & 0x8 == 0, let address = number(entry.ifa_addr),
                let mask = number(entry.ifa_netmask)
            else { return nil }
            let name = String(cString: entry.ifa_name)
            return NetworkInterface(name: name, address: address, mask: mask, bitsPerSecond: statedSpeed(of: name))
        }
    }

    private static func number(_ address: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
        guard let address, address.pointee.sa_family == sa_family_t(AF_INET) else { return nil }
        return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt32(bigEndian: $0.pointee.sin_addr.s_addr) }
    }

    /// Linux has megabits a second there; -1 for what has no speed of its own.
    private static func statedSpeed(of name: String) -> Double? {
        guard let text = try? String(contentsOfFile: "/sys/class/net/\(name)/speed", encoding: .utf8),
            let megabits = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)), megabits > 0
        else { return nil }
        return megabits * 1e6
    }

    /// Which of `own` leads to a host with these interfaces: the one whose network holds an address of it. Bridges of containers, which have
    /// the same address on every host, do not.
    /// - Parameter included: what `btl_tcp_if_include` names, interfaces or networks, between commas; nil for all.
    package static func leading(to other: [NetworkInterface], own: [NetworkInterface], included: String?) -> NetworkInterface? {
        let wanted = included?.split(separator: ",").map(String.init)
        return own.first { interface in
            wanted?.contains(where: interface.isMeant) ?? true
                && other.contains { $0.address & interface.mask == interface.network && $0.address != interface.address }
        }
    }

    private var network: UInt32 { address & mask }

    /// Whether `eth0` or `10.0.0.0/24` means this one.
    private func isMeant(by text: String) -> Bool {
        let parts = text.split(separator: "/")
        let bytes = parts.first?.split(separator: ".").compactMap { UInt8($0) } ?? []
        guard parts.count == 2, bytes.count == 4, let bits = Int(parts[1]), 0...32 ~= bits else { return text == name }
        let mask = bits == 0 ? 0 : UInt32.max << UInt32(32 - bits)
        return bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & mask == address & mask
    }
}
