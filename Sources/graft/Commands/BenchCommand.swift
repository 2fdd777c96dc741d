// `graft bench`: how fast a config runs here, and where the time goes.
import ArgumentParser
import Collectives
import CollectivesMPI
import Execution
import Foundation
import RunConfiguration

struct BenchCommand: ParsableCommand {
    enum Suite: String, ExpressibleByArgument, CaseIterable { case train, plan, kernels, loader, collectives }

    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures a config: its training loop, each step, its loader, its sums.",
        discussion: """
            mpirun -n 2 graft bench configs/cats-dogs-resnet50.yaml
            mpirun -n 2 graft bench configs/random-resnet50.yaml --synthetic --trace trace.json
            graft bench configs/random-resnet50.yaml --synthetic --suite plan --set training.batch_size=16
            graft bench configs/cats-dogs-resnet50.yaml --suite loader --synthetic
            mpirun -n 4 graft bench configs/cats-dogs-resnet50.yaml --suite collectives
            """)

    @Argument(help: "The config; - for standard input.")
    var config: String
    @Option(
        help: """
            train: the loop; plan: each step of a rank's pass; kernels: each step many times in a row; loader: decoding and augmenting the config's \
            photographs, and how long training waits for them; collectives: every way to sum, by message size.
            """)
    var suite = Suite.train
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: "Steps that are measured, after two that are not.")
    var steps = 7
    @Option(help: "Classes of the head, with --synthetic.")
    var classes = 2
    @Flag(
        help: """
            Generated input and random weights instead of the config's files; for the loader, generated photographs (500 × 375 JPEGs).
            """)
    var synthetic = false
    @Option(help: ArgumentHelp("With train: writes a timeline of all ranks for chrome://tracing or Perfetto.", valueName: "file"))
    var trace: String?
    @Flag(help: "Prints JSON.")
    var json = false
    @Flag(help: "With plan and kernels: lists every step instead of sums.")
    var all = false

    func validate() throws {
        guard steps >= 1 else { throw ValidationError("--steps must be at least 1") }
        guard trace == nil || suite == .train else { throw ValidationError("--trace belongs to --suite train") }
        guard classes >= 2 else { throw ValidationError("--classes must be at least 2") }
    }

    func run() throws {
        World.run(
            environment: ProcessInfo.processInfo.environment,
            startSeconds: RunConfiguration.startSeconds(config, overrides: overrides), exitStatus: ExitStatus.of
        ) { communicator in
            // Generated input needs no photographs: whatever the config names, or none.
            let configuration = try RunConfiguration.load(
                config, overrides: overrides + (synthetic ? ["data.train=generated"] : []), communicator)
            switch suite {
            case .train:
                let found = try TrainBench.run(
                    configuration, isSynthetic: synthetic, classes: classes, steps: steps, trace: trace, communicator)
                if let found { print(json ? try found.jsonLine() : found.text) }
            case .loader:
                let found = try LoaderBench.run(configuration, isSynthetic: synthetic, steps: steps, communicator)
                if let found { print(json ? try found.jsonLine() : found.text) }
            case .collectives:
                let found = try CollectivesBench.run(repetitions: steps, communicator)
                if communicator.isRoot { print(json ? try found.jsonLine() : found.text) }
            case .plan, .kernels:
                let found = try PlanBench(
                    configuration, isSynthetic: synthetic, classes: classes, repetitions: steps, alone: suite == .kernels,
                    communicator)
                if communicator.isRoot { print(json ? try found.jsonLine() : found.text(all: all)) }
            }
        }
    }
}
