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

            mpirun -n 4 graft train --extend runs/cats-dogs

            trains anew by a finished run's config, over what its folders hold now: photographs that were added, removed or given another \
            label, more classes. Features of photographs that were there before are taken from the disk, where the run kept them.
            """)

    @Argument(help: "The config, a YAML file; - for standard input.")
    var config: String?
    @Option(
        help: ArgumentHelp(
            "Takes the config of a run, and tells what its photographs have become. The new run is called NAME-extended.",
            valueName: "run"))
    var extend: String?
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Flag(help: "Continues the newest whole checkpoint of the run; starts from the beginning if there is none.")
    var resume = false
    @Flag(
        help: "Keeps a log for each rank in the run's folder: what it said, how long the parts of each step took it, with times.")
    var log = false

    func validate() throws {
        guard (config == nil) != (extend == nil) else { throw ValidationError("name a config, or a run to --extend") }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        // Before any other thread is there, those of MPI included: see StopSignals.
        let signals = StopSignals(tellsUser: LaunchCheck.statedRank(environment: environment) == 0)
        let stop = StopFlag { signals.stopRequested }
        let outcome = World.run(
            environment: environment, startSeconds: RunConfiguration.startSeconds(config, overrides: overrides),
            exitStatus: ExitStatus.of
        ) { communicator in
            let known = try extend.map { try RunExtension(path: $0) }
            let configuration =
                try known?.configuration(overrides, communicator)
                ?? RunConfiguration.load(config ?? "", overrides: overrides, communicator)
            do {
                let preparation = try Preparation(configuration, communicator, environment: environment, stop: stop)
                known?.tell(preparation.data, communicator)
                return try TrainingRun(preparation).run(resuming: resume, keepsLogs: log)
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
