// The config of a run as nested values. Every default stands in these types and nowhere else; configs/README.md explains
// the keys.

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
        ]
    }

    var contradictions: [Finding] {
        guard schedule.kind == .cosine, schedule.finalRate > optimizer.learningRate else { return [] }
        let (last, first) = (schedule.finalRate.tree.inline, optimizer.learningRate.tree.inline)
        let message = "schedule.final_rate (\(last)) must not be above optimizer.learning_rate (\(first))"
        return [Finding(key: ["schedule", "final_rate"], message: message)]
    }
}

extension RunConfiguration {
    /// The resolved config as YAML: every key in the documented order. Loading it gives an equal value.
    package func yaml() -> String { tree.yaml() }

    /// Checks whatever can be checked without files: ranges, missing keys and contradictions.
    ///
    /// - Throws: all problems together.
    package func validate() throws(ConfigurationProblems) {
        let problems = findings(at: []).map { ConfigurationProblem(place: .program, key: $0.key, message: $0.message) }
        if !problems.isEmpty { throw ConfigurationProblems(problems) }
    }
}
