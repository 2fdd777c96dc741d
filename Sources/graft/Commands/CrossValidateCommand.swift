// `graft crossvalidate`: how good a config is, and how sure one can be of that.
import ArgumentParser
import RunConfiguration

struct CrossValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crossvalidate", abstract: "Trains on folds of a config's training images; means with 95 % intervals.",
        discussion: """
            mpirun -n 2 graft crossvalidate my.yaml --folds 5 --repeats 10

            Frozen layers compute each photograph once; then every fold is held out in turn, classes spread evenly and groups \
            (data.group) kept together. The config's validation images are not looked at: they stay what no choice has seen. \
            Writes NAME-folds/ beside the config's runs: report.html and predictions.csv.
            """)

    @Argument(help: "The config, a YAML file; - for standard input.")
    var config: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: "How many parts the images are cut into.")
    var folds = 5
    @Option(help: "How often they are cut anew.")
    var repeats = 1
    @Flag(help: "Prints one JSON object a line: every fold, the learning curve, and a summary at the end.")
    var json = false

    func validate() throws {
        guard folds >= 2, folds <= 1000 else { throw ValidationError("--folds must be from 2 to 1000, found \(folds)") }
        guard repeats >= 1, repeats <= 1000 else { throw ValidationError("--repeats must be from 1 to 1000, found \(repeats)") }
    }

    func run() throws {
        try runStoppably(config, overrides: overrides, stopped: "nothing was written") {
            try CrossValidation($0, folds: folds, repetitions: repeats, printsJSON: json, $1).run($2, $3)
        }
    }
}
