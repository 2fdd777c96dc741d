// Reading good configs: defaults, resolved text, overrides, numbers and words as YAML writes them.
import Tensors
import Foundation
import Testing

@testable import RunConfiguration

let minimal = "network: {architecture: resnet18, weights: random}\ndata: {train: photos}\n"

func parse(_ text: String, _ overrides: String...) throws -> RunConfiguration {
    try RunConfiguration.parse(text, path: "x.yaml", name: "x", overrides: overrides)
}

/// The messages of a config that must be refused.
func problems(_ text: String, _ overrides: String...) -> [String] {
    do {
        _ = try RunConfiguration.parse(text, path: "x.yaml", name: "x", overrides: overrides)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

@Suite struct RunConfigurationTests {
    @Test func keysLeftOutHaveTheirDefaults() throws {
        var expected = RunConfiguration()
        expected.run.name = "x"
        expected.network.architecture = "resnet18"
        expected.network.weights = "random"
        expected.data.train = "photos"
        #expect(try parse(minimal) == expected)
        #expect(try parse(minimal + "optimizer:\n  # momentum: 0.5\n") == expected)
    }

    @Test func aResolvedConfigLoadsToTheSameValue() throws {
        var configuration = try parse(minimal)
        configuration.run.name = "2024"
        configuration.run.folder = "a b/\"ü\"\t\\ 📷"
        configuration.network.unfrozen = ["*", "layer4", "true", "1e3", "null", "-", "a: b", "#c"]
        configuration.network.batchNorm = .synchronized
        configuration.network.dropout = 0
        configuration.network.fresh = ["fc6", "classifier.*"]
        configuration.network.auxiliary = true
        configuration.network.preprocessing = .init(resize: 232, channelOrder: .bgr, mean: [103.939, 116.779, 123.68])
        configuration.data.validationFraction = 0.25
        configuration.data.augmentation = .custom(.init(randomResizedCrop: nil, colourJitter: .init(hue: 0.05)))
        configuration.data.loaderThreads = .exactly(3)
        configuration.training.steps = 7
        configuration.training.clipNorm = 1e-7
        configuration.optimizer.learningRate = 1.0 / 3
        configuration.optimizer.multipliers = ["layer4": 0.1, "layer4.0": 0, "10": 12]
        configuration.schedule.kind = .step
        configuration.schedule.milestones = [2, 4]
        try configuration.validate()
        let text = configuration.yaml()
        #expect(try parse(text) == configuration, "\(text)")
    }

    @Test func theContractOfTheIssueIsUnderstood() throws {
        let configuration = try parse(
            """
            run: { name: cats-dogs-resnet50, folder: runs, seed: 17 }
            network: { architecture: resnet50, weights: weights/resnet50.safetensors, unfrozen: [layer4, fc], batch_norm: frozen }
            data: { train: data/train, validation: data/validation, augmentation: standard, shuffle: true, loader_threads: auto, unreadable_limit: 0.01 }
            training: { epochs: 5, batch_size: 64, steps: null, accumulation: 1, label_smoothing: 0, clip_norm: null }
            optimizer: { kind: sgd, learning_rate: 0.01, momentum: 0.9, nesterov: false, weight_decay: 1e-4, decay_norms_and_biases: false, multipliers: { layer4: 0.1 } }
            schedule: { kind: cosine, warmup_steps: 0 }
            evaluation: { every_epochs: 1, ranks: root }
            checkpoints: { every_epochs: 1, keep: 2 }
            communication: { algorithm: shared_memory, bucket_bytes: 4194304, compression: none, overlap: true }
            compute: { threads: auto }
            """)
        #expect(configuration.run.name == "cats-dogs-resnet50")
        #expect(configuration.optimizer.weightDecay == 0.0001)
        #expect(configuration.optimizer.multipliers == ["layer4": 0.1])
        #expect(configuration.data.validationSource == .folder("data/validation"))
    }

    @Test func overridesReplaceWhatTheFileSays() throws {
        let configuration = try parse(
            minimal + "optimizer: {momentum: 0.5, multipliers: {layer4: 0.1}}\n",
            "optimizer.momentum=0.7", "optimizer.multipliers.layer4.0=3e-1", "network.unfrozen=['*']", "training.steps=12",
            "training.steps=null", "data.augmentation.random_erasing=0.25", "run.name=a=b", "schedule={kind: constant}")
        #expect(configuration.optimizer.momentum == 0.7)
        #expect(configuration.optimizer.multipliers == ["layer4": 0.1, "layer4.0": 0.3])
        #expect(configuration.network.unfrozen == ["*"])
        #expect(configuration.training.steps == nil)
        #expect(configuration.data.augmentation == .custom(.init(randomErasing: 0.25)))
        #expect(configuration.run.name == "a=b")
        #expect(configuration.schedule.kind == .constant)
    }

    @Test func everythingMayComeFromOptions() throws {
        let configuration = try parse("", "network.architecture=resnet18", "network.weights=random", "data.train=photos")
        #expect(try configuration == parse(minimal))
    }

    @Test(arguments: [
        ("1e-4", 0.0001), ("1E-4", 0.0001), ("5", 5), (".5", 0.5), ("+0.25", 0.25), ("1.", 1), ("0010", 10), ("2.5e+1", 25),
    ])
    func numbersMeanWhatTheySay(_ text: String, _ value: Double) throws {
        #expect(try parse(minimal + "optimizer: {learning_rate: \(text)}").optimizer.learningRate == value)
    }

    @Test func wordsThatLookLikeOtherThingsStayWords() throws {
        #expect(try parse(minimal + "run: {name: 2024}").run.name == "2024")
        #expect(try parse(minimal + "run: {name: no}").run.name == "no")
        #expect(try parse(minimal + "run: {name: 0x10}").run.name == "0x10")
        #expect(try parse(minimal + "run: {name: 1e3}").run.name == "1e3")
    }

    @Test func anAugmentationMappingChangesTheStandard() throws {
        let configuration = try parse(
            minimal, "data.augmentation={random_resized_crop: {scale: [0.08, 1]}, colour_jitter: {hue: 0.1}}")
        let recipe = try #require(configuration.data.augmentation.recipe)
        #expect(recipe.randomResizedCrop == .init(scale: 0.08...1))
        #expect(recipe.horizontalFlip == 0.5)
        #expect(recipe.colourJitter == .init(hue: 0.1))
        #expect(try parse(minimal, "data.augmentation=none").data.augmentation.recipe == nil)
        #expect(try parse(minimal).data.augmentation.recipe == .init())
    }

    @Test func aByteOrderMarkAndWindowsLinesAreFine() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(("\u{FEFF}" + minimal.replacing("\n", with: "\r\n")).utf8).write(to: URL(filePath: path))
        #expect(try RunConfiguration.load(path: path).network.architecture == "resnet18")
    }

    /// Wherever it stands among them, a preset is what the other keys change.
    @Test func presetsAreWhatKeysChange() throws {
        let recipe = try #require(
            parse(minimal, "data.augmentation={random_erasing: 0.5, preset: strong, rotation: 10}").data.augmentation.recipe)
        #expect(recipe.trivialAugment && recipe.randomErasing == 0.5 && recipe.rotation == 10)
        #expect(recipe.randomResizedCrop?.scale == 0.2...1)
        let light = try #require(parse(minimal, "data.augmentation=light").data.augmentation.recipe)
        #expect(light.randomResizedCrop?.scale == 0.7...1 && !light.trivialAugment)
    }

    @Test func blocksFromTheEndAreALayerList() throws {
        #expect(try parse(minimal, "network.unfrozen={last: 3}").network.unfrozen == .last(3))
        let phases = try parse(minimal, "training.phases=[{epochs: 1}, {epochs: 2, unfrozen: {last: 1}}]").training.phases
        #expect(phases?.map(\.unfrozen) == [nil, .last(1)])
    }
}
