// The curves of a run, from events; for a resumed run, what came before from its metrics.jsonl.
import Foundation
import Training

/// Points of curves over steps.
struct RunHistory {
    private(set) var losses: [(x: Double, y: Double)] = []
    private(set) var rates: [(x: Double, y: Double)] = []
    private(set) var validationLosses: [(x: Double, y: Double)] = []
    private(set) var accuracies: [(x: Double, y: Double)] = []

    mutating func add(step: Int, loss: Double, imagesPerSecond: Double) {
        losses.append((Double(step), loss))
        rates.append((Double(step), imagesPerSecond))
    }

    mutating func add(step: Int, _ summary: EvaluationSummary) {
        validationLosses.append((Double(step), summary.loss))
        accuracies.append((Double(step), summary.accuracy))
    }

    /// Reads what a resumed run did before; lines that are no JSON are passed over.
    init(metrics lines: [Substring] = []) {
        for line in lines {
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else { continue }
            func number(_ key: String) -> Double { (object[key] as? NSNumber)?.doubleValue ?? 0 }
            let step = Int(number("step"))
            switch object["event"] as? String {
            case "step": add(step: step, loss: number("loss"), imagesPerSecond: number("images_per_second"))
            case "evaluation":
                add(
                    step: step,
                    EvaluationSummary(images: Int(number("images")), loss: number("loss"), accuracy: number("accuracy")))
            default: break
            }
        }
    }
}
