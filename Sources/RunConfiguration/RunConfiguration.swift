// The config of a run as nested values. Every default stands in these types and nowhere else; configs/README.md explains
// the keys.

internal import Tensors

/// Everything that a user can say about a run.
package struct RunConfiguration: Sendable, Equatable {
    package var run = Run()
    package var network = Network()
    package var data = Data()
    package var features = Features()
    package var training = Training()
    package var optimizer = Optimizer()
    package var schedule = Schedule()
    package var evaluation = Evaluation()
    package var checkpoints = Checkpoints()
    package var communication = Communication()
    package var compute = Compute()
    package var logging = Logging()

    /// Every key at its default; those without one (`network.architecture`, `network.weights`, `data.train`) empty.
    package init() {}
}

extension RunConfiguration: Section {
    static var keys: [Key<Self>] {
        [
            Key("run", \.run),
            Key("network", \.network),
            Key("data", \.data),
            Key("features", \.features),
            Key("training", \.training),
            Key("optimizer", \.optimizer),
            Key("schedule", \.schedule),
            Key("evaluation", \.evaluation),
            Key("checkpoints", \.checkpoints),
            Key("communication", \.communication),
            Key("compute", \.compute),
            Key("logging", \.logging),
        ]
    }

    var contradictions: [Finding] {
        var findings = shellPaths
        if schedule.kind == .cosine, schedule.finalRate > optimizer.learningRate {
            let (last, first) = (schedule.finalRate.tree.inline, optimizer.learningRate.tree.inline)
            let message = "schedule.final_rate (\(last)) must not be above optimizer.learning_rate (\(first))"
            findings.append(Finding(key: ["schedule", "final_rate"], message: message))
        }
        let isEvaluated = data.validation != nil || data.validationFraction != nil || data.labels != nil
        if training.patience != nil, !isEvaluated {
            findings.append(
                Finding(
                    key: ["training", "patience"],
                    message: "training.patience counts evaluations, and the config names no validation images"))
        }
        if schedule.kind == .plateau, !isEvaluated {
            findings.append(
                Finding(
                    key: ["schedule", "kind"],
                    message: "schedule.kind: plateau looks at evaluations, and the config names no validation images"))
        }
        findings += averageFindings + lossFindings + reproducibilityFindings
        if training.phases != nil {
            for (number, phase) in phases.enumerated() {
                findings += phase.contradictions.map {
                    Finding(key: ["training", "phases"], message: "phase \(number + 1): \($0.message)")
                }
            }
        }
        return findings
    }

    private var lossFindings: [Finding] {
        func finding(_ key: KeyName, _ words: String) -> Finding { Finding(key: key, message: "\(key.dotted)\(words)") }
        var found: [Finding] = []
        if let recipe = data.augmentation.recipe, recipe.mixup > 0 || recipe.cutmix > 0, training.focal != nil {
            found.append(
                finding(["training", "focal"], " takes one class a photograph; it excludes data.augmentation.mixup and cutmix"))
        }
        guard network.loss == .binaryCrossEntropy else {
            let takes = " takes photographs of several classes, network.loss: binary_cross_entropy"
            if case .each = data.columns.label {
                found.append(finding(["data", "columns", "label"], ": a column for each class\(takes)"))
            }
            if checkpoints.best == .meanAveragePrecision {
                found.append(finding(["checkpoints", "best"], ": mean_average_precision\(takes)"))
            }
            return found
        }
        let excludes = " is for one class a photograph; it excludes network.loss: binary_cross_entropy"
        if training.labelSmoothing > 0 { found.append(finding(["training", "label_smoothing"], excludes)) }
        if training.focal != nil { found.append(finding(["training", "focal"], excludes)) }
        if training.classWeights == .effective { found.append(finding(["training", "class_weights"], ": effective\(excludes)")) }
        if data.sampling != .natural { found.append(finding(["data", "sampling"], excludes)) }
        return found
    }

    private var reproducibilityFindings: [Finding] {
        guard training.reproducible == .ranks else { return [] }
        guard communication.compression != .none else { return [] }
        let key = ["communication", "compression"]
        return [Finding(key: key, message: "\(key.dotted) rounds by ranks; it excludes training.reproducible: ranks")]
    }

    private var averageFindings: [Finding] {
        guard let count = training.average?.lastEpochs else { return [] }
        let key = ["training", "average", "last_epochs"]
        if count > training.epochs {
            return [Finding(key: key, message: "\(key.dotted) (\(count)) must not be above training.epochs (\(training.epochs))")]
        }
        // The statistics of a mean of weights are not the mean of their statistics.
        guard phases.contains(where: { [.local, .synchronized].contains($0.network.batchNorm) }) else { return [] }
        return [
            Finding(
                key: key,
                message: "\(key.dotted) takes network.batch_norm frozen or affine: a mean of weights has other batch statistics "
                    + "than they; average over updates instead, {decay: 0.999}")
        ]
    }

    /// Paths that a shell would have expanded: no folder is meant to be called `~`.
    private var shellPaths: [Finding] {
        let paths: [(key: KeyName, path: String?)] = [
            (["run", "folder"], run.folder), (["network", "weights"], network.weights), (["data", "train"], data.train),
            (["data", "validation"], data.validation), (["data", "labels"], data.labels), (["data", "root"], data.root),
            (["data", "exclude"], data.exclude), (["features", "folder"], features.folder),
        ]
        return paths.compactMap { key, path in
            guard let path, path.hasPrefix("~") || path.contains("$") else { return nil }
            return Finding(
                key: key, message: "\(key.dotted): '~' and '$' stand for nothing in a config; write the path out, found \(path)")
        }
    }
}

extension RunConfiguration {
    /// The resolved config as YAML: every key in the documented order. Loading it gives an equal value.
    package func yaml() -> String { tree.yaml() }

    /// Every value by its dotted key.
    package var entries: [(key: String, value: String)] { tree.leaves(below: "") }

    /// The keys whose values are other than those of an earlier config, each as `key: before → now`, in the documented order.
    package func changes(since earlier: RunConfiguration) -> [String] {
        let before = Dictionary(earlier.tree.leaves(below: "").map { ($0.key, $0.value) }) { first, _ in first }
        return tree.leaves(below: "").compactMap { key, value in
            before[key] == value ? nil : "\(key): \(before[key] ?? "nothing") → \(value)"
        }
    }

    /// Checks whatever can be checked without files: ranges, missing keys and contradictions.
    ///
    /// - Throws: all problems together.
    package func validate() throws(ConfigurationProblems) {
        let problems = findings(at: []).map { ConfigurationProblem(place: .program, key: $0.key, message: $0.message) }
        if !problems.isEmpty { throw ConfigurationProblems(problems) }
    }
}
