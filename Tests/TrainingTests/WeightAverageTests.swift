// Averages of the weights: torch's and timm's numbers, and runs that are cut, shared out and evaluated by them.
import Foundation
import Testing
@testable import Training
import WeightFiles

@Suite struct WeightAverageTests {
    /// As `Tests/OptimizationTests/Fixtures/average_values.py` prints them.
    @Test(arguments: [
        (AverageRule.exponential(decay: 0.9, warmsUp: false), [1, 1.3, 1.37, 2.033, 2.3297, 2.79673]),
        (.lastEpochs(6), [1, 2.5, 2.3333333, 3.75, 4, 4.5]),
        (.exponential(decay: 0.6, warmsUp: true), [1, 2.8898816, 2.4620712, 4.6772428, 4.8063455, 5.6838074]),
    ])
    func averagesAreTorchsAndTimms(_ rule: AverageRule, _ expected: [Float]) {
        let replica = LinearReplica()
        let average = WeightAverage(rule, of: replica)
        for (weight, expected) in zip([1, 4, 2, 8, 5, 7] as [Float], expected) {
            replica.values(of: 2)[3] = weight
            average.add()
            #expect(abs(average.values(of: 2)[3] - expected) < 1e-5)
        }
    }

    private static let rules: [AverageRule] = [.exponential(decay: 0.8, warmsUp: true), .lastEpochs(2)]

    @Test(arguments: rules) func trainingIsWhatItIsWithout(_ rule: AverageRule) throws {
        let (with, without) = (try Rehearsal(epochs: 3, average: rule).run()[0], try Rehearsal(epochs: 3).run()[0])
        #expect(with.weights == without.weights && with.statistics == without.statistics)
        #expect(with.record.losses == without.record.losses)
        let (last, other) = (with.record.evaluations.last, without.record.evaluations.last)
        #expect(last?.summary.loss != other?.summary.loss)
        // Of the last epochs alone: the first evaluation is of the weights themselves.
        if case .lastEpochs = rule {
            #expect(with.record.evaluations.first?.summary.loss == without.record.evaluations.first?.summary.loss)
        }
    }

    /// In mid-epoch, and where an average over epochs has, or has not, begun.
    @Test(arguments: rules, [2, 6, 8, 10]) func resumedEqualsUninterruptedBitForBit(_ rule: AverageRule, step: Int) throws {
        let (one, two) = (try TemporaryFolder(), try TemporaryFolder())
        // Saving after every step: ranks share their running statistics with each save.
        func rehearsal(_ folder: TemporaryFolder) -> Rehearsal {
            Rehearsal(ranks: 2, epochs: 3, checkpointSteps: 1, average: rule, folder: folder.path)
        }
        let straight = try rehearsal(one).run()[0]
        var cut = rehearsal(two)
        cut.stopping = (rank: 1, step: step)
        _ = try cut.run()
        (cut.stopping, cut.resumes) = (nil, true)
        let resumed = try cut.run()[0]
        #expect(resumed.weights == straight.weights && resumed.progress == straight.progress)
        for file in [Checkpoint.modelFile, Checkpoint.trainedFile] {
            let contents = try [one, two].map { try Data(contentsOf: URL(fileURLWithPath: "\($0.path)/step-00000012/\(file)")) }
            #expect(contents[0] == contents[1], "\(file)")
        }
    }

    @Test(arguments: rules) func ranksHaveOneAverage(_ rule: AverageRule) throws {
        let (one, all) = try (
            Rehearsal(ranks: 3, epochs: 3, evaluationRanks: .root, average: rule).run()[0],
            Rehearsal(ranks: 3, epochs: 3, evaluationRanks: .all, average: rule).run()[0]
        )
        #expect(one.record.evaluations.map(\.evaluation) == all.record.evaluations.map(\.evaluation))
    }

    @Test func aRunMayBeginOrCeaseToAverage() throws {
        let folder = try TemporaryFolder()
        let rule = AverageRule.exponential(decay: 0.8, warmsUp: true)
        _ = try Rehearsal(epochs: 3, folder: folder.path, stopping: (rank: 0, step: 4)).run()
        let begun = try Rehearsal(epochs: 3, average: rule, folder: folder.path, resumes: true, stopping: (rank: 0, step: 4))
            .run()[0]
        #expect(begun.progress.averaged == 4)
        let ceased = try Rehearsal(epochs: 3, folder: folder.path, resumes: true).run()[0]
        let straight = try Rehearsal(epochs: 3).run()[0]
        #expect(ceased.progress.averaged == nil && ceased.weights == straight.weights)
    }
}
