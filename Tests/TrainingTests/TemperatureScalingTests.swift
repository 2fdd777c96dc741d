// Calibration: the temperature that made scores too sure is found again, and the error is the published one's.
import Foundation
import Tensors
import Testing

@testable import Training

@Suite struct TemperatureScalingTests {
    /// Answers whose labels are drawn from the softmax of scores, which are then made `factor` times as sure.
    private func predictions(_ count: Int, sureness factor: Double) -> [SamplePrediction] {
        var random = CounterRandom(seed: 5, purpose: .synthetic)
        return (0..<count).map { sample in
            let scores = (0..<3).map { _ in Double(random.normal()) * 1.5 }
            func softmax(_ scores: [Double]) -> [Double] {
                let powers = scores.map { exp($0) }
                return powers.map { $0 / powers.reduce(0, +) }
            }
            let place = Double(random.uniform())
            let own = softmax(scores)
            let label = place < own[0] ? 0 : place < own[0] + own[1] ? 1 : 2
            let told = softmax(scores.map { $0 * factor }).map { Float($0) }
            return SamplePrediction(
                sample: sample, label: label, predicted: told.indices.max { told[$0] < told[$1] } ?? 0, loss: 0,
                probabilities: told)
        }
    }

    @Test(arguments: [0.5, 2, 3]) func theTemperatureIsFoundAgain(_ factor: Double) throws {
        let all = predictions(8000, sureness: factor)
        let found = try #require(TemperatureScaling(all))
        #expect(abs(found.temperature / factor - 1) < 0.07, "\(found.temperature)")
        #expect(found.errorAfter < 0.02 && found.errorAfter < found.errorBefore / 2)
        // On others, which it was not fitted on.
        let half = try #require(TemperatureScaling(Array(all.prefix(4000))))
        let rest = all.suffix(4000)
        let before = TemperatureScaling.error(rest.map(\.probabilities), rest.map(\.label))
        let after = TemperatureScaling.error(
            rest.map { TemperatureScaling.apply(half.temperature, to: $0.probabilities) }, rest.map(\.label))
        #expect(after < before / 2)
    }

    @Test func nothingIsDoneWhereNothingIsGained() {
        #expect(TemperatureScaling(predictions(8000, sureness: 1)) == nil)
        #expect(TemperatureScaling(predictions(10, sureness: 3)) == nil && TemperatureScaling([]) == nil)
    }

    /// Two bins: 0.9 sure and right half the time, 0.6 sure and always right.
    @Test func theErrorIsTheMeanDistance() {
        let error = TemperatureScaling.error([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], [0, 1, 1, 1])
        #expect(abs(error - (0.4 + 0.4) / 2) < 1e-6)
        let bins = TemperatureScaling.reliability([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], [0, 1, 1, 1])
        #expect(bins.count == 15 && bins.map(\.images).filter { $0 > 0 } == [2, 2])
        #expect(bins[13].accuracy == 0.5 && abs(bins[13].sureness - 0.9) < 1e-6)
    }

    @Test func pairsAreComparedExactly() {
        let hits =
            Array(repeating: (first: true, second: true), count: 90) + [(true, false)] + Array(repeating: (false, true), count: 9)
        let found = PairedComparison(hits)
        #expect(found.images == 100 && found.onlyFirst == 1 && found.onlySecond == 9)
        // 2 (C(10, 0) + C(10, 1)) / 1024.
        #expect(abs(found.chance - 22.0 / 1024) < 1e-12 && found.isLargerThanChance)
        #expect(
            abs(found.difference - 0.08) < 1e-12 && found.low > 0 && found.low < 0.08 && found.high > 0.08 && found.high < 0.16)
        #expect(PairedComparison([]).chance == 1 && PairedComparison([(true, true)]).chance == 1)
    }
}
