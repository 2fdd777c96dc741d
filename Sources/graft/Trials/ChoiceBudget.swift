// `graft choose --within`: how long trying a candidate will take, by its plan's arithmetic at the speed that those before it had.
import Execution
import Graphs
import Networks
import RunConfiguration

/// The time for all candidates, on rank 0.
struct ChoiceBudget {
    /// Seconds; nil for no limit.
    let limit: Double?
    let configuration: RunConfiguration
    let folds: Int
    private var seconds = 0.0
    private var multiplyAccumulates = 0.0
    /// Training images, once a candidate has looked at them.
    private var images = 0

    init(limit: Double?, _ configuration: RunConfiguration, folds: Int) {
        (self.limit, self.configuration, self.folds) = (limit, configuration, folds)
    }

    /// Why a candidate is not tried; nil where it is. The first one always is: nothing is known before.
    func refusal(of candidate: ChoiceCandidate, after elapsed: Double) throws -> String? {
        guard let limit else { return nil }
        let left = limit - elapsed
        guard left > 0 else { return "the time is over" }
        guard multiplyAccumulates > 0 else { return nil }
        let wanted = try cost(of: candidate) * seconds / multiplyAccumulates
        return wanted > left ? "it would take about \(Int(wanted.rounded(.up))) s, and \(Int(left)) s are left" : nil
    }

    /// Learns from a candidate that was tried.
    mutating func note(_ candidate: ChoiceCandidate, images: Int, seconds: Double) throws {
        self.images = images
        self.seconds += seconds
        multiplyAccumulates += try cost(of: candidate)
    }

    /// Multiply-accumulates: features of all images once, then the folds' trainings behind them.
    private func cost(of candidate: ChoiceCandidate) throws -> Double {
        let network = configuration.network
        let entry = try NetworkCatalog.entry(named: candidate.network)
        let graph = entry.build(BuildOptions(inputSize: network.preprocessing?.crop))
        let policy = FreezePolicy(unfrozen: try candidate.unfrozen.patterns(in: graph), batchNorm: network.batchNorm)
        let plan = Planner.plan(
            PlanRequest(graph: graph, trainability: try policy.resolve(graph), capacity: 1, exit: .loss))
        let (once, often) = plan.steps.reduce(into: (0.0, 0.0)) { sums, step in
            if step.region == .prefix {
                sums.0 += Double(step.multiplyAccumulates)
            } else {
                sums.1 += Double(step.multiplyAccumulates)
            }
        }
        return Double(images) * (once + Double((folds - 1) * configuration.training.epochs) * often)
    }
}
