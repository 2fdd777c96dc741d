// The curves of a run, from events; for a resumed run, what came before from its metrics.jsonl.
import Foundation
import Training

/// Points of curves over steps, and what the time went into.
struct RunHistory {
    typealias Points = [(x: Double, y: Double)]

    private(set) var losses: Points = []
    private(set) var rates: Points = []
    private(set) var learningRates: Points = []
    private(set) var trainingAccuracies: Points = []
    private(set) var evaluations: [(step: Int, summary: EvaluationSummary)] = []
    /// The first step after so many finished epochs.
    private(set) var firstSteps: [Int: Int] = [:]
    private(set) var images = 0
    private(set) var times = Times()

    /// Seconds on rank 0.
    struct Times {
        var steps = 0.0
        /// Of them, those in which it waited for the loader, and for gradient sums.
        var data = 0.0
        var sums = 0.0
        var evaluations = 0.0

        var computing: Double { max(0, steps - data - sums) }
        var whole: Double { steps + evaluations }
    }

    mutating func add(_ report: StepReport) {
        add(step: report.step, epoch: report.epoch, loss: report.loss, learningRate: report.learningRate)
        add(
            step: report.step, images: report.images, imagesPerSecond: report.imagesPerSecond, seconds: report.seconds,
            data: report.dataShare * report.seconds, sums: report.exposedCommunicationSeconds)
    }

    private mutating func add(step: Int, epoch: Int, loss: Double, learningRate: Double) {
        losses.append((Double(step), loss))
        learningRates.append((Double(step), learningRate))
        if firstSteps[epoch] == nil { firstSteps[epoch] = step }
    }

    private mutating func add(step: Int, images: Int, imagesPerSecond: Double, seconds: Double, data: Double, sums: Double) {
        rates.append((Double(step), imagesPerSecond))
        self.images += images
        times.steps += seconds
        times.data += data
        times.sums += min(sums, seconds)
    }

    mutating func add(step: Int, trainingAccuracy: Double) { trainingAccuracies.append((Double(step), trainingAccuracy)) }

    mutating func add(step: Int, _ summary: EvaluationSummary, seconds: Double) {
        evaluations.append((step, summary))
        times.evaluations += seconds
    }

    /// A line without its noise: exponential smoothing, corrected for its beginning (as Adam's averages are).
    func smoothed(_ points: Points) -> Points {
        var (sum, weight) = (0.0, 0.0)
        let keep = smoothing
        return points.filter(\.y.isFinite).map { point in
            sum = keep * sum + (1 - keep) * point.y
            weight = keep * weight + (1 - keep)
            return (point.x, sum / weight)
        }
    }

    /// What each step keeps of the smoothed value before it: more, the longer the run is, so that lines show a course.
    var smoothing: Double { max(0.6, ((1 - 50 / Double(max(losses.count, 1))) * 1000).rounded() / 1000) }

    /// Images a second over all steps.
    var imagesPerSecond: Double { times.steps > 0 ? Double(images) / times.steps : 0 }

    /// Reads what a resumed run did before; lines that are no JSON are passed over.
    init(metrics lines: [Substring] = []) {
        for line in lines {
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else { continue }
            func known(_ key: String) -> Double? { (object[key] as? NSNumber)?.doubleValue }
            func number(_ key: String) -> Double { known(key) ?? 0 }
            let step = Int(number("step"))
            switch object["event"] as? String {
            case "step":
                add(
                    step: step, epoch: Int(number("epoch")), loss: number("loss"), learningRate: number("learning_rate"))
                add(
                    step: step, images: Int(number("images")), imagesPerSecond: number("images_per_second"),
                    seconds: number("seconds"), data: number("data_share") * number("seconds"),
                    sums: number("communication_exposed_seconds"))
            case "epoch": add(step: step, trainingAccuracy: number("accuracy"))
            case "evaluation":
                add(
                    step: step,
                    EvaluationSummary(
                        images: Int(number("images")), loss: number("loss"), accuracy: number("accuracy"),
                        balancedAccuracy: known("balanced_accuracy"), macroF1: known("macro_f1"),
                        meanAveragePrecision: known("mean_average_precision")), seconds: number("seconds"))
            default: break
            }
        }
    }
}
