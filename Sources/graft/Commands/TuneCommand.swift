// `graft tune`: tries settings by short full trainings on cached features, and writes the best as a config.
import ArgumentParser
import Files
import Reporting
import RunConfiguration
import Tensors

struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Tries settings of a config by full trainings on cached features; writes the best.",
        discussion: """
            mpirun -n 2 graft tune my.yaml --rates auto
            graft tune my.yaml --rates 0.1,0.03,0.01 --set-list optimizer.weight_decay=0,1e-4 --set-list network.dropout=0,0.2,0.5

            Frozen layers compute each photograph once, without augmentation; then every combination trains from the beginning. By \
            successive halving most of them get a third of training.epochs or less, and only the best third of each round goes \
            on. Writes NAME-tune/ beside the config's runs: results.jsonl, report.html with a plot for each key, and best.yaml.
            """)

    @Argument(help: "The config, a YAML file; - for standard input.")
    var config: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(
        name: .customLong("set-list"),
        help: ArgumentHelp(
            "A key and the values to try; may be repeated: all combinations are tried.", valueName: "key.path=value,value,…"))
    var lists: [String] = []
    @Option(help: ArgumentHelp("Learning rates to try: auto, or a list.", valueName: "auto|rate,rate,…"))
    var rates: String?
    @Flag(help: "Trains every combination for all epochs.")
    var full = false
    @Flag(help: "Prints one JSON object a line: every training, and the best at the end.")
    var json = false

    func validate() throws {
        guard rates != nil || !lists.isEmpty else {
            throw ValidationError("say what to try: --rates auto, or --set-list key=value,value")
        }
    }

    func run() throws {
        try runStoppably(config, overrides: overrides, stopped: "the trainings that were finished are in results.jsonl") {
            try Tuning($0, try grid($0), isFull: full, printsJSON: json, $1).run($2, $3)
        }
    }

    private func grid(_ configuration: RunConfiguration) throws -> TrialGrid {
        var axes = try lists.map { try TrialGrid.Axis($0) }
        switch rates {
        case "auto": axes.insert(TrialGrid.rates(configuration.optimizer.kind), at: 0)
        case let list?: axes.insert(try TrialGrid.Axis("optimizer.learning_rate=\(list)"), at: 0)
        case nil: break
        }
        guard Set(axes.map(\.key)).count == axes.count else {
            throw UserError("a key is listed twice; give all its values in one list")
        }
        return TrialGrid(axes: axes)
    }
}
