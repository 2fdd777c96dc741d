// deploy/launch.sh --restarts: what a machine's failure ended starts again, and nothing else does.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct RestartTests {
        private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../deploy/launch.sh").standardizedFileURL.path

        /// A job that ends again and again, and what the script makes of it.
        struct Course: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// Each launch's exit status, and the step that it saved last.
            let launches: [(status: Int, saved: Int?)]
            var arguments = "--restarts 9 -n 2 graft train c.yaml"
            /// How many launches there are, the script's own status, and what it says last.
            let count: Int
            let status: Int32
            var words = ""
        }

        static let courses: [Course] = [
            Course(testDescription: "done at once", launches: [(0, 4)], count: 1, status: 0),
            Course(
                testDescription: "a rank killed, a defect, crashes",
                launches: [(137, 3), (70, 4), (139, 8), (134, 9), (132, 11), (0, 12)], count: 6, status: 0,
                words: "restart 5 of 9 after status 132, from step 11"),
            Course(testDescription: "the user's mistake", launches: [(137, 3), (65, nil), (0, 9)], count: 2, status: 65),
            Course(testDescription: "wrong usage", launches: [(64, nil), (0, 1)], count: 1, status: 64),
            Course(testDescription: "a full disk", launches: [(74, 2), (0, 3)], count: 1, status: 74),
            Course(testDescription: "stopped by a signal to a rank", launches: [(75, 2), (0, 3)], count: 1, status: 75),
            Course(
                testDescription: "no progress", launches: [(137, 3), (137, 3), (137, nil), (0, 9)], count: 3, status: 137,
                words: "two restarts in a row saved nothing new after step 3"),
            Course(
                testDescription: "progress in between", launches: [(137, nil), (137, nil), (137, 1), (137, nil), (0, 2)],
                count: 5,
                status: 0),
            Course(
                testDescription: "too often", launches: [(137, 1), (137, 2), (137, 3)],
                arguments: "--restarts 2 graft train c.yaml",
                count: 3, status: 137, words: "2 restarts are used up"),
            Course(
                testDescription: "without restarts", launches: [(137, 1), (0, 2)], arguments: "-n 2 graft train c.yaml", count: 1,
                status: 137),
            Course(
                testDescription: "a host that does not answer", launches: [(1, 1), (0, 2)],
                arguments: "--restarts 2 --hosts hosts graft train c.yaml", count: 2, status: 0,
                words: "restart 1 of 2 after status 1, from step 1, without lost, which did not answer"),
            Course(
                testDescription: "a host that is back already", launches: [(1, 1), (0, 2)],
                arguments: "--restarts 2 --hosts living graft train c.yaml", count: 2, status: 0,
                words: "restart 1 of 2 after status 1, from step 1"),
            Course(
                testDescription: "the launcher's own failure", launches: [(1, nil), (0, 2)],
                arguments: "--restarts 2 --hosts living graft train c.yaml", count: 1, status: 1),
            Course(
                testDescription: "ranks said twice", launches: [(0, 1)], arguments: "--hosts hosts -n 2 graft train c.yaml",
                count: 0, status: 64, words: "leave -n out"),
            Course(
                testDescription: "no hostfile", launches: [(0, 1)], arguments: "--hosts none graft", count: 0, status: 64,
                words: "there is no hostfile none"),
        ]

        @Test(arguments: courses) func itStartsAgainWhatMachinesEnded(course: Course) throws {
            let work = try Workplace(images: 1)
            // Stands for mpirun: notes how it was called, and the hosts it was given; ends as this launch is to end.
            let cases = course.launches.enumerated().map { number, launch in
                let saved = launch.saved.map { "echo 'saved my runs/c/checkpoints/step-\(String(format: "%08d", $0))'; " } ?? ""
                return "\(number + 1)) \(saved)exit \(launch.status) ;;"
            }
            try work.write(
                """
                #!/bin/bash
                echo "$*" >> calls
                [ "$1" != --hostfile ] || cp "$2" "given-$(wc -l < calls)"
                case $(wc -l < calls) in \(cases.joined(separator: " ")) esac
                """, to: "job")
            // Stands for ssh.
            try work.write("#!/bin/bash\n[ \"$1\" != lost ]\n", to: "agent")
            for name in ["job", "agent"] {
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: work.path(name))
            }
            try work.write("# two\nfound slots=2\nlost slots=3 # often\nlocalhost slots=1", to: "hosts")
            try work.write("found slots=2\n", to: "living")
            let environment = [
                "GRAFT_LAUNCHER": work.path("job"), "GRAFT_RESTART_WAIT": "0", "OMPI_MCA_plm_rsh_agent": work.path("agent"),
            ]
            let launch = try Launch(
                [], in: work.folder, environment: environment, shell: "exec \(Self.script) \(course.arguments)")
            let calls =
                work.has("calls") ? String(decoding: try work.contents("calls"), as: UTF8.self).split(separator: "\n") : []
            #expect(calls.count == course.count, "\(launch.errors)")
            #expect(launch.status == course.status, "\(launch.errors)")
            let last = launch.errors.split(separator: "\n").last ?? ""
            #expect(course.words.isEmpty || last.contains(course.words), "\(launch.errors)")
            var hasSaved = false
            for (call, end) in zip(calls, course.launches) {
                #expect(call.hasSuffix("--resume") == hasSaved, "an older run of the same name is not gone on with: \(calls)")
                hasSaved = hasSaved || end.saved != nil
            }
            if course.words.contains("without lost") {
                #expect(String(decoding: try work.contents("given-2"), as: UTF8.self) == "found slots=2\nlocalhost slots=1\n")
            }
        }

        /// Two kills, each followed by the rest of the run from its last checkpoint.
        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func aKilledRankCostsAFewSteps() throws {
            let work = try Workplace(images: 4)
            try work.write("#!/bin/bash\nexec '\(Self.script)' --restarts 4 \"$@\"\n", to: "again")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: work.path("again"))
            let settings = ["data.validation=null", "checkpoints={every_steps: 1, keep: 3}", "training.epochs=500"]
            let launch = try work.start(
                "killed", settings, ranks: 2, environment: ["GRAFT_RESTART_WAIT": "1"], launcher: work.path("again"))
            for kills in 1...2 {
                let seen = (try? work.metrics("killed", "step").count) ?? 0
                try work.wait(for: launch, "killed", steps: seen + 3)
                kill(try #require(ranks(in: work).max()), SIGKILL)
                let deadline = Date(timeIntervalSinceNow: 60)
                while launch.isRunning, Date() < deadline, !launch.errorsSoFar.contains("restart \(kills) of 4") { usleep(10000) }
            }
            let seen = try work.metrics("killed", "step").count
            try work.wait(for: launch, "killed", steps: seen + 3)
            kill(launch.id, SIGTERM)
            let end = try launch.end()
            #expect(end.status == 75, "\(end.errors)")
            #expect(end.errors.contains(/restart 2 of 4 after status 137, from step [1-9]/), "\(end.errors)")
            #expect(end.output.matches(of: /resuming from runs\/killed/).count == 2, "\(end.output)")
            #expect(try work.metrics("killed", "stopped").count == 1 && !work.has("runs/killed.1"))
        }

        /// The processes of graft that work in a folder.
        private func ranks(in work: Workplace) -> [Int32] {
            let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
            return numbers.filter { number in
                let name = try? String(contentsOfFile: "/proc/\(number)/comm", encoding: .utf8)
                let folder = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(number)/cwd")
                return name == "graft\n" && folder.map { $0 == work.folder.resolvingSymlinksInPath().path } == true
            }
        }
    }
}
