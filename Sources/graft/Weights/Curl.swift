// The `curl` program, run once.
//
// It fetches on the one host that does: ranges, redirects, proxies, certificates. Foundation's URLSession would do as well, but with it
// every rank of every job needs libcurl on its host to start at all, and static builds its headers.
import Collectives
import Files
import Foundation

/// How curl is run.
struct Curl {
    /// Goes to the addressed host as a bearer's, and is in no list of processes. Redirects are then not followed: they may lead to
    /// another host.
    var token: String?
    /// Whether redirects are followed where there is no token.
    var followsRedirects = true
    /// Asked while it runs.
    var isStopped: () -> Bool = { false }

    struct Answer {
        let status: Int32
        let output: String
        /// What curl said, without its name.
        let reason: String
    }

    /// Why there is no answer.
    struct Failure: Error {
        let reason: String
        var fault = FileError.Fault.request
    }

    /// Runs curl to its end. Throws `Failure` where there is no such program, and `StoppedEarly`.
    func run(_ arguments: [String], _ address: String, meanwhile: () -> Void = {}) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["curl", "--silent", "--show-error", "--proto", "=http,https", "--connect-timeout", "20"]
            // A connection that stands still for a minute is broken.
            + ["--speed-limit", "1", "--speed-time", "60"] + (followsRedirects && token == nil ? ["--location"] : [])
            + (token == nil ? [] : ["--config", "-"]) + arguments + ["--", address]
        let (output, errors, input) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input
        // Before there is a reader: a line fits into the pipe, and nobody can have gone away.
        if let token {
            try? input.fileHandleForWriting.write(contentsOf: Data("header = \"Authorization: Bearer \(token)\"\n".utf8))
        }
        process.standardOutput = output
        process.standardError = errors
        do {
            try StopSignals.lettingThrough { try process.run() }
        } catch {
            throw Failure(reason: "cannot start curl: \(error.localizedDescription)")
        }
        try? input.fileHandleForWriting.close()
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
        let reason = line.replacing(/^curl: (\(\d+\) )?/, with: "")
        return Answer(status: status, output: read(output), reason: reason.isEmpty ? "curl ended with status \(status)" : reason)
    }
}
