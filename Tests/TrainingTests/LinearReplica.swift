// A replica of a few numbers: a linear classifier in plain Swift, with a frozen tensor and a tracked statistic, so that the loop
// can be tested in milliseconds.
import Foundation
import Graphs
import ImageData
import Kernels
import Tensors
import Training

/// Scores = weight · (scale · (features + noise)) + bias, trained by softmax cross-entropy. The noise is keyed as dropout is.
final class LinearReplica: Replica {
    /// In the pass of this number, from 1, one value becomes NaN.
    enum Spoiling: Sendable {
        case gradient(Int), statistic(Int)
    }

    var spoiled: Spoiling?
    private var passes = 0

    static let features = 5
    static let classes = 3

    let parameters: [ParameterSpec] = [
        ParameterSpec(name: "body.weight", shape: [features], role: .convolutionWeight, initialization: .constant(1)),
        ParameterSpec(name: "body.running_mean", shape: [features], role: .runningMean, initialization: .constant(0)),
        ParameterSpec(name: "fc.weight", shape: [classes, features], role: .linearWeight, initialization: .uniform(bound: 0.4)),
        ParameterSpec(name: "fc.bias", shape: [classes], role: .bias, initialization: .constant(0)),
    ]
    /// The bias is complete first; both are padded to cache lines, as in real layouts.
    let slots = [ParameterSlot(parameter: 3, range: 0..<3), ParameterSlot(parameter: 2, range: 16..<31)]
    let trained: UnsafeMutableBufferPointer<Float>
    let gradientsWithExtras: UnsafeMutableBufferPointer<Float>
    let statistics: UnsafeMutableBufferPointer<Float>
    let classCount = classes
    private let memory = AlignedBuffer(floatCount: 32 + 48 + 16)
    private let scale: UnsafeMutableBufferPointer<Float>
    private let scores = AlignedBuffer(floatCount: 64 * classes)

    init(seed: UInt64 = 5) {
        trained = UnsafeMutableBufferPointer(rebasing: memory.floats[0..<32])
        gradientsWithExtras = UnsafeMutableBufferPointer(rebasing: memory.floats[32..<80])
        statistics = UnsafeMutableBufferPointer(rebasing: memory.floats[80..<85])
        scale = UnsafeMutableBufferPointer(rebasing: memory.floats[85..<90])
        var random = CounterRandom(seed: seed, purpose: .initialization)
        for index in slots[1].range { trained[index] = random.uniform(-0.4, 0.4) }
        for index in 0..<5 { scale[index] = 1 + 0.1 * Float(index) }
    }

    func values(of parameter: Int) -> UnsafeMutableBufferPointer<Float> {
        switch parameter {
        case 0: scale
        case 1: statistics
        case 2: UnsafeMutableBufferPointer(rebasing: trained[16..<31])
        default: UnsafeMutableBufferPointer(rebasing: trained[0..<3])
        }
    }

    func changes(_ parameter: Int) -> Bool { parameter > 0 }
    func weightsChanged() {}

    func trainPass(
        _ batch: Batch, _ settings: PassSettings, onGradientsComplete: (Int) throws -> Void
    ) throws -> PassResult {
        for index in 0..<32 { gradientsWithExtras[index] = 0 }
        var result = PassResult(lossSum: 0, correct: 0)
        for position in 0..<batch.count {
            let sample = batch.samples[position]
            var random = CounterRandom(seed: settings.seed, epoch: settings.epoch, index: sample, purpose: .dropout)
            let input = (0..<5).map { scale[$0] * (batch.images[position * 5 + $0] + 0.1 * random.uniform()) }
            for index in 0..<5 { statistics[index] += 0.1 * (input[index] - statistics[index]) }
            let label = Int(batch.labels[position])
            let probabilities = softmax(scores(of: input))
            result.lossSum -= log(Double(probabilities[label]))
            if probabilities.firstIndex(of: probabilities.max() ?? 0) == label { result.correct += 1 }
            for klass in 0..<3 {
                let gradient = settings.imageWeight * (probabilities[klass] - (klass == label ? 1 : 0))
                gradientsWithExtras[klass] += gradient
                for index in 0..<5 { gradientsWithExtras[16 + klass * 5 + index] += gradient * input[index] }
            }
        }
        passes += 1
        switch spoiled {
        case .gradient(passes)?: gradientsWithExtras[20] = .nan
        case .statistic(passes)?: statistics[2] = .nan
        default: break
        }
        try onGradientsComplete(16)
        try onGradientsComplete(32)
        return result
    }

    func logits(of batch: Batch) -> UnsafeBufferPointer<Float> {
        for position in 0..<batch.count {
            let input = (0..<5).map { scale[$0] * batch.images[position * 5 + $0] - 0.01 * statistics[$0] }
            for (klass, score) in scores(of: input).enumerated() { scores.floats[position * 3 + klass] = score }
        }
        return UnsafeBufferPointer(rebasing: scores.floats[..<(batch.count * 3)])
    }

    private func scores(of input: [Float]) -> [Float] {
        (0..<3).map { klass in (0..<5).reduce(trained[klass]) { $0 + trained[16 + klass * 5 + $1] * input[$1] } }
    }

    private func softmax(_ scores: [Float]) -> [Float] {
        let exponentials = scores.map { exp($0 - (scores.max() ?? 0)) }
        let total = exponentials.reduce(0, +)
        return exponentials.map { $0 / total }
    }
}
