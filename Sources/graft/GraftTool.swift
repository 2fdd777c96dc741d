// The program: its commands and its exit statuses.
import ArgumentParser
import Foundation
import Kernels
import Tensors

@main
struct GraftTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graft", abstract: "Fine-tunes pretrained convolutional networks on image folders, over MPI.",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, PredictCommand.self, PlanCommand.self, NetworksCommand.self,
            WeightsCommand.self, ExportCommand.self, DoctorCommand.self, BenchCommand.self,
        ])

    func validate() throws {
        guard let wanted = ProcessInfo.processInfo.environment[Instructions.variable], InstructionSet(rawValue: wanted) == nil
        else {
            return
        }
        let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\(Instructions.variable) must be one of \(names), not '\(wanted)'; or leave it unset")
    }
}
