// `graft train`: one rank of a run.
import ArgumentParser
import Collectives
import CollectivesMPI
import Foundation
import RunConfiguration
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains as a config says; start it with mpirun for several ranks.",
        discussion: """
            mpirun -n 4 graft train configs/cats-dogs-resnet50.yaml

            Writes FOLDER/NAME/ with the resolved config, metrics.jsonl, checkpoints/ and predictions.csv. Exit status: 0 done, \
            64 wrong usage, 65 bad input, 70 internal, 75 stopped by a signal with everything saved (start again with --resume).
            """)

    @Argument(help: "The config, a YAML file; - for standard input.")
    var config: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Flag(help: "Continues the newest whole checkpoint of the run; starts from the beginning if there is none.")
    var resume = false

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        // Before any other thread is there, those of MPI included: see StopSignals.
        let signals = StopSignals(tellsUser: LaunchCheck.statedRank(environment: environment) == 0)
        let stop = StopFlag { signals.stopRequested }
        let outcome = World.run(environment: environment, exitStatus: ExitStatus.of) { communicator in
            let configuration = try RunConfiguration.load(config, overrides: overrides, communicator)
            do {
                let preparation = try Preparation(configuration, communicator, environment: environment, stop: stop)
                return try TrainingRun(preparation).run(resuming: resume)
            } catch is StoppedEarly {
                if communicator.isRoot {
                    say("stopped before the first step as asked: nothing to save yet; start again with --resume")
                }
                return .stopped
            }
        }
        if outcome != .finished { throw ExitCode(outcome.exitStatus) }
    }
}
