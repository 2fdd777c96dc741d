// `graft bench`: how fast a config runs here, and where the time goes.
import ArgumentParser
import Collectives
import CollectivesMPI
import Execution
import Foundation
import RunConfiguration

struct BenchCommand: ParsableCommand {
    enum Suite: String, ExpressibleByArgument, CaseIterable { case train, plan, loader, collectives }

    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures a config on generated images: the loop, or every step of its plan.",
        discussion: """
            mpirun -n 2 graft bench configs/cats-dogs-resnet50.yaml --suite train
            graft bench configs/cats-dogs-resnet50.yaml --suite plan --set training.batch_size=16
            graft bench configs/cats-dogs-resnet50.yaml --suite loader --synthetic
            mpirun -n 4 graft bench configs/cats-dogs-resnet50.yaml --suite collectives
            """)

    @Argument(help: "The config.")
    var config: String
    @Option(
        help: """
            train: the loop, under mpirun as well; plan: each step of one rank's pass; loader: decoding and augmenting the config's \
            photographs, and how long training waits for them; collectives: every way to sum, by message size.
            """)
    var suite = Suite.train
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: "Steps that are measured, after two that are not.")
    var steps = 7
    @Option(help: "Classes of the head.")
    var classes = 2
    @Flag(help: "Uses generated photographs (500 × 375 JPEGs) instead of the config's.")
    var synthetic = false
    @Flag(help: "Prints JSON.")
    var json = false
    @Flag(help: "Lists every step of the plan instead of sums.")
    var all = false

    func validate() throws {
        guard steps >= 1 else { throw ValidationError("--steps must be at least 1") }
        guard classes >= 2 else { throw ValidationError("--classes must be at least 2") }
    }

    func run() throws {
        World.run(environment: ProcessInfo.processInfo.environment, exitStatus: ExitStatus.of) { communicator in
            let configuration = try RunConfiguration.load(path: config, overrides: overrides)
            switch suite {
            case .train:
                guard let result = try TrainBench.run(configuration, classes: classes, steps: steps, communicator) else { return }
                print(json ? try result.jsonLine() : Self.text(result))
            case .loader:
                let found = try LoaderBench.run(configuration, isSynthetic: synthetic, steps: steps, communicator)
                if let found { print(json ? try found.jsonLine() : found.text) }
            case .collectives:
                let found = try CollectivesBench.run(repetitions: steps, communicator)
                if communicator.isRoot { print(json ? try found.jsonLine() : found.text) }
            case .plan:
                let times = try PlanBench.run(configuration, classes: classes, repetitions: steps, communicator)
                guard communicator.isRoot else { return }
                if json { print(try times.jsonLine()) } else { Self.show(times, all: all) }
            }
        }
    }

    private static func text(_ result: TrainBenchResult) -> String {
        String(
            format:
                "%@: %.1f images/s over %d ranks × %d threads (best %.1f), step %.1f ms, %.1f %% of it waiting for sums (%.0f %% of their time hidden), peak %.0f MB a rank",
            result.architecture, result.imagesPerSecond, result.ranks, result.threads, result.bestImagesPerSecond,
            result.stepMilliseconds, result.communicationShare * 100, (result.communicationHiddenShare ?? 1) * 100,
            Double(result.peakMemoryBytes) / 1e6)
    }

    private static func show(_ times: [PlanBench.StepTime], all: Bool) {
        let total = times.reduce(0) { $0 + $1.milliseconds }
        var rows = [["region", "phase", "work", "steps", "ms", "share", "GFLOP/s"]]
        if all {
            rows = [["region", "phase", "step", "work", "ms", "GFLOP/s", "implementation"]]
            for time in times {
                rows.append([
                    time.region, time.phase, time.name, time.work, String(format: "%.3f", time.milliseconds),
                    time.gigaflops > 0 ? String(format: "%.0f", time.gigaflops / time.milliseconds * 1000) : "",
                    time.implementation,
                ])
            }
        } else {
            for row in PlanBench.summary(times) {
                rows.append([
                    row.region, row.phase, row.work, "\(row.steps)", String(format: "%.2f", row.milliseconds),
                    String(format: "%.1f %%", 100 * row.milliseconds / total),
                    row.rate > 0 ? String(format: "%.0f", row.rate) : "",
                ])
            }
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            print(zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  "))
        }
        print(String(format: "total %.1f ms", total))
    }
}
