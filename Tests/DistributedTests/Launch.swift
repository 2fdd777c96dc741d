// Starts the built program, alone or under mpirun, and collects what it says.
import Foundation

/// A finished run of `graft`.
struct Launch {
    let status: Int32
    let output: String
    let errors: String
    let seconds: Double

    /// `mpirun`'s path, or nil on a machine without it.
    static let mpirun = ["/usr/bin/mpirun", "/usr/local/bin/mpirun"].first { FileManager.default.isExecutableFile(atPath: $0) }

    /// The program stands beside the test bundle.
    static let graft = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "graft").path

    /// Runs `graft` with `arguments`; under `mpirun` if `ranks` is given. Ends it after `limit` seconds.
    init(_ arguments: [String], ranks: Int? = nil, environment: [String: String] = [:], limit: Double = 90) throws {
        let process = Process()
        if let ranks, let mpirun = Launch.mpirun {
            process.executableURL = URL(fileURLWithPath: mpirun)
            process.arguments = ["-n", "\(ranks)", "--oversubscribe", "--bind-to", "none", Launch.graft] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: Launch.graft)
            process.arguments = arguments
        }
        let settings = [
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "SWIFT_BACKTRACE": "enable=no",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }.merging(environment) { $1 }
        // Files, not pipes: a full pipe would stop the ranks.
        let folder = FileManager.default.temporaryDirectory.appending(path: "graft-launch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let streams = try ["output", "errors"].map { name in
            let file = folder.appending(path: name)
            try Data().write(to: file)
            return (file: file, handle: try FileHandle(forWritingTo: file))
        }
        process.standardOutput = streams[0].handle
        process.standardError = streams[1].handle
        let start = Date()
        try process.run()
        let watchdog = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + limit, execute: watchdog)
        process.waitUntilExit()
        watchdog.cancel()
        seconds = Date().timeIntervalSince(start)
        status = process.terminationStatus
        output = try String(contentsOf: streams[0].file, encoding: .utf8)
        errors = try String(contentsOf: streams[1].file, encoding: .utf8)
    }
}
