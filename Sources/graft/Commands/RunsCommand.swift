// `graft runs`: what runs there are, and how they compare.
import Reporting
import ArgumentParser
import Foundation
import PlanReports
import RunConfiguration
import Tensors

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Lists runs, and compares them.", subcommands: [List.self, Compare.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the runs of a folder.")

        @Argument(help: "The folder that holds runs.")
        var folder = "runs"
        @Flag(help: "Prints one JSON object a line.")
        var json = false

        private struct Line: Encodable {
            let kind = "run"
            let path: String
            let state: RunRecord.State
            let network: String
            let trainingImages: Int
            let epochs: Int
            let step: Int
            let accuracy: Double?
            let loss: Double?
            let bestStep: Int?
            let seconds: Double
        }

        func run() throws {
            try reportingErrors {
                let runs = try RunRecord.all(in: folder)
                if json {
                    for record in runs {
                        print(
                            try Line(
                                path: record.path, state: record.state, network: record.network, trainingImages: record.images,
                                epochs: record.evaluations.last?.epoch ?? record.epoch, step: record.step,
                                accuracy: record.best?.accuracy,
                                loss: record.best?.loss, bestStep: record.best?.step, seconds: record.seconds
                            ).jsonLine())
                    }
                    return
                }
                guard !runs.isEmpty else { return print("\(folder) holds no runs") }
                var table = TextTable([
                    .left("run"), .left("state"), .left("network"), .right("images"), .right("epochs"), .right("steps"),
                    .right("best accuracy"), .right("loss"), .right("time"),
                ])
                for record in runs {
                    table.add([
                        record.name, record.state.rawValue, record.network, "\(record.images)",
                        "\(record.evaluations.last?.epoch ?? record.epoch)",
                        "\(record.step)", record.best.map { String(format: "%.2f %%", $0.accuracy * 100) } ?? "–",
                        record.best.map { String(format: "%.4f", $0.loss) } ?? "–", Format.duration(record.seconds),
                    ])
                }
                table.lines().forEach { print($0) }
            }
        }
    }

    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "compare", abstract: "Compares runs: configs, results, and whether the difference is more than chance.",
            discussion: """
                graft runs compare runs/a runs/b --report compare.html

                The first run is held against each other one, photograph by photograph (predictions.csv): McNemar's exact test, and \
                the accuracy's difference with a paired bootstrap interval.
                """)

        @Argument(help: ArgumentHelp("The folders of two or more runs.", valueName: "run"))
        var runs: [String]
        @Option(help: ArgumentHelp("Writes a page with all curves.", valueName: "file"))
        var report: String?
        @Flag(help: "Prints one JSON object a line.")
        var json = false

        func validate() throws {
            guard runs.count >= 2 else { throw ValidationError("name two runs or more") }
        }

        func run() throws {
            try reportingErrors {
                let comparison = try RunComparison(try runs.map { try RunRecord(path: $0) })
                if let report { try comparison.page.write(to: report) }
                if json { return try comparison.jsonLines().forEach { print($0) } }
                comparison.lines().forEach { print($0) }
                if let report { print("\nwritten: \(report)") }
            }
        }
    }
}
