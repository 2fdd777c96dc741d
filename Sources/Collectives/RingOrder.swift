// In which order ranks pass sums on.

/// The ranks around a ring on which those of one host stand side by side.
///
/// Then a host's network link carries each byte once, however many ranks the host has and however the launcher numbered them:
/// the same traffic as summing inside each host first. Hosts stand in the order of their first ranks.
package func ringOrder(hosts: [String]) -> [Int] {
    let first = Dictionary(hosts.enumerated().map { ($1, $0) }) { earlier, _ in earlier }
    return hosts.indices.sorted { (first[hosts[$0]] ?? 0, $0) < (first[hosts[$1]] ?? 0, $1) }
}
