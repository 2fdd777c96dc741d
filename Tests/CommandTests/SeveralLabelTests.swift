// Photographs of several classes, weights of photographs, and mixed photographs, through the program.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct SeveralLabelTests {
        private static func images(_ work: Workplace, _ folder: String) -> [String] {
            let files = FileManager.default.enumerator(atPath: work.path(folder))?.compactMap { $0 as? String } ?? []
            return files.filter { $0.hasSuffix(".png") }.sorted()
        }

        /// Lists in three forms: every second photograph is `even` too, and the first of all is nothing.
        private static func lists(_ work: Workplace) throws {
            var (text, flags, lines) = ("file,label,split\n", "file,ant,bee,cat,even,split\n", "")
            for (folder, split) in [("train", "train"), ("validation", "val")] {
                for (index, file) in images(work, "data/\(folder)").enumerated() {
                    let name = String(file.split(separator: "/")[0])
                    let labels = index == 0 ? [] : [name] + (index.isMultiple(of: 2) ? ["even"] : [])
                    let path = "data/\(folder)/\(file)"
                    text += "\(path),\(labels.joined(separator: "|")),\(split)\n"
                    flags +=
                        "\(path),\(["ant", "bee", "cat", "even"].map { labels.contains($0) ? "1" : "0" }.joined(separator: ",")),\(split)\n"
                    lines += "{\"file\": \"\(path)\", \"label\": \(labels), \"split\": \"\(split)\"}\n"
                }
            }
            try work.write(text, to: "l.csv")
            try work.write(flags, to: "f.csv")
            try work.write(lines, to: "l.jsonl")
        }

        private static let settings = [
            "network.loss=binary_cross_entropy", "data.train=\"\"", "data.validation=null", "training.epochs=2",
            "checkpoints.every_steps=1",
        ]

        @Test func photographsMayHaveSeveralLabels() throws {
            let work = try Workplace()
            try Self.lists(work)
            let whole = try work.train("list", Self.settings + ["data.labels=l.csv"], ranks: 2)
            #expect(whole.output.contains("4 classes, 24 training and 12 validation images"))
            #expect(whole.output.contains("mean average precision") && whole.output.contains("average precision  "))
            let forms = [
                "lines": ["data.labels=l.jsonl"], "flags": ["data.labels=f.csv", "data.columns={label: [ant, bee, cat, even]}"],
                "uncached": ["data.labels=l.csv", "features.cache=off"],
            ]
            for (run, form) in forms {
                try work.train(run, Self.settings + form + ["training.steps=2"], ranks: 2)
                try work.train(run, Self.settings + form, ranks: 2, resume: true)
                #expect(try work.contents(work.newest(run)) == work.contents(work.newest("list")), "\(run)")
            }
            for ranks in [1, 3] {
                try work.train("ranks-\(ranks)", Self.settings + ["data.labels=l.csv"], ranks: ranks)
                #expect(isClose(try work.losses("ranks-\(ranks)"), try work.losses("list"), within: 1e-5))
            }
            // What evaluation found goes with the checkpoint.
            let line = try #require(try work.metrics("list", "evaluation").last)
            let thresholds = try #require(line["threshold"] as? [Double])
            let evaluated = try work.graft("evaluate", "runs/list", "--checkpoint", "last", "--json").output
            let document = try #require(try JSONSerialization.jsonObject(with: Data(evaluated.utf8)) as? [String: Any])
            #expect(document["mean_average_precision"] as? Double == line["mean_average_precision"] as? Double)
            let rows = try #require(document["classes"] as? [[String: Any]])
            #expect(
                isClose(rows.compactMap { $0["threshold"] as? Double }, thresholds, within: 1e-6) && document["confusion"] == nil)
            let file = Self.images(work, "data/train")[3]
            let predicted = try work.graft("predict", "--run", "runs/list", "--json", "data/train/\(file)").output
            #expect(predicted.contains("\"labels\":["))
            try work.graft("export", "runs/list", "--format", "safetensors", "--output", "m.safetensors")
            #expect(try work.graft("predict", "--weights", "m.safetensors", "--json", "data/train/\(file)").output == predicted)
            try work.graft("export", "runs/list", "--format", "torchvision")
            #expect(
                try String(decoding: work.contents("runs/list/model.pth.json"), as: UTF8.self).contains(
                    "\"loss\":\"binary_cross_entropy\""))
        }

        @Test(arguments: [
            (["data.labels=l.csv", "training.label_smoothing=0.1"], "training.label_smoothing is for one class a photograph"),
            (["data.labels=l.csv", "training.focal=2"], "training.focal is for one class a photograph"),
            (["data.labels=l.csv", "data.sampling=balanced"], "data.sampling is for one class a photograph"),
            (
                ["data.labels=l.csv", "training.class_weights=effective"],
                "training.class_weights: effective is for one class a photograph"
            ),
            (["data.labels=f.csv", "data.columns={label: [ant]}"], "data.columns.label must name at least two columns"),
            (["data.labels=f.csv", "data.columns={label: [ant, gnu]}"], "has no column 'gnu'"),
            (
                ["data.labels=f.csv", "data.columns={label: [ant, file]}"],
                "f.csv:2: the column 'file' holds 1 or 0, not 'data/train/ant/ant-0.png'"
            ),
            (
                ["data.labels=l.csv", "network.loss=cross_entropy", "checkpoints.best=mean_average_precision"],
                "takes photographs of several classes"
            ),
            (["data.labels=l.csv", "network.loss=cross_entropy"], "l.csv:2: 'data/train/ant/ant-0.png' has no label"),
            (
                ["data.labels=f.csv", "network.loss=cross_entropy", "data.columns={label: [ant, bee]}"],
                "a column for each class takes photographs of several classes"
            ),
        ])
        func mistakesAreNamed(_ changes: [String], _ words: String) throws {
            let work = try Workplace(images: 2)
            try Self.lists(work)
            #expect(try work.train("bad", Self.settings + changes, expecting: 65).errors.contains(words))
        }

        /// A photograph of weight 0 might as well not be there; one of weight 2 comes as if twice.
        @Test func photographsMayWeighMoreOrLess() throws {
            let work = try Workplace(images: 4)
            let files = Self.images(work, "data/train")
            let names = files.map { String($0.split(separator: "/")[0]) }
            try work.write("file,label,weight\n" + zip(files, names).map { "\($0),\($1),\n" }.joined(), to: "same.csv")
            try work.write(
                "file,label,weight\n" + zip(files, names).enumerated().map { "\($1.0),\($1.1),\($0 == 3 ? 0 : 1.5)\n" }.joined(),
                to: "w.csv")
            try work.write("file,label,weight\na,b,heavy\n", to: "bad.csv")
            let settings = ["data.augmentation=none", "training.batch_size=12", "data.shuffle=false"]
            try work.train("plain", settings)
            try work.train("same", settings + ["data.labels=same.csv"])
            #expect(try work.contents(work.newest("same")) == work.contents(work.newest("plain")))
            for (ranks, cache) in [(1, "off"), (2, "memory"), (3, "off")] {
                let run = "weights-\(ranks)"
                let end = try work.train(run, settings + ["data.labels=w.csv", "features.cache=\(cache)"], ranks: ranks)
                #expect(end.errors.contains("photographs weigh as the list says"))
                #expect(isClose(try work.losses(run), try work.losses("weights-1"), within: 1e-5))
            }
            #expect(try work.losses("weights-1") != work.losses("plain"))
            let bad = try work.train("bad", settings + ["data.labels=bad.csv"], expecting: 65)
            #expect(bad.errors.contains("bad.csv:2: the weight is a number from 0 on, not 'heavy'"))
        }

        @Test(arguments: ["{mixup: 0.4}", "{cutmix: 1, mixup: 0.2, repeats: 2, random_resized_crop: null}"])
        func mixedPhotographsAreTheSameOnAnyNumberOfRanks(_ recipe: String) throws {
            let work = try Workplace()
            // 7 of 24 is no even share.
            let settings = [
                "data.augmentation=\(recipe)", "training.batch_size=7", "training.epochs=2",
                "checkpoints.every_steps=1",
                "training.label_smoothing=0.1",
            ]
            try work.train("one", settings, ranks: 1)
            for ranks in [2, 3] {
                try work.train("many-\(ranks)", settings, ranks: ranks)
                #expect(isClose(try work.losses("many-\(ranks)"), try work.losses("one"), within: 1e-5))
                try work.train("cut-\(ranks)", settings + ["training.steps=3"], ranks: ranks)
                try work.train("cut-\(ranks)", settings, ranks: ranks, resume: true)
                #expect(try work.contents(work.newest("cut-\(ranks)")) == work.contents(work.newest("many-\(ranks)")))
            }
            #expect(
                try work.train("focal", ["data.augmentation=\(recipe)", "training.focal=2"], expecting: 65).errors
                    .contains("excludes data.augmentation.mixup"))
        }
    }
}
