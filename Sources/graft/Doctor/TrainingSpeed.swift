// About how many images a second a config's training takes on this rank, without its photographs and weights.
import Collectives
import Execution
import RunConfiguration

/// Measures a forward pass, and charges training for what the plan says it computes besides.
struct TrainingSpeed {
    /// Enough for kernels to do as well as in training, and little memory.
    private static let batch = 8
    let communicator: any Communicator
    let threads: Int

    /// Images a second of the first phase, which trains least as a rule, end to end. Every rank calls it, so that ranks of a host disturb each
    /// other as in training.
    func imagesPerSecond(_ configuration: RunConfiguration, classes: Int, images: Int) throws -> Double {
        let abilities = try ProcessorAbilities.ofAllRanks(configuration.compute.instructions, communicator)
        let network = try PlannedNetwork(
            configuration.phases.first ?? configuration, classes: classes, ranks: communicator.size, abilities: abilities,
            images: (images, 0))
        func work(_ plan: Plan) -> Double { Double(plan.steps.reduce(0) { $0 + $1.multiplyAccumulates }) }
        let forward = work(network.plan(to: .logits, capacity: 1))
        let training = work(network.plan(to: .loss, capacity: 1))
        let speed = NetworkSpeed(threads: threads, batch: min(Self.batch, network.trainingCapacity), seconds: 0.5)
        let rate = try speed.imagesPerSecond(network.graph)
        return training > 0 ? rate * forward / training : rate
    }
}
