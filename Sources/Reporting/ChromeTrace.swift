// A timeline of all ranks in the trace event format that Chrome's tracing page and Perfetto read.
package import Foundation

/// Something that took a while on one track of one rank.
package struct TraceSpan: Sendable, Codable, Hashable {
    /// A row of a rank's timeline.
    package enum Track: Sendable, Codable, Hashable {
        case compute, sums
        case loader(Int)

        var number: Int {
            switch self {
            case .compute: 0
            case .sums: 1
            case .loader(let thread): 2 + thread
            }
        }

        var name: String {
            switch self {
            case .compute: "compute"
            case .sums: "gradient sums"
            case .loader(let thread): thread == 0 ? "loader" : "loader \(thread)"
            }
        }
    }

    package let track: Track
    package let name: String
    package let category: String
    /// Nanoseconds of the rank's own clock.
    package let start: UInt64
    package let end: UInt64

    package init(track: Track, name: String, category: String, start: UInt64, end: UInt64) {
        self.track = track
        self.name = name
        self.category = category
        self.start = start
        self.end = end
    }
}

/// One rank's part of a trace.
package struct RankTrace: Sendable, Codable {
    package let rank: Int
    package let host: String
    /// What its clock showed at a moment that all ranks share.
    package let origin: UInt64
    package let spans: [TraceSpan]

    package init(rank: Int, host: String, origin: UInt64, spans: [TraceSpan]) {
        self.rank = rank
        self.host = host
        self.origin = origin
        self.spans = spans
    }
}

/// Ranks as processes, tracks as threads, complete events in microseconds since the moment that the ranks share; the format is described in "Trace
/// Event Format" of the Chromium project.
package enum ChromeTrace {
    private struct Event: Encodable {
        var name: String
        var cat: String?
        var ph: String
        var ts: Double?
        var dur: Double?
        var pid: Int
        var tid: Int?
        var args: [String: String]?
    }

    private struct File: Encodable {
        let displayTimeUnit = "ms"
        let traceEvents: [Event]
    }

    /// The file's content.
    package static func json(_ ranks: [RankTrace]) throws -> Data {
        var events: [Event] = []
        for rank in ranks {
            events.append(
                Event(name: "process_name", ph: "M", pid: rank.rank, args: ["name": "rank \(rank.rank) on \(rank.host)"]))
            for track in Set(rank.spans.map(\.track)).sorted(by: { $0.number < $1.number }) {
                events.append(
                    Event(name: "thread_name", ph: "M", pid: rank.rank, tid: track.number, args: ["name": track.name]))
            }
            events += rank.spans.sorted { $0.start < $1.start }.map { span in
                let start = (Double(span.start) - Double(rank.origin)) * 1e-3
                return Event(
                    name: span.name, cat: span.category, ph: "X", ts: start, dur: Double(span.end - span.start) * 1e-3,
                    pid: rank.rank, tid: span.track.number)
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(File(traceEvents: events))
    }
}
