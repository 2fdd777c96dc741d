// The files in configs/: each loads, and the README there tells the truth about every key.
import Foundation
import Testing

@testable import RunConfiguration

@Suite struct ConfigsFolderTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../configs").standardized

    private static func configs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }.sorted()
    }

    /// The columns of each key's row: key, meaning, values, default, example.
    private static func rows() throws -> [[String]] {
        try String(contentsOf: folder.appending(path: "README.md"), encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| `") }
            .map { row in
                // Within a cell a bar is written with a backslash.
                row.replacing("\\|", with: "\u{1}").split(separator: "|").map {
                    $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "").replacing("\u{1}", with: "|")
                }
            }
            .filter { $0.count == 5 }
    }

    /// Every key with its default as it is written, those of mappings that are not there by default included.
    private static func defaults() -> [String: String] {
        var augmented = RunConfiguration()
        augmented.data.augmentation = .custom(.init(affine: .init(), randAugment: .init(), colourJitter: .init()))
        augmented.network.preprocessing = .init()
        return [RunConfiguration().tree, augmented.tree].reduce(into: [:]) { result, tree in
            for key in tree.leaves {
                let value = key.reduce(tree) { below, word in below.entries?.first { $0.key == word }?.value ?? below }
                result[key.dotted] = value.inline
            }
        }
    }

    @Test(arguments: try configs())
    func everyConfigLoads(_ file: String) throws {
        let configuration = try RunConfiguration.load(path: Self.folder.appending(path: file).path)
        #expect(configuration.run.name == file.replacing(".yaml", with: ""))
    }

    @Test func theREADMEHasEveryKeyWithItsDefault() throws {
        let rows = try Self.rows()
        for (key, value) in Self.defaults() {
            let row = try #require(rows.first { $0[0] == key }, "configs/README.md has no row for \(key)")
            if row[3] != "required", key != "run.name" { #expect(row[3] == value, "\(key)") }
        }
    }

    @Test func everyRowOfTheREADMEIsAKeyWhoseExampleLoads() throws {
        for row in try Self.rows() {
            let (key, example) = (row[0], row[4])
            // Some keys need others beside them.
            let company =
                switch key {
                case "schedule.step_epochs", "schedule.milestones": "schedule.kind=step"
                case "training.average.warm_up": "training.average.decay=0.9"
                case "training.patience": "data.validation_fraction=0.2"
                case "network.loss": "checkpoints.best=mean_average_precision"
                case "data.root",
                    _ where key.hasPrefix("data.columns"):
                    "data.labels=l.csv"
                default: "run.seed=1"
                }
            let more = key == "schedule.kind" ? "schedule.step_epochs=2" : "run.seed=1"
            #expect(problems(minimal, company, more, "\(key)=\(example)") == [], "\(key)")
        }
    }

    @Test func theREADMENamesEveryConfig() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "README.md"), encoding: .utf8)
        for file in try Self.configs() { #expect(text.contains("`\(file)`"), "\(file)") }
    }
}
