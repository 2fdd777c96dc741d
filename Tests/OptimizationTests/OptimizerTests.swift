// The optimizers against torch.optim, and what must hold whatever the numbers are.
import Testing

@testable import Optimization

@Suite struct OptimizerTests {
    private static let bounds = [0, 7, 20, 37]
    private static let multipliers = [1, 0.1, 2.0]

    private func optimizer(_ fixture: OptimizerCase) -> Optimizer {
        let settings = fixture.settings
        let kind: OptimizerKind =
            switch fixture.kind {
            case "sgd": .sgd(momentum: settings.momentum ?? 0, nesterov: settings.nesterov ?? false)
            case "adam": .adam(beta1: settings.betas![0], beta2: settings.betas![1], epsilon: settings.eps!)
            case "lars": .lars(momentum: settings.momentum!, nesterov: settings.nesterov ?? false, trust: settings.trust!)
            case "lamb": .lamb(beta1: settings.betas![0], beta2: settings.betas![1], epsilon: settings.eps!)
            case "adamw": .adamW(beta1: settings.betas![0], beta2: settings.betas![1], epsilon: settings.eps!)
            default:
                .rmsProp(
                    alpha: settings.alpha!, momentum: settings.momentum!, epsilon: settings.eps!,
                    asTensorFlow: fixture.kind == "rmsprop_tf")
            }
        let groups = (0..<3).map { index in
            ParameterGroup(
                range: Self.bounds[index]..<Self.bounds[index + 1], multiplier: Self.multipliers[index],
                weightDecay: index < 2 ? fixture.decay : 0)
        }
        return Optimizer(kind: kind, groups: groups, count: Self.bounds[3])
    }

    @Test(arguments: try fixture("optimizers", as: [OptimizerCase].self))
    func agreesWithTorch(_ fixture: OptimizerCase) {
        let optimizer = optimizer(fixture)
        var parameters = fixture.start
        for (index, gradients) in fixture.gradients.enumerated() {
            optimizer.update(
                parameters: &parameters, gradients: gradients, learningRate: fixture.rate, updateNumber: index + 1)
            for (mine, torch) in zip(parameters, fixture.after[index]) {
                #expect(agree(Double(mine), Double(torch)), "step \(index + 1)")
            }
        }
    }

    @Test(arguments: try fixture("optimizers", as: [OptimizerCase].self))
    func savedStateContinuesExactly(_ fixture: OptimizerCase) {
        var straight = fixture.start
        var resumed = fixture.start
        let first = optimizer(fixture)
        var current = optimizer(fixture)
        for (index, gradients) in fixture.gradients.enumerated() {
            if index == 5 {
                let fresh = optimizer(fixture)
                for (old, new) in zip(current.states, fresh.states) {
                    #expect(old.name == new.name)
                    _ = new.values.update(from: old.values)
                }
                current = fresh
            }
            first.update(parameters: &straight, gradients: gradients, learningRate: fixture.rate, updateNumber: index + 1)
            current.update(parameters: &resumed, gradients: gradients, learningRate: fixture.rate, updateNumber: index + 1)
        }
        #expect(straight == resumed)
    }

    @Test func gradientScaleEqualsScaledGradients() throws {
        let fixture = try fixture("optimizers", as: [OptimizerCase].self)[3]
        var scaledByUs = fixture.start
        var scaledBefore = fixture.start
        let (first, second) = (optimizer(fixture), optimizer(fixture))
        for (index, gradients) in fixture.gradients.enumerated() {
            first.update(
                parameters: &scaledByUs, gradients: gradients, learningRate: 0.1, gradientScale: 0.25, updateNumber: index + 1)
            second.update(
                parameters: &scaledBefore, gradients: gradients.map { $0 * 0.25 }, learningRate: 0.1, updateNumber: index + 1)
        }
        #expect(scaledByUs == scaledBefore)
    }

    @Test func groupsOfEqualSettingsAreJoined() {
        let groups = [
            ParameterGroup(range: 0..<4, weightDecay: 0.1), ParameterGroup(range: 4..<9, weightDecay: 0.1),
            ParameterGroup(range: 9..<12), ParameterGroup(range: 12..<13, multiplier: 0.5),
        ]
        #expect(ParameterGroup.merged(groups).map(\.range) == [0..<9, 9..<12, 12..<13])
    }

    @Test(arguments: [OptimizerKind.sgd(momentum: 0.9, nesterov: true), .adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)])
    func aZeroMultiplierLeavesWeightsAlone(_ kind: OptimizerKind) {
        let groups = [
            ParameterGroup(range: 0..<40, multiplier: 0, weightDecay: 0.1), ParameterGroup(range: 40..<100, weightDecay: 0.1),
        ]
        let optimizer = Optimizer(kind: kind, groups: groups, count: 100)
        var parameters = (0..<100).map { Float($0) - 20.5 }
        let before = parameters
        let gradients = [Float](repeating: 0.5, count: 100)
        optimizer.update(parameters: &parameters, gradients: gradients, learningRate: 0.1, updateNumber: 1)
        #expect(parameters[..<40] == before[..<40])
        #expect(zip(parameters[40...], before[40...]).allSatisfy { $0 != $1 })
    }

    /// At every place of arrays that are not as long as registers, with all rules.
    @Test(arguments: [
        OptimizerKind.sgd(momentum: 0, nesterov: false), .sgd(momentum: 0.9, nesterov: false),
        .sgd(momentum: 0.9, nesterov: true),
        .adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8), .lars(momentum: 0.9, nesterov: false, trust: 0.001),
        .lamb(beta1: 0.9, beta2: 0.999, epsilon: 1e-8),
    ]) func whatIsNoNumberIsSeen(_ kind: OptimizerKind) {
        let groups = [ParameterGroup(range: 0..<40), ParameterGroup(range: 40..<71, multiplier: 0.1, weightDecay: 0.1)]
        func isFinite(_ parameters: [Float], _ gradients: [Float]) -> Bool {
            var parameters = parameters
            return Optimizer(kind: kind, groups: groups, count: 71).update(
                parameters: &parameters, gradients: gradients, learningRate: 0.1, updateNumber: 1)
        }
        let (parameters, gradients) = ([Float](repeating: -2, count: 71), [Float](repeating: 0.5, count: 71))
        #expect(isFinite(parameters, gradients))
        for place in 0..<71 {
            for value in [Float.nan, .infinity, -.infinity] {
                var spoiled = gradients
                spoiled[place] = value
                #expect(!isFinite(parameters, spoiled), "gradient \(place)")
                spoiled = parameters
                spoiled[place] = value
                #expect(!isFinite(spoiled, gradients), "weight \(place)")
            }
        }
    }

    @Test func onlyRulesWithMemoryKeepState() {
        func names(_ kind: OptimizerKind) -> [String] {
            Optimizer(kind: kind, groups: [ParameterGroup(range: 0..<3)], count: 3).states.map(\.name)
        }
        #expect(names(.sgd(momentum: 0, nesterov: false)).isEmpty)
        #expect(names(.sgd(momentum: 0.9, nesterov: false)) == ["momentum"])
        #expect(names(.adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)) == ["first_moment", "second_moment"])
    }
}
