// Labels from lists and names instead of folders, through the program.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct LabelCommandTests {
        private static func rows(_ work: Workplace, in folder: String) throws -> [(file: String, label: String)] {
            let files = FileManager.default.enumerator(atPath: work.path(folder))?.compactMap { $0 as? String } ?? []
            return files.filter { $0.hasSuffix(".png") }.sorted().map { ($0, String($0.split(separator: "/")[0])) }
        }

        /// The same images, order and weights, bit for bit, whatever the labels stand in.
        @Test func listsAndPatternsTrainAsFoldersDo() throws {
            let work = try Workplace()
            let rows = try Self.rows(work, in: "data/train")
            try work.write("file,label\n" + rows.reversed().map { "\($0.file),\($0.label)\n" }.joined(), to: "l.csv")
            try work.write(
                rows.map { "{\"file_name\": \"\($0.file)\", \"label\": \"\($0.label)\"}\n" }.joined(),
                to: "data/train/metadata.jsonl")
            let settings = ["data.validation=null", "data.validation_fraction=0.25", "training.epochs=2"]
            try work.train("folders", settings, ranks: 2)
            let forms = [
                "list": ["data.labels=l.csv"], "hub": ["data.train=\"\"", "data.labels=data/train/metadata.jsonl"],
                "pattern": ["data.label_pattern=^(?<label>[a-z]+)/"],
            ]
            for (run, form) in forms {
                try work.train(run, settings + form, ranks: run == "list" ? 3 : 2)
                guard run != "list" else { continue }
                #expect(try work.contents(work.newest(run)) == work.contents(work.newest("folders")), "\(run)")
                #expect(try work.losses(run) == work.losses("folders"), "\(run)")
            }
            #expect(isClose(try work.losses("list"), try work.losses("folders"), within: 1e-5))
        }

        @Test func splitsAndGroupsOfAListAreKept() throws {
            let work = try Workplace()
            let rows = try Self.rows(work, in: "data/train")
            let splits = ["train", "train", "val", "test"]
            try work.write(
                "file,label,split,who\n"
                    + rows.enumerated().map { "\($1.file),\($1.label),\(splits[$0 % 4]),\($0 / 2)\n" }.joined(), to: "split.csv")
            let settings = ["data.labels=split.csv", "data.validation=null"]
            let trained = try work.train("split", settings)
            #expect(trained.output.contains("12 training and 6 validation images"), "\(trained.output)")
            #expect(try work.graft("evaluate", "runs/split", "--split", "test").output.contains("of 6 images"))
            #expect(try work.graft("evaluate", "runs/split").output.contains("of 6 images"))
            let both = try work.train("both", ["data.labels=split.csv"], expecting: 65)
            #expect(both.errors.contains("has rows of a validation split, and the config names validation images too"))
            let grouped = try work.train(
                "grouped",
                [
                    "data.labels=split.csv", "data.validation=null", "data.validation_fraction=0.25",
                    "data.group=who", "data.columns={split: file}",
                ], expecting: 65)
            #expect(grouped.errors.contains("split.csv:2: the split is train, validation or test, not 'ant/ant-0.png'"))
            try work.write(
                "file,label,who\n" + rows.enumerated().map { "\($1.file),\($1.label),\($0 / 2)\n" }.joined(), to: "groups.csv")
            let held = try work.train(
                "held",
                [
                    "data.labels=groups.csv", "data.validation=null", "data.validation_fraction=0.25",
                    "data.group=who",
                ])
            #expect(held.errors.contains(#/all +18 +9 +6 +3/#), "\(held.errors)")
        }

        @Test func whatIsExcludedIsNotSeen() throws {
            let work = try Workplace()
            try work.write("file,reason\nant/ant-0.png,blurred\ndata/validation/bee/bee-1000.png,twice\n", to: "bad.csv")
            let end = try work.train("rest", ["data.exclude=bad.csv"])
            #expect(end.output.contains("23 training and 11 validation images"), "\(end.output)")
            #expect(end.errors.contains("1 training images are left out, as bad.csv says"), "\(end.errors)")
        }

        @Test(arguments: [
            ("data.group=who", "data.group names a column, 'who', which takes data.labels"),
            ("data.label_pattern=(?<label>x", "must be a regular expression with a part (?<label>…)"),
            ("data.label_pattern=^(?<label>zebra)", "has no file whose path data.label_pattern, '^(?<label>zebra)', matches"),
            ("data.labels=nowhere.csv", "nowhere.csv: cannot read the file: No such file or directory"),
            ("data.root=x", "data.root is what the paths of data.labels are relative to"),
            ("data.exclude=nowhere.csv", "nowhere.csv: cannot read the file"),
        ])
        func mistakesAreNamed(_ setting: String, _ words: String) throws {
            let end = try Workplace(images: 1).graft("train", "config.yaml", "--set", setting, expecting: 65)
            #expect(end.errors.contains(words), "\(end.errors)")
        }
    }
}
