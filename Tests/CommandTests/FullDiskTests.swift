// A disk that is full ends every command alike: one sentence, status 74, and what was there before is as it was.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// A limit on the size of files stands for a full disk.
    @Suite(.serialized) struct FullDiskTests {
        private static let limited = "trap '' XFSZ; ulimit -f"

        /// A run whose model takes 1.5 MB.
        private func makeRun() throws -> Workplace {
            let work = try Workplace(images: 24)
            try work.train("base")
            return work
        }

        private func expectRefused(_ arguments: [String], _ work: Workplace, blocks: Int, leaving files: [String]) throws {
            let launch = try Launch(arguments, in: work.folder, shell: "\(Self.limited) \(blocks)")
            #expect(launch.status == 74, "\(arguments): \(launch.errors)")
            #expect(launch.errors.contains("cannot write the file: File too large; make room or"), "\(launch.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: work.path("out")) == files)
        }

        @Test func whateverIsWrittenEndsWith74() throws {
            let work = try makeRun()
            try work.write("before", to: "out/x")
            for format in ["torchvision", "safetensors", "onnx"] {
                try expectRefused(
                    ["export", "runs/base", "--format", format, "--output", "out/x"], work, blocks: 500, leaving: ["x"])
            }
            let model = try work.newest("base")
            try expectRefused(["weights", "convert", model, "out/x"], work, blocks: 500, leaving: ["x"])
            // 36 photographs take more than 1,024 bytes of predictions.
            try work.write("#", to: "out/x")
            try expectRefused(
                ["evaluate", "runs/base", "--json", "--predictions", "out/x"], work, blocks: 1, leaving: ["x"])
            #expect(try work.contents("out/x") == Data("#".utf8))
        }

        @Test func aRunThatCannotBeginEndsWith74() throws {
            let work = try Workplace(images: 1)
            let launch = try work.train("none", shell: "\(Self.limited) 1", expecting: 74)
            #expect(
                launch.errors.contains("config.yaml: cannot write the file: File too large; make room or"), "\(launch.errors)")
        }

        @Test func whatCannotBePrintedEndsWith74() throws {
            let work = try Workplace(images: 1)
            let launch = try Launch(["networks"], in: work.folder, shell: "exec >/dev/full")
            #expect(launch.status == 74)
            #expect(launch.errors.contains("standard output: cannot write what was printed: No space left on device"))
        }
    }
}
