// `graft status`: how far a run is, from its files alone.
import Reporting
import RunConfiguration
import ArgumentParser
import Foundation
import Tensors

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Tells how far a run is, from any machine that sees its folder.")

    @Argument(help: ArgumentHelp("The folder of a run.", valueName: "run"))
    var runFolder: String
    @Flag(help: "Prints one JSON object.")
    var json = false

    /// Seconds without a word after which a running job is said to be silent.
    private static let patience = 60.0

    private struct Line: Encodable {
        let state: RunRecord.State
        let epoch: Int
        let step: Int
        let totalSteps: Int
        let loss: Double?
        let bestAccuracy: Double?
        let ranks: Int
        let secondsLeft: Double?
        let lastCheckpoint: String?
        let silentSeconds: Double
        let error: String?
    }

    func run() throws {
        try reportingErrors {
            let record = try RunRecord(path: runFolder)
            if json {
                return print(
                    try Line(
                        state: record.state, epoch: record.epoch, step: record.step, totalSteps: record.totalSteps,
                        loss: record.loss,
                        bestAccuracy: record.best?.accuracy, ranks: record.ranks,
                        secondsLeft: record.state == .running ? record.secondsLeft : nil, lastCheckpoint: record.lastCheckpoint,
                        silentSeconds: record.silence, error: record.error
                    ).jsonLine())
            }
            let epochs = record.configuration.map { "/\($0.training.epochs)" } ?? ""
            var table = TextTable([.left(""), .left("")])
            table.add(["state", words(record)])
            table.add(["network", "\(record.network), \(record.images) training images, \(record.ranks) ranks"])
            table.add(["epoch", "\(record.epoch)\(epochs), step \(record.step)/\(record.totalSteps)"])
            if let loss = record.loss { table.add(["loss", String(format: "%.4f", loss)]) }
            if let best = record.best {
                table.add(["best accuracy", String(format: "%.2f %% after step %d", best.accuracy * 100, best.step)])
            }
            if record.state == .running, let left = record.secondsLeft { table.add(["left", Format.duration(left)]) }
            table.add(["last checkpoint", record.lastCheckpoint ?? "none yet"])
            table.lines().forEach { print($0) }
        }
    }

    private func words(_ record: RunRecord) -> String {
        switch record.state {
        case .running where record.silence > Self.patience:
            "running, but silent for \(Format.duration(record.silence)): evaluating, saving, or waiting for a rank"
        case .running: "running"
        case .finished: "finished"
        case .stopped: "stopped as asked; graft train with --resume goes on"
        case .failed: "failed: \(record.error ?? "")"
        case .interrupted: "interrupted: no process holds it any more; graft train with --resume goes on"
        }
    }
}
