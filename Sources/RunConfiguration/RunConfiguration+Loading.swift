// From a config file and `--set` options to a checked value, or to the list of everything that is wrong.
private import Foundation
private import Tensors

extension RunConfiguration {
    private static let largestFile = 1 << 20

    /// Reads, decodes and validates a config file.
    ///
    /// Without `run.name` the run is called like the file.
    ///
    /// - Parameters:
    ///   - path: the file, relative to the working directory.
    ///   - overrides: `key.path=value` options, applied in order; the value is parsed as YAML and replaces the file's.
    /// - Throws: all problems of the file and the options together.
    package static func load(path: String, overrides: [String] = []) throws(ConfigurationProblems) -> RunConfiguration {
        let name = URL(filePath: path).deletingPathExtension().lastPathComponent
        return try parse(contents(of: path), path: path, name: name, overrides: overrides)
    }

    /// Decodes and validates the bytes of a config file.
    package static func parse(
        _ bytes: [UInt8], path: String, name: String, overrides: [String] = []
    ) throws(ConfigurationProblems) -> RunConfiguration {
        guard bytes.count <= largestFile else { throw problem(of: path, "\(bytes.count) bytes are too many for a config") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw problem(of: path, "not UTF-8 text, so not a config file")
        }
        let plain = String(text.trimmingPrefix("\u{FEFF}")).replacing("\r\n", with: "\n")
        return try parse(plain, path: path, name: name, overrides: overrides)
    }

    /// Decodes and validates the text of a config; `path` is only used in messages, `name` stands in for `run.name`.
    package static func parse(
        _ text: String, path: String, name: String, overrides: [String] = []
    ) throws(ConfigurationProblems) -> RunConfiguration {
        var problems: [ConfigurationProblem] = []
        let document = YAMLText(text: text, place: { .line(path, $0) })
        guard var tree = document.tree(&problems) else { throw ConfigurationProblems(problems) }
        if case .null = tree.content, overrides.isEmpty {
            problems.append(.init(place: .file(path), key: [], message: "the file is empty; configs/README.md lists the keys"))
            throw ConfigurationProblems(problems)
        }
        tree.place = .file(path)
        guard tree.entries != nil else {
            problems.append(.init(place: tree.place, key: [], message: "a config is a mapping of sections, found \(tree.found)"))
            throw ConfigurationProblems(problems)
        }
        for option in overrides { Overrides.apply(option, to: &tree, &problems) }

        var reader = Reader(knownKeys: RunConfiguration().tree.leaves, problems: problems)
        guard var configuration = RunConfiguration.read(tree, as: [], &reader) else {
            throw ConfigurationProblems(reader.problems)
        }
        if !tree.contains(["run", "name"]) { configuration.run.name = name }
        if configuration.network.loss == .binaryCrossEntropy, !tree.contains(["checkpoints", "best"]) {
            // The rarest of photographs has all its labels told right.
            configuration.checkpoints.best = .meanAveragePrecision
        }
        problems = reader.problems + configuration.countPhases(isStated: tree.contains(["training", "epochs"]), tree)
        problems += configuration.findings(at: []).filter { finding in
            !reader.problems.contains { explains($0, finding) }
        }.map { ConfigurationProblem(place: tree.place(of: $0.key), key: $0.key, message: $0.message) }
        if !problems.isEmpty { throw ConfigurationProblems(problems) }
        return configuration
    }

    /// With phases a run has their epochs, and says no others.
    private mutating func countPhases(isStated: Bool, _ tree: Tree) -> [ConfigurationProblem] {
        guard let phases = training.phases, !phases.isEmpty else { return [] }
        let sum = phases.reduce(0) { $0 &+ $1.epochs }
        let stated = training.epochs
        if !isStated { training.epochs = max(1, sum) }
        guard isStated, stated != sum else { return [] }
        let key = ["training", "epochs"]
        let message = "training.epochs (\(stated)) is not what the phases come to (\(sum)); leave it out"
        return [ConfigurationProblem(place: tree.place(of: key), key: key, message: message)]
    }

    /// Whether a finding may only follow from an earlier problem: the same key, or for contradictions the same section.
    private static func explains(_ problem: ConfigurationProblem, _ finding: Finding) -> Bool {
        finding.isContradiction
            ? problem.key.first == finding.key.first : finding.key.starts(with: problem.key) && !problem.key.isEmpty
    }

    private static func problem(of path: String, _ message: String) -> ConfigurationProblems {
        ConfigurationProblems([ConfigurationProblem(place: .file(path), key: [], message: message)])
    }

    private static func contents(of path: String) throws(ConfigurationProblems) -> [UInt8] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw problem(of: path, "there is no such config file; paths are relative to the working directory")
        }
        if isFolder.boolValue { throw problem(of: path, "this is a folder, not a config file") }
        do { return Array(try Foundation.Data(contentsOf: URL(filePath: path))) } catch {
            throw problem(of: path, "cannot be read: \(error.localizedDescription)")
        }
    }
}
