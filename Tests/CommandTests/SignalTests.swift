// Signals during steps: no handler may run where generated code has the stack pointer in a buffer on the heap.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct SignalTests {
        /// A network whose steps have the stack pointer elsewhere for a sixth of their time.
        private static let settings = [
            residualNetwork, "network.unfrozen=[layer4.1]", "network.preprocessing={resize: 64, crop: 64}",
            "data.augmentation=none",
            "features.cache=off", "data.validation=null", "training.epochs=500",
        ]

        /// TERM, INT and USR1 in the mask that /proc shows.
        private static let stops: UInt64 = 1 << (15 - 1) | 1 << (2 - 1) | 1 << (10 - 1)

        @Test(arguments: [1, 2], Launch.mpirun == nil ? [nil] : [nil, 2]) func oneThreadTakesAllSignals(
            threads: Int, ranks: Int?
        ) throws {
            let work = try Workplace(images: 4)
            let launch = try work.start("masks", Self.settings + ["compute.threads=\(threads)"], ranks: ranks)
            try work.wait(for: launch, "masks", steps: 2)
            let process = try #require(launch.ranks.max())
            let masks = Self.masks(of: process)
            #expect(masks.count > threads, "\(masks)")
            #expect(masks.filter { $0.blocked & Self.stops == 0 }.map(\.name) == ["graft signals"], "\(masks)")
            #expect(masks.allSatisfy { [0, Self.stops].contains($0.blocked & Self.stops) }, "\(masks)")
            kill(process, SIGTERM)
            #expect(try launch.end().status == 75)
        }

        /// The short form of Tests/Soak/signals.sh.
        @Test func signalsDuringStepsCostNothing() throws {
            let work = try Workplace(images: 4)
            for run in 0..<4 {
                let name = "signalled\(run)"
                let launch = try work.start(name, Self.settings)
                try work.wait(for: launch, name, steps: 2)
                for _ in 0..<30 where launch.isRunning {
                    kill(launch.id, SIGUSR1)
                    usleep(500)
                }
                let end = try launch.end()
                #expect(end.status == 75, "\(end.errors)")
                #expect(end.errors.contains("asked to stop (SIGUSR1): ending as soon as all is saved"))
                let step = try #require(try work.metrics(name, "stopped").last?["step"] as? Int)
                #expect(try work.checkpoints(name).last.map { Int($0.dropFirst(5)) } == step)
            }
        }

        /// As soon as the handlers are there, which is before MPI, data and weights.
        @Test(arguments: [SIGTERM, SIGINT, SIGUSR1], Launch.mpirun == nil ? [nil] : [nil, 2]) func aSignalAtTheStartEndsWith75(
            signal: Int32, ranks: Int?
        ) throws {
            let work = try Workplace(images: 2)
            let launch = try work.start("early", Self.settings, ranks: ranks)
            let deadline = Date(timeIntervalSinceNow: 30)
            var process: Int32?
            while process == nil, launch.isRunning, Date() < deadline {
                process = launch.ranks.first { rank in
                    Self.masks(of: rank).contains { $0.name == "graft signals" && $0.blocked & Self.stops == 0 }
                }
            }
            kill(try #require(process), signal)
            let end = try launch.end()
            #expect(end.status == 75, "\(end.errors)")
            #expect(end.errors.contains("stopped before the first step as asked: nothing to save yet"), "\(end.errors)")
            #expect(try !work.has("runs/early/checkpoints") || work.checkpoints("early").isEmpty)
            try work.train("early", Self.settings + ["training.steps=1"], ranks: ranks, resume: true)
        }

        /// One of two ranks is asked while each computes its share of features, which takes some 20 s.
        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher), arguments: ["memory", "disk"])
        func aSignalWhileFeaturesAreComputedIsHeardByAll(cache: String) throws {
            let work = try Workplace(images: 60)
            let settings = [
                "network.preprocessing={resize: 448, crop: 448}", "data.augmentation=none", "features.cache=\(cache)",
                "data.validation=null", "training.batch_size=4",
            ]
            let launch = try work.start("features", settings, ranks: 2)
            let deadline = Date(timeIntervalSinceNow: 60)
            while launch.isRunning, Date() < deadline, !launch.errorsSoFar.contains("features (train): computing 180") {
                usleep(10000)
            }
            usleep(300_000)
            let start = Date()
            kill(try #require(launch.ranks.max()), SIGTERM)
            let end = try launch.end()
            #expect(Date().timeIntervalSince(start) < 8, "all ranks leave their shares")
            #expect(end.status == 75, "\(end.errors)")
            #expect(end.errors.contains("features (train): stopped as asked"))
            #expect(end.errors.contains("nothing to save yet"))
            guard cache == "disk" else { return }
            let again = try work.start("features", settings, ranks: 2, resume: true)
            let found = /features \(train\): [1-9]\d* of 180 found in/
            while again.isRunning, Date() < deadline + 60, !again.errorsSoFar.contains(found) { usleep(10000) }
            #expect(again.errorsSoFar.contains(found), "\(again.errorsSoFar)")
        }

        @Test func aSecondControlCEndsTheRunAtOnce() throws {
            let work = try Workplace(images: 4)
            let launch = try work.start("cut", Self.settings)
            try work.wait(for: launch, "cut", steps: 1)
            kill(launch.id, SIGINT)
            // Two at once would be one to the kernel.
            while launch.isRunning, !launch.errorsSoFar.contains("stop") { usleep(200) }
            kill(launch.id, SIGINT)
            #expect(try launch.end().status == SIGINT)
        }

        /// A crash signal to a thread in the middle of generated code: the line is written on a stack that is one.
        @Test func threadsThatComputeHaveAStackForCrashes() throws {
            let work = try Workplace(images: 4)
            let launch = try work.start("crash", Self.settings)
            try work.wait(for: launch, "crash", steps: 2)
            kill(launch.id, SIGSEGV)
            let end = try launch.end()
            #expect(end.status == SIGSEGV)
            #expect(end.errors.contains(/rank 0 on host \S+: crashed \(SIGSEGV/))
        }

        private static func masks(of process: Int32) -> [(name: String, blocked: UInt64)] {
            let tasks = "/proc/\(process)/task"
            return ((try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []).compactMap { task in
                guard let status = try? String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8) else { return nil }
                let fields = Dictionary(
                    status.split(separator: "\n").compactMap { line -> (Substring, String)? in
                        guard let colon = line.firstIndex(of: ":") else { return nil }
                        return (line[..<colon], line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
                    }
                ) { first, _ in first }
                guard let name = fields["Name"], let blocked = fields["SigBlk"].flatMap({ UInt64($0, radix: 16) }) else {
                    return nil
                }
                return (name, blocked)
            }
        }
    }
}
