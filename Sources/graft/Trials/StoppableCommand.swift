// What commands have in common that try configs under a launcher and may be asked to stop.
import ArgumentParser
import Collectives
import CollectivesMPI
import Foundation
import RunConfiguration
import Training

/// Runs `body` as one rank with a config; a stop by signal ends with status 75, after these words of rank 0.
func runStoppably(
    _ config: String, overrides: [String], stopped words: String,
    _ body: (RunConfiguration, any Communicator, [String: String], StopFlag) throws -> Void
) throws {
    let environment = ProcessInfo.processInfo.environment
    // Before any other thread is there, those of MPI included: see StopSignals.
    let signals = StopSignals(tellsUser: LaunchCheck.statedRank(environment: environment) == 0)
    let stop = StopFlag { signals.stopRequested }
    let outcome: TrainingOutcome = World.run(
        environment: environment, startSeconds: RunConfiguration.startSeconds(config, overrides: overrides),
        exitStatus: ExitStatus.of
    ) { communicator in
        let configuration = try RunConfiguration.load(config, overrides: overrides, communicator)
        do {
            try body(configuration, communicator, environment, stop)
            return .finished
        } catch is StoppedEarly {
            if communicator.isRoot { say("stopped as asked; \(words)") }
            return .stopped
        }
    }
    if outcome != .finished { throw ExitCode(outcome.exitStatus) }
}
