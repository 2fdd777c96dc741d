// `graft reproduce`: is a run what it says it is?
import ArgumentParser
import Collectives
import CollectivesMPI
import Foundation
import Training

struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce", abstract: "Trains a finished run again, and tells whether the bits are the same.",
        discussion: """
            mpirun -n 4 graft reproduce runs/cats-dogs

            First holds photographs, weights, config and program against the receipt that the run left; then trains in a scratch folder, \
            which is removed, and compares the losses of all steps, the evaluations, and the tensors of the last checkpoint. Start it \
            where the run was started, with as many ranks. Exit status: 0 same bits, 65 others, 75 stopped by a signal.
            """)

    @Argument(help: ArgumentHelp("The folder of a finished run.", valueName: "run"))
    var runFolder: String
    @Flag(help: "Trains although something is no longer what it was, and tells where the bits differ first.")
    var anyway = false
    @Flag(help: "Prints one JSON object a line.")
    var json = false

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        // Before any other thread is there, those of MPI included: see StopSignals.
        let signals = StopSignals(tellsUser: LaunchCheck.statedRank(environment: environment) == 0)
        let stop = StopFlag { signals.stopRequested }
        let outcome = World.run(environment: environment, exitStatus: ExitStatus.of) { communicator in
            let path = runFolder.count > 1 && runFolder.hasSuffix("/") ? String(runFolder.dropLast()) : runFolder
            do {
                return try Reproduction(
                    folder: RunFolder(path: path), printsJSON: json, trainsAnyway: anyway, communicator: communicator
                ).run(environment, stop)
            } catch is StoppedEarly {
                return Reproduction.Outcome.stopped
            }
        }
        switch outcome {
        case .sameBits: break
        case .otherBits: throw ExitCode(ExitStatus.badInput)
        case .stopped: throw ExitCode(TrainingOutcome.stopped.exitStatus)
        }
    }
}
