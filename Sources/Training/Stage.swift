// What trains now: a run has one stage, or several that follow one another, each with other layers unfrozen.
package import Execution
package import ImageData
package import Optimization

/// A replica with what feeds, updates and evaluates it. The loop takes its updates from one stage at a time and may move to the next.
package struct Stage {
    /// Its values are those that the stage before left, where there was one.
    package var replica: any Replica
    /// Where training batches come from.
    package var source: any BatchSource
    /// How often an epoch brings an image before it comes to the next: then it has fewer of them.
    package var repeats = 1
    package var optimizer: Optimizer
    package var schedule: LearningRateSchedule
    /// The wanted size of the messages in which gradients are summed; the same on all ranks.
    package var bucketBytes: Int
    /// Nil for a run without validation images.
    package var evaluator: Evaluator?
    /// How the network computes, for those who run a checkpoint later; nil for plain float32.
    package var computation: NetworkComputation?

    package init(
        replica: any Replica, source: any BatchSource, optimizer: Optimizer, schedule: LearningRateSchedule, bucketBytes: Int,
        evaluator: Evaluator? = nil, computation: NetworkComputation? = nil
    ) {
        self.replica = replica
        self.source = source
        self.optimizer = optimizer
        self.schedule = schedule
        self.bucketBytes = bucketBytes
        self.evaluator = evaluator
        self.computation = computation
    }
}
