// An event file for TensorBoard.
import Foundation
package import Training

/// Writes scalars of steps, epochs and evaluations. A resumed run begins a file of its own in the same folder, as TensorBoard has it.
package final class TensorBoardEvents: TrainingObserver {
    private let folder: String
    private var file: ReportFile?

    /// - Parameter folder: made if it is not there.
    package init(folder: String) { self.folder = folder }

    package func observe(_ event: TrainingEvent) {
        switch event {
        case .started: start()
        case .step(let report):
            var scalars = [
                ("train/loss", report.loss), ("train/learning_rate", report.learningRate),
                ("speed/images_per_second", report.imagesPerSecond), ("speed/data_share", report.dataShare),
                ("speed/communication_share", report.communicationShare),
            ]
            if let norm = report.gradientNorm { scalars.append(("train/gradient_norm", norm)) }
            write(scalars, step: report.step)
        case .epoch(let report):
            write([("train/epoch_loss", report.loss), ("train/epoch_accuracy", report.accuracy)], step: report.step)
        case .evaluation(let report):
            write(
                [("validation/loss", report.summary.loss), ("validation/accuracy", report.summary.accuracy)], step: report.step)
        case .unreadable, .checkpoint, .stopped, .finished, .failed: break
        }
    }

    private func start() {
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let now = Date().timeIntervalSince1970
        let host = ProcessInfo.processInfo.hostName
        let file = ReportFile(path: "\(folder)/events.out.tfevents.\(Int(now)).\(host).\(getpid())")
        file.begin(with: TensorBoardRecord.version(wallTime: now))
        self.file = file
    }

    private func write(_ scalars: [(String, Double)], step: Int) {
        file?.append(
            TensorBoardRecord.scalars(
                scalars.map { (tag: $0.0, value: $0.1) }, step: step, wallTime: Date().timeIntervalSince1970))
    }
}
