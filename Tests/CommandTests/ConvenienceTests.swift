// What people type: folders and lists to predict, a version, benches without photographs; and an error that the run's files tell too.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct ConvenienceTests {
        @Test func predictionsTakeFoldersAndLists() throws {
            let work = try Workplace(images: 2)
            try work.train("run", ["data.validation=null"])
            try work.write("data/train/bee/bee-1.png\n\n  data/validation/ant \n", to: "list.txt")
            let lines = try work.graft(
                "predict", "--run", "runs/run", "--json", "--list", "list.txt", "data/train/cat/", "data/train/ant/ant-0.png"
            ).output.split(separator: "\n")
            let files = try lines.map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])["file"] as? String
            }
            #expect(
                files == [
                    "data/train/cat/cat-0.png", "data/train/cat/cat-1.png", "data/train/ant/ant-0.png",
                    "data/train/bee/bee-1.png",
                    "data/validation/ant/ant-1000.png",
                ])
            let none = try work.graft("predict", "--run", "runs/run", "--list", "nowhere.txt", expecting: 65)
            #expect(none.errors.contains("--list: cannot read nowhere.txt"))
        }

        @Test func predictionsAreTablesInTheOrderOfTheirLists() throws {
            let work = try Workplace(images: 2)
            try work.train("run", ["data.validation=null"])
            let files = [
                "data/train/bee/bee-1.png", "data/train/ant/ant-0.png", "data/train/cat/cat-1.png", "data/train/ant/ant-1.png",
            ]
            try work.write(files.joined(separator: "\n"), to: "list.txt")
            try work.write("no image", to: "broken.png")
            let three = ["predict", "--run", "runs/run", "--csv", "--top", "2"]
            let one = try Launch(three + ["--batch", "1", "@list.txt"], in: work.folder)
            #expect(one.status == 0 && one.errors.contains(/4 photographs, [0-9.]+ a second\n/), "\(one.errors)")
            let rows = one.output.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
            #expect(rows[0] == ["file", "class", "probability", "class_2", "probability_2"])
            #expect(rows.dropFirst().map { $0[0] } == files)
            // Kernels may sum in another order where more images are computed at once.
            func expectSame(_ output: String) throws {
                let found = output.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
                try #require(found.count == rows.count && found[0] == rows[0])
                for (row, expected) in zip(found, rows).dropFirst() {
                    #expect(row[0] == expected[0] && row[1] == expected[1] && row[3] == expected[3])
                    #expect(abs((Double(row[2]) ?? 0) - (Double(expected[2]) ?? 1)) < 1e-5)
                }
            }
            try expectSame(try Launch(three + ["@list.txt"], in: work.folder).output)
            let some = try Launch(three + ["--batch", "3", files[0], "broken.png"] + files.dropFirst(), in: work.folder)
            try expectSame(some.output)
            #expect(some.status == 65 && some.errors.contains("broken.png"), "\(some.errors)")
            for wrong in [["--json"], ["--batch", "0"], ["-", "-"]] {
                #expect(try Launch(three + ["x.png"] + wrong, in: work.folder).status == 64, "\(wrong)")
            }
        }

        @Test func theVersionIsTold() throws {
            let work = try Workplace(images: 1)
            let lines = try work.graft("--version").output.split(separator: "\n")
            #expect(lines.first?.wholeMatch(of: /\d+\.\d+\.\d+/) != nil, "scripts read the first line")
            #expect(lines.dropFirst().first?.hasPrefix("revision ") == true)
            for part in ["oneDNN ", "MPI", "instructions: "] {
                #expect(lines.contains { $0.contains(part) }, "\(part)")
            }
            #expect(try work.graft("--generate-completion-script", "bash").output.contains("predict"))
        }

        /// A launcher gives standard input to its first rank alone.
        @Test(arguments: [nil, 2]) func aConfigComesFromStandardInput(ranks: Int?) throws {
            let work = try Workplace(images: 2)
            try work.write("#!/bin/sh\nexec mpirun \"$@\" < config.yaml\n", to: "fed")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: work.path("fed"))
            let launch = try RunningLaunch(
                ["train", "-", "--set", "run.name=piped"], ranks: ranks, in: work.folder,
                launcher: work.path("fed"), shell: "exec < config.yaml"
            ).end()
            #expect(launch.status == 0 && work.has("runs/piped/report.html"), "\(launch.errors)")
            let wrong = try Launch(["plan", "-"], in: work.folder, shell: "exec <<< 'training: {epoch: 1}'")
            #expect(wrong.status == 65 && wrong.errors.contains("standard input:1"), "\(wrong.errors)")
        }

        @Test func aBenchOfGeneratedInputNeedsNoPhotographs() throws {
            let work = try Workplace(images: 1)
            try work.write(
                "run: { name: b }\nnetwork: { architecture: resnet18, weights: random, preprocessing: { resize: 64, crop: 64 } }\n",
                to: "bare.yaml")
            #expect(try work.graft("bench", "bare.yaml", "--synthetic", "--steps", "1").output.contains("images"))
        }

        /// Who looks at the files of a run that is over sees how it ended.
        @Test func anErrorIsToldByTheRunsFiles() throws {
            let work = try Workplace(images: 2)
            let end = try work.train(
                "failed", ["data.validation=null", "optimizer.learning_rate=1e30", "training.epochs=20"],
                expecting: 65)
            let words = try #require(try work.metrics("failed", "failed").last?["error"] as? String)
            #expect(words.contains("training diverged") && end.errors.contains(words))
            let page = String(decoding: try work.contents("runs/failed/report.html"), as: UTF8.self)
            #expect(page.contains("ended with an error: training diverged"))
        }
    }
}
