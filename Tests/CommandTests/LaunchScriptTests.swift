// deploy/launch.sh: signals to the script at any moment stop the job gently.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher)) struct LaunchScriptTests {
        private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../deploy/launch.sh").standardizedFileURL.path

        /// Seconds after the start: before mpirun is ready, while ranks start, while they load; nil is in the first steps.
        @Test(arguments: [SIGUSR1, SIGINT, SIGTERM], [0.05, 0.3, 0.7, nil]) func aSignalToTheScriptStopsTheJob(
            signal: Int32, delay: Double?
        ) throws {
            let work = try Workplace(images: 4)
            let settings = ["network.unfrozen=[\"*\"]", "training.epochs=500", "data.validation=null"]
            let launch = try work.start("stopped", settings, ranks: 2, launcher: Self.script)
            if let delay { usleep(UInt32(delay * 1e6)) } else { try work.wait(for: launch, "stopped", steps: 1) }
            kill(launch.id, signal)
            let end = try launch.end()
            #expect(end.status == 75, "\(end.output)\n\(end.errors)")
            #expect(end.seconds < 60)
            if delay == nil { #expect(end.output.contains("as asked; continue with --resume")) }
        }

        @Test func itBringsTheStatusOfTheJob() throws {
            let work = try Workplace(images: 1)
            let settings = ["data.validation=null"]
            #expect(try work.start("done", settings, ranks: 2, launcher: Self.script).end().status == 0)
            #expect(try work.start("bad", ["network.weights=none.pth"], ranks: 2, launcher: Self.script).end().status == 65)
        }
    }
}
