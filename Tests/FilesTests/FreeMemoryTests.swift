// What is left of a machine's memory, and of a container's.
import Files
import Foundation
import Testing

struct FreeMemoryTests {
    private static let stat = "total_cache 9\ntotal_inactive_file 300\ntotal_active_file 200\n"

    /// - Parameter files: texts by path below the root.
    private func available(_ files: [String: String]) throws -> Int {
        let root = FileManager.default.temporaryDirectory.appending(path: "graft-memory-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return availableMemoryBytes(root: root.path)
    }

    private let machine = ["proc/meminfo": "MemTotal:       99 kB\nMemAvailable:   2 kB\n"]

    @Test func theLeastHolds() throws {
        #expect(try available([:]) == 0)
        #expect(try available(machine) == 2048)
        let second = ["sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"]
        #expect(try available(machine.merging(second) { $1 }) == 2048)
        let limited = [
            "sys/fs/cgroup/memory.max": "1500\n", "sys/fs/cgroup/memory.current": "900\n",
            "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 300\nactive_file 100\nslab_reclaimable 50\n",
        ]
        #expect(try available(machine.merging(limited) { $1 }) == 1500 - (900 - 450))
    }

    /// Where there is no limit the first version of groups states nearly the largest number, and its caches may add up to more than what
    /// it says is used.
    @Test(arguments: ["9223372036854771712", "9223372036854775807"]) func noLimitIsNoOverflow(_ limit: String) throws {
        for usage in ["0", "499", "500", "100000"] {
            let group = [
                "sys/fs/cgroup/memory/memory.limit_in_bytes": limit, "sys/fs/cgroup/memory/memory.usage_in_bytes": usage,
                "sys/fs/cgroup/memory/memory.stat": Self.stat,
            ]
            #expect(try available(machine.merging(group) { $1 }) == 2048)
        }
        let full = [
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000", "sys/fs/cgroup/memory/memory.usage_in_bytes": "2000",
            "sys/fs/cgroup/memory/memory.stat": Self.stat,
        ]
        #expect(try available(machine.merging(full) { $1 }) == 0)
    }
}
