// Schedules and clipping against torch.
import Testing

@testable import Optimization

@Suite struct ScheduleTests {
    /// The schedules of the fixture: six epochs of five updates at a base rate of 0.2.
    private static let schedules: [String: LearningRateSchedule] = [
        "constant": LearningRateSchedule(baseRate: 0.2, shape: .constant),
        "step every 10": LearningRateSchedule(baseRate: 0.2, shape: .every(steps: 10, gamma: 0.3)),
        "milestones 10 15 25": LearningRateSchedule(baseRate: 0.2, shape: .milestones([10, 15, 25], gamma: 0.5)),
        "cosine": LearningRateSchedule(baseRate: 0.2, shape: .cosine(totalSteps: 30, finalRate: 0.02)),
        "warm-up 7, constant": LearningRateSchedule(baseRate: 0.2, warmUpSteps: 7, shape: .constant),
        "polynomial": LearningRateSchedule(baseRate: 0.2, shape: .polynomial(totalSteps: 30, finalRate: 0, power: 2)),
        "one cycle": LearningRateSchedule(baseRate: 0.2, shape: .oneCycle(totalSteps: 31, rise: 0.3)),
        "one cycle, rise 0.1": LearningRateSchedule(baseRate: 0.2, shape: .oneCycle(totalSteps: 31, rise: 0.1)),
        "warm-up 7, cosine": LearningRateSchedule(baseRate: 0.2, warmUpSteps: 7, shape: .cosine(totalSteps: 30, finalRate: 0)),
    ]

    @Test func agreesWithTorch() throws {
        let fixture: ScheduleFixture = try fixture("schedules")
        #expect(fixture.schedules.count == Self.schedules.count)
        for expected in fixture.schedules {
            let schedule = try #require(Self.schedules[expected.name])
            for (index, rate) in expected.rates.enumerated() {
                let mine = schedule.rate(ofUpdate: index + 1)
                #expect(abs(mine - rate) <= 1e-6 * abs(rate) + 1e-12, "\(expected.name), update \(index + 1)")
            }
        }
    }

    @Test func plateausAreTorchs() throws {
        let fixture: ScheduleFixture = try fixture("schedules")
        let schedule = LearningRateSchedule(baseRate: 0.2, shape: .plateau(gamma: 0.5, patience: 0))
        for expected in fixture.plateaus {
            var watch = PlateauWatch()
            for (value, rate) in zip(expected.values, expected.rates) {
                watch.note(value, higherIsBetter: expected.higherIsBetter, patience: expected.patience)
                #expect(abs(schedule.rate(ofUpdate: 7, reductions: watch.reductions) - rate) < 1e-12)
            }
        }
    }

    @Test func theEndsAreWhereTheyShouldBe() {
        let warmed = LearningRateSchedule(baseRate: 1, warmUpSteps: 4, shape: .cosine(totalSteps: 20, finalRate: 0.1))
        #expect((1...5).map { warmed.rate(ofUpdate: $0) } == [0.25, 0.5, 0.75, 1, 1])
        #expect(warmed.rate(ofUpdate: 21) == 0.1)
        #expect(warmed.rate(ofUpdate: 1000) == 0.1)
        let warmUpOnly = LearningRateSchedule(baseRate: 1, warmUpSteps: 50, shape: .cosine(totalSteps: 20, finalRate: 0.1))
        #expect(warmUpOnly.rate(ofUpdate: 25) == 0.5)
        #expect(LearningRateSchedule(baseRate: 3, warmUpSteps: 1, shape: .constant).rate(ofUpdate: 1) == 3)
    }

    @Test func clippingAgreesWithTorch() throws {
        for expected in try fixture("schedules", as: ScheduleFixture.self).clipping {
            let norm = GradientClipping.norm(of: expected.before, count: expected.before.count)
            #expect(abs(norm - expected.norm) <= 1e-6 * expected.norm)
            let factor = GradientClipping.factor(norm: norm, maximumNorm: expected.maximum)
            for (before, after) in zip(expected.before, expected.after) {
                #expect(agree(Double(before * factor), Double(after)))
            }
        }
    }

    @Test(arguments: [0, 1, 31, 32, 33, 1000, 4097])
    func theNormIsExactOnWholeNumbers(_ count: Int) {
        let values = (0..<count).map { Float($0 % 11) - 5 }
        let expected = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(GradientClipping.norm(of: values, count: count) == expected)
        #expect(GradientClipping.norm(of: values, count: count, scale: 0.5) == expected / 2)
    }
}
