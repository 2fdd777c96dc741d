// Downloads one file over HTTP or HTTPS, continuing what an earlier attempt left behind.
import Execution
import Files
import Foundation
import PlanReports
import Reporting

/// An address, and the file that its bytes go into.
struct CurlDownload {
    let address: String
    /// Holds the bytes so far; a whole file only after `run`.
    let path: String
    /// Sent to the address, which then must not redirect.
    var token: String?
    /// The size, where it is known; else the server is asked.
    var size: Int?
    /// Asked while it runs.
    var isStopped: () -> Bool = { false }

    /// Why there is no file; what came so far stays.
    typealias Failure = Curl.Failure

    /// Downloads what is missing. Tries again as long as each attempt brings something. Throws `Failure`, and `StoppedEarly` when told
    /// to stop: what came so far stays.
    func run() throws {
        let total = try size ?? statedSize()
        if let total, received > total { try? FileManager.default.removeItem(atPath: path) }
        let progress = DownloadProgress(start: received, total: total)
        while total == nil || received < (total ?? 0) {
            let before = received
            let attempt = try curl(["--continue-at", "-", "--output", path]) { progress.show(received) }
            progress.finish(received)
            if attempt.status == 0, total == nil || received == total { return }
            // 23: what came could not be written.
            if attempt.status == 23 { throw Failure(reason: attempt.reason, fault: .disk) }
            if received == before {
                // 33: the server knows no ranges, so only the whole file can be had.
                guard attempt.status == 33, before > 0 else { throw Failure(reason: attempt.reason) }
                try? FileManager.default.removeItem(atPath: path)
            }
            say("  the connection ended (\(attempt.reason)); continuing")
        }
    }

    /// Bytes in the file.
    private var received: Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    /// The file's size as the server tells it, if it does. Throws where the file is not to be had.
    private func statedSize() throws -> Int? {
        let answer = try curl(["--head"])
        guard answer.status == 0 else { throw Failure(reason: answer.reason) }
        // Redirects answer first; the last answer counts.
        let sizes = answer.output.split(whereSeparator: \.isNewline).compactMap { line -> Int? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "content-length" else { return nil }
            return Int(parts[1].trimmingCharacters(in: .whitespaces))
        }
        return sizes.last
    }

    private func curl(_ arguments: [String], meanwhile: () -> Void = {}) throws -> Curl.Answer {
        try Curl(token: token, isStopped: isStopped).run(["--fail"] + arguments, address, meanwhile: meanwhile)
    }
}

/// How far a download is, on standard error: a line that rewrites itself on a terminal, a line every ten percent elsewhere.
private final class DownloadProgress {
    private let terminal = Terminal.standardError()
    private var line: LiveLine
    private let begin = Date()
    private let start: Int
    private let total: Int?
    private var lastTenth: Int

    init(start: Int, total: Int?) {
        (self.start, self.total) = (start, total)
        lastTenth = Self.tenth(start, total)
        line = LiveLine(terminal)
    }

    private static func tenth(_ received: Int, _ total: Int?) -> Int {
        total.map { $0 == 0 ? 0 : 10 * received / $0 } ?? received / 100_000_000
    }

    func show(_ received: Int) {
        let tenth = Self.tenth(received, total)
        guard terminal.isInteractive || tenth > lastTenth else { return }
        lastTenth = tenth
        let rate = Double(received - start) / max(Date().timeIntervalSince(begin), 1e-3)
        let amount = total.map { "\(Readable.bytes(received)) of \(Readable.bytes($0)), \(Readable.share(received, of: $0))" }
        let text = "  \(amount ?? Readable.bytes(received)), \(Readable.bytes(Int(rate)))/s"
        line.show(text)
    }

    /// Shows the last amount for good.
    func finish(_ received: Int) {
        show(received)
        if terminal.isInteractive { say("") }
    }
}
