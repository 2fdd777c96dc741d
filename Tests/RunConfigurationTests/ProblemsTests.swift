// Bad configs: each mistake is named with its line and what to do, and all of them at once.
import Foundation
import Testing

@testable import RunConfiguration

@Suite struct ProblemsTests {
    @Test func allProblemsComeTogether() {
        let text = """
            network:
              architecture: resnet18
              weights: random
            data:
              train: photos
              trian: photos
            optimizer:
              learning_rat: 0.1
              momentum: 3
              momentum: 2
            training: {epochs: five, batch_size: 0}
            """
        #expect(
            problems(text, "optimizer.kind=adan", "schedule.kind=step") == [
                "x.yaml:6: unknown key 'trian' in data (did you mean 'train'?)",
                "x.yaml:8: unknown key 'learning_rat' in optimizer (did you mean 'learning_rate'?)",
                "x.yaml:10: the key 'momentum' was already given on line 9",
                "x.yaml:10: optimizer.momentum must be at least 0 and below 1, found 2",
                "x.yaml:11: training.epochs must be a whole number, found 'five'",
                "x.yaml:11: training.batch_size must be from 1 to 1048576, found 0",
                "--set optimizer.kind=adan: optimizer.kind must be sgd, adamw, adam, rmsprop, rmsprop_tf, lars or lamb, found 'adan' (did you mean 'adam'?)",
                "--set schedule.kind=step: schedule.kind: step needs either step_epochs or milestones",
            ])
    }

    @Test(arguments: [
        // Numbers and words.
        ("training: {epochs: 2.0}", "training.epochs must be a whole number, found '2.0'"),
        ("training: {epochs: '2'}", "training.epochs must be a whole number, found the text \"2\" (remove the quotes)"),
        ("training: {epochs: null}", "training.epochs must be a whole number, found nothing"),
        (
            "training: {epochs: 99999999999999999999}",
            "training.epochs must be a whole number below 2^63, found '99999999999999999999'"
        ),
        ("training: {steps: 0x10}", "training.steps must be a whole number, found '0x10'"),
        ("training: {clip_norm: .inf}", "training.clip_norm must be a number, found '.inf'"),
        ("training: {clip_norm: nan}", "training.clip_norm must be a number, found 'nan'"),
        ("training: {clip_norm: 1e999}", "training.clip_norm must be a finite number, found '1e999'"),
        ("training: {label_smoothing: 1}", "training.label_smoothing must be at least 0 and below 1, found 1"),
        ("data: {shuffle: yes}", "data.shuffle must be true or false, found 'yes'"),
        ("data: {shuffle: 'true'}", "data.shuffle must be true or false, found the text \"true\""),
        ("data: {loader_threads: many}", "data.loader_threads must be auto or a whole number, found 'many'"),
        ("data: {loader_threads: 0}", "data.loader_threads must be from 1 to 4096, found 0"),
        ("evaluation: {ranks: [root]}", "evaluation.ranks must be root or all, found a list"),
        ("evaluation: [1]", "evaluation must be a mapping of keys to values, found a list"),
        ("network: {unfrozen: layer4}", "network.unfrozen must be a list, found 'layer4' (write [layer4])"),
        ("network: {unfrozen: [{a: 1}]}", "network.unfrozen must be text, found a mapping"),
        ("network: {unfrozen: {last: 0}}", "network.unfrozen.last must be from 1 to 10000, found 0"),
        ("network: {unfrozen: {}}", "network.unfrozen must be a list of layers, or {last: N}, found a mapping"),
        ("network: {unfrozen: {first: 2}}", "unknown key 'first' in network.unfrozen; the keys here are last"),
        ("training: {average: {decay: 1}}", "training.average.decay must be between 0 and 1, without these, found 1"),
        (
            "training: {average: {}}",
            "training.average takes a decay, or last_epochs: write {decay: 0.999}, or null for no average"
        ),
        (
            "training: {average: {decay: 0.9, last_epochs: 2}}",
            "training.average.decay and last_epochs exclude each other: remove one"
        ),
        (
            "training: {average: {last_epochs: 9}}",
            "training.average.last_epochs (9) must not be above training.epochs (5)"
        ),
        ("optimizer: {layer_decay: 0}", "optimizer.layer_decay must be above 0 and at most 1, found 0"),
        (
            "schedule: {kind: plateau}",
            "schedule.kind: plateau looks at evaluations, and the config names no validation images"
        ),
        ("evaluation: {views: six}", "evaluation.views must be one, flip, five or ten, found 'six'"),
        ("data: {augmentation: {preset: mild}}", "data.augmentation.preset must be light, standard or strong, found 'mild'"),
        (
            "data: {augmentation: {trivial_augment: true, rand_augment: {}}}",
            "data.augmentation.trivial_augment and rand_augment exclude each other: set one to false or null"
        ),
        ("network: {dropout: 1}", "network.dropout must be at least 0 and below 1, found 1"),
        ("optimizer: {multipliers: {layer4: -1}}", "optimizer.multipliers.layer4 must be at least 0, found -1"),
        ("optimizer: {multipliers: [layer4]}", "optimizer.multipliers must be a mapping of layers to factors, found a list"),
        (
            "run: {name: a/b}",
            "run.name must be a plain name: no '/' or control character in it, not '.' or '..', at most 255 bytes, found a/b"
        ),
        (
            "run: {name: ..}",
            "run.name must be a plain name: no '/' or control character in it, not '.' or '..', at most 255 bytes, found \"..\""
        ),
        (
            "run: {name: ''}",
            "run.name must be a plain name: no '/' or control character in it, not '.' or '..', at most 255 bytes, found \"\""
        ),
        // Keys.
        ("optimizer: {lr: 1}", "unknown key 'lr' in optimizer (did you mean 'learning_rate'?)"),
        ("optimizer: {learningRate: 1}", "unknown key 'learningRate' in optimizer (did you mean 'learning_rate'?)"),
        ("training: {batch: 1}", "unknown key 'batch' in training (did you mean 'batch_size'?)"),
        ("training: {momentum: 1}", "unknown key 'momentum' in training (it belongs in optimizer)"),
        ("epochs: 1", "unknown key 'epochs' (it belongs in training)"),
        (
            "compute: {gpu: 1}",
            "unknown key 'gpu' in compute; the keys here are threads, precision, winograd, recompute, instructions"
        ),
        ("run: {? [a] : b}", "a key must be a word, not a list or a mapping"),
        ("run: {seed: !!int 3}", "tags such as !!int or !name have no meaning in a config; remove them"),
        // Augmentation.
        (
            "network: {preprocessing: {channel_order: yuv}}",
            "network.preprocessing.channel_order must be rgb or bgr, found 'yuv'"
        ),
        (
            "network: {preprocessing: {mean: [1, 2]}}",
            "network.preprocessing.mean must be a list of three numbers from 0 to 255, found [1, 2]"
        ),
        (
            "network: {preprocessing: {deviation: [0, 1, 1]}}",
            "network.preprocessing.deviation must be a list of three numbers above 0 and up to 255, found [0, 1, 1]"
        ),
        (
            "data: {augmentation: heavy}",
            "data.augmentation must be none, light, standard, strong, or a mapping of what differs from one of these, found 'heavy'"
        ),
        (
            "data: {augmentation: {flip: 1}}",
            "unknown key 'flip' in data.augmentation; the keys here are preset, random_resized_crop, horizontal_flip, vertical_flip, rotation, affine, trivial_augment, rand_augment, colour_jitter, grayscale, blur, sharpness, posterize, solarize, equalize, autocontrast, random_erasing, mixup, cutmix, repeats"
        ),
        (
            "data: {augmentation: {colour_jitter: {hue: 0.6}}}",
            "data.augmentation.colour_jitter.hue must be from 0 to 0.5, found 0.6"
        ),
        (
            "data: {augmentation: {random_resized_crop: {scale: [1, 0.3]}}}",
            "data.augmentation.random_resized_crop.scale must be a list of two numbers, the smaller first, found [1, 0.3]"
        ),
        (
            "data: {augmentation: {random_resized_crop: {scale: [0, 1]}}}",
            "data.augmentation.random_resized_crop.scale must be two numbers above 0 and up to 1, found [0, 1]"
        ),
        // Contradictions.
        (
            "data: {validation: a, validation_fraction: 0.2}",
            "data.validation and data.validation_fraction exclude each other: remove one, or set it to null"
        ),
        ("optimizer: {nesterov: true, momentum: 0}", "optimizer.nesterov needs a momentum above 0"),
        ("optimizer: {nesterov: true, kind: adamw}", "optimizer.nesterov needs kind: sgd or lars, it is adamw"),
        ("schedule: {kind: step}", "schedule.kind: step needs either step_epochs or milestones"),
        ("schedule: {kind: step, step_epochs: 2, milestones: [1]}", "schedule.kind: step needs either step_epochs or milestones"),
        (
            "schedule: {kind: step, milestones: [3, 2]}",
            "schedule.milestones must be a list of at least one epoch, from 1 on, each larger than the one before, found [3, 2]"
        ),
        ("schedule: {milestones: [2]}", "schedule.milestones needs kind: step, it is cosine"),
        ("schedule: {kind: constant, final_rate: 0.001}", "schedule.final_rate needs kind: cosine or polynomial, it is constant"),
        ("schedule: {final_rate: 0.5}", "schedule.final_rate (0.5) must not be above optimizer.learning_rate (0.01)"),
        (
            "communication: {compression: bfloat16, algorithm: mpi}",
            "communication.compression needs another communication.algorithm than mpi, which sums float32 only"
        ),
    ])
    func oneMistake(_ line: String, _ message: String) {
        let section = line.prefix { $0 != ":" }
        let required = ["network: {architecture: resnet18, weights: random}", "data: {train: photos}"]
        let rest = required.map { part in
            // A section with the mistake in it keeps its required keys.
            guard part.hasPrefix(section + ":") else { return part }
            return line.replacing("{", with: "{" + part.dropFirst(section.count + 3).dropLast() + ", ", maxReplacements: 1)
        }
        let text = (required.contains { $0.hasPrefix(section + ":") } ? rest : rest + [line]).joined(separator: "\n")
        #expect(problems(text).map { String($0.drop { $0 != " " }.dropFirst()) } == [message])
    }

    /// Every key, those of sections that may be left out included.
    private static let allKeys: [KeyName] =
        RunConfiguration().tree.leaves
        + RunConfiguration.PreprocessingOverride.keys.map { ["network", "preprocessing", $0.name] }
        + RunConfiguration.AugmentationRecipe.keys.map { ["data", "augmentation", $0.name] }

    /// No key takes a list of lists.
    @Test(arguments: allKeys) func anUnfitValueIsReportedUnderItsKeyAsWritten(_ key: KeyName) throws {
        let path = key.joined(separator: ".")
        let error = #expect(throws: ConfigurationProblems.self) { try parse(minimal, "\(path)=[[1]]") }
        let problem = try #require(error?.problems.first)
        #expect(error?.problems.count == 1 && problem.key == key)
        #expect(problem.description.hasPrefix("--set \(path)=[[1]]: \(path) must be "), "\(problem)")
    }

    @Test(arguments: [
        ("communication", "compression: bfloat16", "algorithm: mpi"), ("optimizer", "nesterov: true", "momentum: 0"),
        ("optimizer", "nesterov: true", "kind: adamw"), ("schedule", "kind: step", "final_rate: 0"),
        ("schedule", "step_epochs: 3", "kind: cosine"), ("schedule", "milestones: [3]", "kind: cosine"),
        ("schedule", "final_rate: 0.001", "kind: constant"), ("schedule", "final_rate: 0.5", "kind: cosine"),
        ("data", "validation_fraction: 0.5", "validation: held-out"),
    ])
    func aContradictionIsReportedOnTheLineOfItsKey(_ section: String, _ wrong: String, _ because: String) throws {
        let key = [section, String(wrong.prefix { $0 != ":" })]
        let lines = section == "data" ? "data:\n  train: photos\n" : "data: {train: photos}\n\(section):\n"
        let text = "network: {architecture: resnet18, weights: random}\n\(lines)  \(because)\n  \(wrong)\n"
        let error = #expect(throws: ConfigurationProblems.self) { try parse(text) }
        #expect(error?.problems.map(\.key) == [key])
        #expect(error?.problems.map(\.place) == [.line("x.yaml", 5)])
        #expect(error?.problems.first?.message.contains(key.joined(separator: ".")) == true, "\(error?.description ?? "")")
    }

    /// What messages of the whole program call keys: a renamed key must be renamed there too.
    @Test func messagesNameOnlyKeysThatExist() throws {
        let sections = RunConfiguration.keys.map(\.name)
        let known = Set((Self.allKeys + Self.allKeys.map { Array($0.dropLast()) }).map { $0.joined(separator: ".") })
        let files = ["data.pkl", "optimizer.safetensors"]
        let layers = ["conv", "norm", "relu", "pool", "denseblock", "transition"].map { "features.\($0)" }
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let all = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var count = 0
        for case let file as URL in all where file.pathExtension == "swift" {
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                for quoted in line.matches(of: /"(?:[^"\\]|\\.)*"/) {
                    for name in quoted.output.matches(of: /(?:^|[^\w.\/(])([a-z]+)\.([a-z_]+)/) {
                        guard sections.contains(String(name.1)) else { continue }
                        let key = "\(name.1).\(name.2)"
                        count += 1
                        #expect(
                            known.contains(key) || files.contains(key) || layers.contains(key),
                            "\(file.lastPathComponent): \(key)")
                    }
                }
            }
        }
        #expect(count > 20)
    }

    @Test func missingKeysAreNamedWithTheirSection() {
        #expect(
            problems("network:\n  architecture: resnet18\n") == [
                "x.yaml: data.train is missing: the folder of training images, with one folder for each class; or name a list, data.labels",
                "x.yaml:1: network.weights is missing: a weight file, 'torchvision' for its published weights, or 'random'",
            ])
    }

    @Test(arguments: [
        ("network: {unfrozen: [*]}", 1, "a pattern that begins with * must be quoted"),
        ("network:\n\tweights: random", 2, "indent with spaces, not with tabs"),
        ("network:\n  architecture:resnet18\n  weights: random", 3, "check the indentation"),
        ("run:\n  name: 'a\n", 3, "while scanning a quoted scalar begun on line 2"),
        ("run:\n  name: a\u{1}b", 2, "control characters are not allowed"),
        ("run: {}\n---\nrun: {}", 2, "but found another document"),
        ("run: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900), 1, "too deeply nested"),
        ("run: " + String(repeating: "[", count: 500_000), 1, "nesting"),
        ("run: {name: a, name: b}\ndata: [", 3, "while parsing a flow node"),
    ])
    func syntaxErrorsHaveLineColumnAndAHint(_ text: String, _ line: Int, _ words: String) throws {
        let problem = try #require(problems(text).last)
        #expect(problem.hasPrefix("x.yaml:\(line): "), "\(problem)")
        #expect(problem.contains(words), "\(problem)")
    }

    @Test func aliasesCannotMultiplyAConfig() {
        func laughs(_ levels: Int, _ each: Int) -> String {
            (1...levels).map { "a\($0): &a\($0) [" + Array(repeating: "*a\($0 - 1)", count: each).joined(separator: ",") + "]" }
                .joined(separator: "\n")
        }
        #expect(problems("a0: &a0 [x]\n" + laughs(10, 3)).contains { $0.contains("too large") })
        #expect(problems("a0: &a0 [x]\n" + laughs(10, 3) + "\n? *a10\n: 1").contains { $0.contains("too large") })
        #expect(problems("a0: &a0 [x]\n" + laughs(30, 9)).contains { $0.contains("more than 32 aliases") })
        #expect(problems(minimal + "run: {name: &name a, folder: *name}").isEmpty)
    }

    @Test(arguments: ["steps", "=3", "a..b=3", ".=1"])
    func anOptionMustHaveAKeyAndAValue(_ option: String) {
        #expect(problems(minimal, option) == ["--set \(option): write it as --set key.path=value"])
    }

    @Test func emptyAndOtherFilesAreRefused() {
        #expect(problems("") == ["x.yaml: the file is empty; configs/README.md lists the keys"])
        #expect(problems("# nothing\n") == problems(""))
        #expect(problems("just words") == ["x.yaml: a config is a mapping of sections, found 'just words'"])
        #expect(problems("- a\n") == ["x.yaml: a config is a mapping of sections, found a list"])
    }

    @Test func unreadableFilesAreRefused() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let latin = folder.appending(path: "latin.yaml")
        try Data([0x61, 0x3A, 0x20, 0xE4]).write(to: latin)
        let large = folder.appending(path: "large.yaml")
        try Data(repeating: 0x23, count: 2 << 20).write(to: large)
        for (path, words) in [
            (folder.path, "this is a folder"), (latin.path, "not UTF-8 text"), (large.path, "too many"),
            (folder.path + "/missing.yaml", "there is no such config file"),
        ] {
            let error = #expect(throws: ConfigurationProblems.self) { try RunConfiguration.load(path: path) }
            #expect(error?.description.contains(words) == true)
            #expect(error?.description.hasPrefix(path + ": ") == true)
        }
    }

    @Test func valuesMadeByAProgramAreCheckedToo() throws {
        var configuration = try parse(minimal)
        try configuration.validate()
        configuration.training.batchSize = 0
        configuration.optimizer.multipliers = ["fc": -2]
        let error = #expect(throws: ConfigurationProblems.self) { try configuration.validate() }
        #expect(error?.problems.map(\.key) == [["training", "batch_size"], ["optimizer", "multipliers", "fc"]])
    }
}
