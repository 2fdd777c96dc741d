// Starts the built program, alone or under mpirun, and collects what it says.
package import Foundation

/// A finished run of `graft`.
package struct Launch {
    /// The exit status; the number of the signal where one ended the process.
    package let status: Int32
    package let output: String
    package let errors: String
    package let seconds: Double

    /// `mpirun`'s path, or nil on a machine without it.
    package static let mpirun = ["/usr/bin/mpirun", "/usr/local/bin/mpirun"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The program stands beside the test bundle.
    package static let graft = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "graft")
        .path

    /// Runs `graft` with `arguments` to its end; under `mpirun` if `ranks` is given. Ends it after `limit` seconds.
    package init(
        _ arguments: [String], ranks: Int? = nil, in folder: URL? = nil, environment: [String: String] = [:],
        shell: String? = nil,
        limit: Double = 90
    ) throws {
        self = try RunningLaunch(
            arguments, ranks: ranks, in: folder, environment: environment, shell: shell, limit: limit
        ).end()
    }

    fileprivate init(status: Int32, output: String, errors: String, seconds: Double) {
        (self.status, self.output, self.errors, self.seconds) = (status, output, errors, seconds)
    }
}

/// A run of `graft` that goes on while the test looks on.
package final class RunningLaunch {
    private let process = Process()
    private let isUnderLauncher: Bool
    private let start = Date()
    private let logs: URL
    private let watchdog: DispatchWorkItem

    /// Starts the program.
    /// - Parameters:
    ///   - ranks: processes under `mpirun`; nil for the program alone.
    ///   - folder: the working directory; nil for the present one.
    ///   - environment: variables besides those of this process.
    ///   - launcher: what stands for `mpirun`, such as a script around it.
    ///   - shell: a shell's commands before the program takes its place, such as limits; only without `ranks`.
    ///   - limit: seconds after which it is killed; the ranks of a killed launcher end by themselves.
    package init(
        _ arguments: [String], ranks: Int? = nil, in folder: URL? = nil, environment: [String: String] = [:],
        launcher: String? = nil, shell: String? = nil, limit: Double = 90
    ) throws {
        // Files, not pipes: a full pipe would stop the ranks.
        logs = FileManager.default.temporaryDirectory.appending(path: "graft-launch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
        let command: [String]
        if let ranks, let mpirun = launcher ?? Launch.mpirun {
            isUnderLauncher = true
            command = [mpirun, "-n", "\(ranks)", "--oversubscribe", "--bind-to", "none", Launch.graft] + arguments
        } else {
            isUnderLauncher = false
            let prefix = shell.map { ["/bin/bash", "-c", "\($0); exec \"$0\" \"$@\""] } ?? []
            command = prefix + [Launch.graft] + arguments
        }
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.currentDirectoryURL = folder
        let settings = [
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "SWIFT_BACKTRACE": "enable=no",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }.merging(environment) { $1 }
        let streams = try ["output", "errors"].map { [logs] name in
            let file = logs.appending(path: name)
            try Data().write(to: file)
            return try FileHandle(forWritingTo: file)
        }
        process.standardOutput = streams[0]
        process.standardError = streams[1]
        watchdog = DispatchWorkItem { [process] in kill(process.processIdentifier, SIGKILL) }
        try Self.withoutBlockedSignals { try process.run() }
        DispatchQueue.global().asyncAfter(deadline: .now() + limit, execute: watchdog)
    }

    deinit {
        if process.isRunning { for rank in ranks { kill(rank, SIGKILL) } }
        try? FileManager.default.removeItem(at: logs)
    }

    /// The threads of tests block signals, and a process inherits that from the thread that starts it: `mpirun` would hear none.
    private static func withoutBlockedSignals(_ body: () throws -> Void) throws {
        var (none, former) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &former)
        defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
        try body()
    }

    package var isRunning: Bool { process.isRunning }

    /// The process that was started: the launcher, or the program itself.
    package var id: Int32 { process.processIdentifier }

    /// The processes of the ranks on this machine, in no order: the launcher's children, or the program itself.
    package var ranks: [Int32] {
        guard isUnderLauncher else { return [id] }
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        return numbers.filter { Self.state(of: $0)?.parent == id }
    }

    /// Whether a process still does anything: one that has ended may stay listed until its parent asks.
    package static func isAlive(_ process: Int32) -> Bool { state(of: process).map { $0.letter != "Z" } ?? false }

    private static func state(of process: Int32) -> (letter: Substring, parent: Int32)? {
        // `number (name) state parent …`; a name may hold anything, so count from its end.
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 1, let parent = Int32(fields[1])
        else { return nil }
        return (fields[0], parent)
    }

    /// What was written to standard error by now.
    package var errorsSoFar: String { (try? String(contentsOf: logs.appending(path: "errors"), encoding: .utf8)) ?? "" }

    /// Waits for the end.
    package func end() throws -> Launch {
        process.waitUntilExit()
        watchdog.cancel()
        return Launch(
            status: process.terminationStatus, output: try String(contentsOf: logs.appending(path: "output"), encoding: .utf8),
            errors: try String(contentsOf: logs.appending(path: "errors"), encoding: .utf8),
            seconds: Date().timeIntervalSince(start))
    }
}
