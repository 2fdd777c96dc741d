// The program: its commands and its exit statuses.
import ArgumentParser

@main
struct GraftTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graft", abstract: "Fine-tunes pretrained convolutional networks on image folders, over MPI.",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, PredictCommand.self, PlanCommand.self, NetworksCommand.self,
            WeightsCommand.self, ExportCommand.self, DoctorCommand.self, BenchCommand.self,
        ])
}
