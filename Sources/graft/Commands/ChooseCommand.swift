// `graft choose`: which network, and how much of it to train, on one's own photographs.
import ArgumentParser
import RunConfiguration

struct ChooseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "choose",
        abstract: "Compares networks, and cuts between frozen and trained layers, on a config's photographs.",
        discussion: """
            mpirun -n 2 graft choose my.yaml --networks resnet18=torchvision,efficientnet_lite0=lite0.pth --cuts auto --within 10m

            For each candidate frozen layers compute the photographs once, then folds are trained on the features. Writes NAME-choice/ \
            beside the config's runs: report.html, and best.yaml, the quickest candidate that the most accurate one cannot be told from.
            """)

    @Argument(help: "The config, a YAML file; - for standard input.")
    var config: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(
        help: ArgumentHelp(
            "Networks to try, each with its weights where the config does not say them; without it, the config's.",
            valueName: "name[=weights],…"))
    var networks: String?
    @Option(help: "What trains besides the head: none, auto (also the last block), or all (every cut between blocks).")
    var cuts = Choice.Cuts.none
    @Option(
        help: ArgumentHelp(
            "Leaves out what would not be over within this time, by the speed of those before; such as 90s, 10m or 1h.",
            valueName: "time"))
    var within: String?
    @Option(help: "How many parts the images are cut into.")
    var folds = 5
    @Flag(help: "Prints one JSON object a line: every candidate, the most accurate first.")
    var json = false

    func validate() throws {
        guard folds >= 2, folds <= 1000 else { throw ValidationError("--folds must be from 2 to 1000, found \(folds)") }
        guard within == nil || seconds != nil else {
            throw ValidationError("--within is a time such as 90s, 10m or 1h, not '\(within ?? "")'")
        }
    }

    private var seconds: Double? {
        guard let within, let unit = within.last, let factor = ["s": 1.0, "m": 60, "h": 3600][unit],
            let number = Double(within.dropLast()), number > 0
        else { return nil }
        return number * factor
    }

    private var named: [(name: String, weights: String?)] {
        (networks ?? "").split(separator: ",").map { text in
            let parts = text.split(separator: "=", maxSplits: 1)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
        }
    }

    func run() throws {
        try runStoppably(config, overrides: overrides, stopped: "nothing was written") {
            try Choice(
                configuration: $0, networks: named, cuts: cuts, limit: seconds, folds: folds, printsJSON: json, communicator: $1
            ).run($2, $3)
        }
    }
}

extension Choice.Cuts: ExpressibleByArgument {}
