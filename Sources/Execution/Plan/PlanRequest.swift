// What is wanted of a graph: the one argument of the planner.
package import Graphs
package import Tensors

/// Where a plan starts.
package enum PlanEntry: Sendable, Hashable {
    /// Normalised photographs.
    case images
    /// The values at the boundary, as the feature cache keeps them.
    case boundary
}

/// Where a plan ends.
package enum PlanExit: Sendable, Hashable {
    /// The loss and the gradients of all trained parameters.
    case loss
    /// The class scores.
    case logits
    /// The values at the boundary.
    case boundary
    /// The class scores, the output of a node, and its gradient of a weighted sum of the scores. The weights, `[classes]` an image, are the
    /// plan's last entry. Nothing trains: layers behave as in inference.
    case sensitivity(of: Int)
}

/// A graph, what trains in it, and which part of it is to run how.
package struct PlanRequest: Sendable {
    package var graph: Graph
    /// Decides the regions, and with them the boundary, for every exit.
    package var trainability: Trainability
    /// Images a rank holds at once.
    package var capacity: Int
    package var entry: PlanEntry
    package var exit: PlanExit
    /// The element type of activations in the prefix and bridge: float32, or bfloat16 where kernels take it; or int8, which stands for
    /// bytes of either sign in the prefix where convolutions take them, and for float32 elsewhere.
    package var prefixPrecision = ElementType.float32
    /// For int8: how far values reach. Without it a plan can be looked at, but not run.
    package var ranges: QuantizationRanges?
    /// The same for the suffix, gradients of activations included. Parameters, their gradients, the loss and sums over ranks stay float32.
    package var suffixPrecision = ElementType.float32
    /// What the values of a step may take together in the processor's caches: where the whole capacity takes more, frozen steps run over
    /// fewer images at a time. Nil runs every step over the capacity at once.
    package var cacheBytes: Int?
    /// A part of the last-level cache that most processors have for a process. It is no processor's own, since kernels may round
    /// otherwise over other numbers of images: results shall not depend on the machine, the ranks or the threads. Between 2 and 8 MB a
    /// pass of `graft bench --suite plan` changed by less than 5 %.
    package static let usualCacheBytes = 4 << 20
    /// Which convolutions go through Winograd's algorithm.
    package var winograd = WinogradUse.auto
    /// Whether the optimizer divides by gradients' magnitudes, as AdamW does.
    package var isOptimizerAdaptive = false
    /// Which activations are not kept for backward but computed again.
    package var again = ComputeAgain.nothing
    /// Threads of the rank that is to run the plan: some kernels pay only where each thread gets enough to do.
    package var threads = 1
    /// Whether a plan to the class scores gives what the head reads as well.
    package var givesHeadInput = false
    /// Off, no pass merges or folds anything: every node is a step of its own. For tests, which hold both against each other.
    package var optimizes = true

    package init(graph: Graph, trainability: Trainability, capacity: Int, entry: PlanEntry = .images, exit: PlanExit) {
        precondition(capacity >= 1, "a plan needs room for at least one image")
        self.graph = graph
        self.trainability = trainability
        self.capacity = capacity
        self.entry = entry
        self.exit = exit
    }

    /// Whether random layers draw and batch statistics are taken.
    package var isTraining: Bool { exit == .loss }

    /// The node behind which gradients are taken though nothing trains.
    var watched: Int? { if case .sensitivity(let node) = exit { node } else { nil } }

    /// Whether there are backward steps.
    var goesBack: Bool { isTraining || watched != nil }
}
