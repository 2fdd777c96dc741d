// How much memory a process may still take.
import Foundation

/// Bytes that the system can give without swapping, within what a container grants. 0 where nothing says.
///
/// - Parameter root: where the system's files are; tests give folders of their own.
package func availableMemoryBytes(root: String = "") -> Int {
    var available = (count(in: "\(root)/proc/meminfo", of: ["MemAvailable:"]) ?? 0) * 1024
    let groups = [
        (folder: "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current", prefix: ""),
        (folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", prefix: "total_"),
    ]
    for group in groups {
        let folder = root + group.folder
        guard let limit = number("\(folder)/\(group.limit)"), let usage = number("\(folder)/\(group.usage)") else { continue }
        // What is only there to speed up files counts as used, and is given back when memory is asked for. Both are told a little apart,
        // and no limit is a number near the largest: more than nothing must not be added to it.
        let cache = ["inactive_file", "active_file", "slab_reclaimable"].map { group.prefix + $0 }
        let kept = max(0, usage - (count(in: "\(folder)/memory.stat", of: cache) ?? 0))
        available = min(available, max(0, limit - kept))
    }
    return available
}

private func number(_ path: String) -> Int? {
    (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
}

/// The sum of the numbers behind some names, a name a line; nil for a file that is not there.
private func count(in path: String, of names: [String]) -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let lines = text.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
    return lines.filter { $0.count >= 2 && names.contains(String($0[0])) }.reduce(0) { $0 + (Int($1[1]) ?? 0) }
}
