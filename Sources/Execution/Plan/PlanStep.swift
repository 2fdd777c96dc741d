// One step of a plan: what it does, over which values, by which kernel.
internal import Tensors
package import Graphs

/// One thing that a program does. Numbers are indices into `Plan.values`, and for parameters into `Graph.parameters`.
package struct PlanStep: Sendable, Hashable {
    package enum Phase: String, Sendable, CaseIterable {
        case forward
        /// A forward step once more, for what backward needs and forward gave up.
        case again
        case backward
    }

    /// The layer that the step belongs to.
    package let name: String
    package let region: Region
    package let phase: Phase
    package let operation: PlanOperation
    /// In the operation's order.
    package let reads: [Int]
    package let writes: [Int]
    /// Trained parameters whose gradients are final when the step has run, in the order in which they stand in the flat array.
    package let completes: [Int]
    /// For one image.
    package let multiplyAccumulates: Int
    /// Which code does it.
    package internal(set) var kernel: KernelChoice

    /// The same step for backward, over other values; it completes nothing.
    func repeated(reads: [Int], writes: [Int]) -> PlanStep {
        PlanStep(
            name: name, region: region, phase: .again, operation: operation, reads: reads, writes: writes, completes: [],
            multiplyAccumulates: multiplyAccumulates, kernel: kernel)
    }

    /// The same step with other values in the place of those that it reads.
    func reading(_ place: (Int) -> Int) -> PlanStep {
        PlanStep(
            name: name, region: region, phase: phase, operation: operation, reads: reads.map(place), writes: writes,
            completes: completes, multiplyAccumulates: multiplyAccumulates, kernel: kernel)
    }

    /// Whether it joins sums over all images of a pass, which may be on several ranks and in several groups.
    package var joinsImages: Bool {
        switch operation {
        case .norm(_, .synchronized, _): phase != .again
        case .normGradient(_, .synchronized, _): true
        default: false
        }
    }

    /// The value that is worked on.
    var source: Int { reads[0] }
    /// The value that comes out.
    var result: Int { writes[0] }
    /// What is added to a convolution's, norm's or layer scale's result.
    var residual: Int? { reads.count > 1 ? reads[1] : nil }
    /// What a forward step leaves for its gradient besides the result.
    var memory: Int? { writes.count > 1 ? writes[1] : nil }

    /// Values whose memory the result may take over, if they are of its size and no later step reads them, the best first.
    package var mayOverwrite: [Int] {
        switch operation {
        // The residual is added where it lies: one array less to read.
        case .convolution: Array(reads.dropFirst())
        case .norm, .normGradient, .layerScale: reads.reversed()
        case .activation, .dropout, .add: reads
        case .combineGradients(let derivative): derivative == nil ? reads : reads.dropLast()
        case .gate, .layerNorm, .layerScaleInputGradient: [source]
        case .convolutionInputGradient, .convolutionWeightGradient, .layerNormGradient, .layerScaleGradient,
            .gateGradient, .concatenate, .slice, .sliceGradient, .shuffle, .pool, .poolGradient, .adaptiveAverage,
            .adaptiveAverageGradient, .convert,
            .transpose, .responseNorm, .responseNormGradient, .loss:
            []
        }
    }
}
