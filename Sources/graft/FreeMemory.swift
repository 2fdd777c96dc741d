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
    let limits = [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ]
    for (limit, usage) in limits {
        if let limit = number(limit), let usage = number(usage) { available = min(available, max(0, limit - usage)) }
    }
    return available
}
