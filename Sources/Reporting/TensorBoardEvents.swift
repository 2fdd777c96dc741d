// An event file for TensorBoard.
import Foundation
import ImageData
package import Training

/// Writes scalars of steps, epochs and evaluations, what the run was told, and pictures of its best evaluations: the confusion of classes and
/// the worst mistakes. A resumed run begins a file of its own in the same folder, as TensorBoard has it.
package final class TensorBoardEvents: TrainingObserver {
    private let folder: String
    private let parameters: [(key: String, value: String)]
    private var file: ReportFile?

    private static let mostMistakes = 6

    /// - Parameters:
    ///   - folder: made if it is not there.
    ///   - parameters: the resolved config, key by key.
    package init(folder: String, parameters: [(key: String, value: String)] = []) {
        (self.folder, self.parameters) = (folder, parameters)
    }

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
            if report.isBest { show(report) }
        case .finished: file?.append(TensorBoardRecord.end(isSuccess: true, wallTime: Self.now))
        case .failed: file?.append(TensorBoardRecord.end(isSuccess: false, wallTime: Self.now))
        case .unreadable, .checkpoint, .stopped: break
        }
    }

    private static var now: Double { Date().timeIntervalSince1970 }

    private func show(_ report: EvaluationReport) {
        let evaluation = report.evaluation
        var images: [(tag: String, picture: PixelImage, file: [UInt8])] = []
        if !evaluation.hasSeveral, let picture = ConfusionPicture.of(evaluation), let png = picture.png {
            images.append(("validation/confusion", picture, png))
        }
        for (rank, mistake) in WorstMistakes.chosen(from: evaluation).prefix(Self.mostMistakes).enumerated() {
            guard let picture = JPEGThumbnail.picture(of: evaluation.file(of: mistake), side: MistakeLook.side),
                let jpeg = picture.jpeg(quality: JPEGThumbnail.quality)
            else { continue }
            images.append(("validation/mistakes/\(rank + 1)", picture, jpeg))
        }
        guard !images.isEmpty else { return }
        file?.append(TensorBoardRecord.images(images, step: report.step, wallTime: Self.now))
    }

    private func start() {
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let now = Self.now
        let host = ProcessInfo.processInfo.hostName
        let file = ReportFile(path: "\(folder)/events.out.tfevents.\(Int(now)).\(host).\(getpid())")
        file.begin(with: TensorBoardRecord.version(wallTime: now))
        if !parameters.isEmpty { file.append(TensorBoardRecord.start(parameters, wallTime: now)) }
        self.file = file
    }

    private func write(_ scalars: [(String, Double)], step: Int) {
        file?.append(
            TensorBoardRecord.scalars(
                scalars.map { (tag: $0.0, value: $0.1) }, step: step, wallTime: Self.now))
    }
}
