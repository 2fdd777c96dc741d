// How much memory a process may still take.
import Foundation

/// Bytes that the system can give without swapping, within what a container grants. 0 where nothing says.
func availableMemoryBytes() -> Int {
    func number(_ path: String) -> Int? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    let facts = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
    let line = facts.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let kilobytes = line.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
    var available = (kilobytes ?? 0) * 1024
    let groups = [
        (folder: "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current", prefix: ""),
        (folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", prefix: "total_"),
    ]
    for group in groups {
        guard let limit = number("\(group.folder)/\(group.limit)"), let usage = number("\(group.folder)/\(group.usage)") else {
            continue
        }
        // What is only there to speed up files counts as used, and is given back when memory is asked for.
        let cache = ["inactive_file", "active_file", "slab_reclaimable"].map { "\(group.prefix)\($0)" }
        available = min(available, max(0, limit - usage + fileCacheBytes(cache, "\(group.folder)/memory.stat")))
    }
    return available
}

/// The sum of some lines `name bytes` of a group's statistics.
private func fileCacheBytes(_ names: [String], _ path: String) -> Int {
    let lines = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").map {
        $0.split(separator: " ")
    }
    return lines.filter { $0.count == 2 && names.contains(String($0[0])) }.reduce(0) { $0 + (Int($1[1]) ?? 0) }
}
