// The processes that a launcher started on this host for the ranks of a job, as the system lists them: a rank that has not joined the
// others can only be seen from outside.
import Foundation

/// A process of a rank on this host: `graft`, or what was started in its place.
package struct RankProcess: Sendable, Equatable {
    /// A process that waits for the other ranks has a thread of this name; the system keeps 15 letters.
    private static let waitingThread = "graft at start"

    package var rank: Int
    package var id: Int32
    /// Of the program, as the system has it.
    package var name: String
    /// The system's letter: `T` for stopped, `D` for waiting for a disk.
    package var state: Character
    /// Whether it has begun to wait for the other ranks.
    package var hasCome: Bool

    package init(rank: Int, id: Int32, name: String, state: Character, hasCome: Bool) {
        (self.rank, self.id, self.name, self.state, self.hasCome) = (rank, id, name, state, hasCome)
    }

    package var isStopped: Bool { state == "T" || state == "t" }
    /// Whether the others need not look for it.
    package var isWaiting: Bool { hasCome && !isStopped }

    /// Names the calling thread so that the other ranks of the host see that this one has come.
    package static func nameWaitingThread() {
        try? Data(waitingThread.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
    }

    /// All of the job that this process belongs to, itself among them; none where the launcher does not name the job or the system does not
    /// list processes.
    package static func ofJob(environment: [String: String]) -> [RankProcess] {
        guard environment["PMIX_NAMESPACE"] != nil else { return [] }
        // Pretended hosts list each other's processes, so the host's name counts too.
        let job = ["PMIX_NAMESPACE", "PMIX_HOSTNAME"].compactMap { name in environment[name].map { "\(name)=\($0)" } }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.sorted().compactMap { RankProcess(id: $0, job: job) }
    }

    /// Nil for a process of something else, for one that has ended, and for another user's.
    private init?(id: Int32, job: [String]) {
        func read(_ name: String) -> Data? { try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(id)/\(name)")) }
        func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }
        guard let variables = read("environ")?.split(separator: 0).map(text),
            job.allSatisfy({ variables.contains($0) }),
            let rank = variables.first(where: { $0.hasPrefix("PMIX_RANK=") }).flatMap({ Int($0.dropFirst("PMIX_RANK=".count)) }),
            // `number (name) state …`; a name may hold anything, so look from its end.
            let status = read("stat").map(text), let opening = status.firstIndex(of: "("),
            let closing = status.lastIndex(of: ")"),
            let state = status[closing...].dropFirst(2).first, state != "Z"
        else { return nil }
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        (self.rank, self.id, self.state) = (rank, id, state)
        name = String(status[status.index(after: opening)..<closing])
        hasCome = threads.contains { read("task/\($0)/comm").map(text) == Self.waitingThread + "\n" }
    }
}
