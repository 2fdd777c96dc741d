// The program: its commands and its exit statuses.
import ArgumentParser
import CProcess
import CollectivesMPI
import Files
import Foundation
import Kernels
import Tensors

@main
struct GraftTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graft", abstract: "Fine-tunes pretrained convolutional networks on image folders, over MPI.",
        discussion: """
            graft --generate-completion-script bash (or zsh, fish) prints a script that completes commands and options; 'graft help \
            COMMAND' tells all of a command.
            """, version: Self.versions,
        subcommands: [
            TrainCommand.self, VerifyCommand.self, TuneCommand.self, CrossValidateCommand.self, ChooseCommand.self,
            EvaluateCommand.self, ReproduceCommand.self,
            PredictCommand.self,
            PlanCommand.self,
            NetworksCommand.self,
            WeightsCommand.self, ExportCommand.self, PackCommand.self, RunsCommand.self, StatusCommand.self, DoctorCommand.self,
            BenchCommand.self,
        ])

    /// Raised with a release.
    static let version = "1.0.0"

    /// The program's version on the first line, then its revision and what it runs with.
    private static var versions: String {
        let revision = String(cString: graft_revision())
        return """
            \(version)
            \(revision.isEmpty ? "revision not recorded (deploy/package.sh records it)" : "revision \(revision)")
            oneDNN \(OneDNNEngine.version), \(MPILibrary.version)
            instructions: \(Instructions.machine.rawValue)
            """
    }

    func validate() throws {
        guard let wanted = ProcessInfo.processInfo.environment[Instructions.variable], InstructionSet(rawValue: wanted) == nil
        else {
            return
        }
        let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\(Instructions.variable) must be one of \(names), not '\(wanted)'; or leave it unset")
    }

    /// Runs a command. What it printed counts as written only once the system has taken it.
    static func main() {
        main(nil)
        guard fflush(nil) != 0, errno != EPIPE else { return }
        say("graft: \(FileError.system("standard output", "write what was printed", errno, advice: "make room for it"))")
        Foundation.exit(ExitStatus.diskFailure)
    }
}
