// Downloads one file over HTTP or HTTPS, continuing what an earlier attempt left behind.
//
// The `curl` program does it, on the one host that fetches: ranges, redirects, proxies, certificates. Foundation's URLSession would do
// as well, but with it every rank of every job needs libcurl on its host to start at all, and static builds its headers.
import Collectives
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
    /// Asked while it runs.
    var isStopped: () -> Bool = { false }

    /// Why there is no file; what came so far stays.
    struct Failure: Error {
        let reason: String
        var fault = FileError.Fault.request
    }

    /// Downloads what is missing. Tries again as long as each attempt brings something. Throws `Failure`, and `StoppedEarly` when told
    /// to stop: what came so far stays.
    func run() throws {
        let total = try size()
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
    private func size() throws -> Int? {
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

    private struct Answer {
        let status: Int32
        let output: String
        /// What curl said, without its name.
        let reason: String
    }

    /// Runs curl to its end. Throws `Failure` where there is no such program.
    private func curl(_ arguments: [String], meanwhile: () -> Void = {}) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "curl", "--silent", "--show-error", "--fail", "--location", "--proto", "=http,https", "--connect-timeout", "20",
                // A connection that stands still for a minute is broken.
                "--speed-limit", "1", "--speed-time", "60",
            ] + arguments + ["--", address]
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        do {
            try StopSignals.lettingThrough { try process.run() }
        } catch {
            throw Failure(reason: "cannot start curl: \(error.localizedDescription)")
        }
        // What curl writes into the pipes is short enough to stay there until its end.
        while process.isRunning {
            Thread.sleep(forTimeInterval: 0.05)
            meanwhile()
            guard isStopped() else { continue }
            process.terminate()
            process.waitUntilExit()
            throw StoppedEarly()
        }
        process.waitUntilExit()
        let read = { (pipe: Pipe) in String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
        let (said, status) = (read(errors).trimmingCharacters(in: .whitespacesAndNewlines), process.terminationStatus)
        if status == 127 { throw Failure(reason: "there is no curl on this machine; install it") }
        let line = said.split(separator: "\n").last.map(String.init) ?? ""
        return Answer(
            status: status, output: read(output),
            reason: line.replacing(/^curl: (\(\d+\) )?/, with: "").isEmpty
                ? "curl ended with status \(status)" : line.replacing(/^curl: (\(\d+\) )?/, with: ""))
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
