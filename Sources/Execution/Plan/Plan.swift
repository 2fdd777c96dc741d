// A plan: the steps of one program with their values, memory and gradients. A printable value; nothing in it computes.
package import Graphs
package import Tensors

/// An array that steps read and write: activations, gradients of activations, what pooling remembers.
package struct PlanValue: Sendable {
    package enum Place: Sendable, Hashable {
        /// Given by the caller at every run: the n-th entry.
        case entry(Int)
        /// Bytes from the arena's start.
        case arena(Int)
    }

    package let name: String
    /// For one image, `[H, W, C]` or `[C]`.
    package let shape: TensorShape
    package let type: ElementType
    /// What one stands for in 8-bit values, 1 in others; 0 if the request brought no ranges.
    package internal(set) var quantizationStep: Float
    package let bytesPerImage: Int
    /// Images that it has room for: the capacity, or those of the chunk that alone uses it.
    package var images: Int
    package var byteCount: Int { bytesPerImage * images }
    package var place: Place = .arena(0)
    /// The steps from the one that writes it to the last that reads it.
    package var lifetime: ClosedRange<Int> = 0...0

    /// Another value of the same kind.
    func copied(as name: String) -> PlanValue {
        PlanValue(
            name: name, shape: shape, type: type, quantizationStep: quantizationStep, bytesPerImage: bytesPerImage, images: images
        )
    }
}

/// Consecutive steps, and how many images they run over before they start again with the next ones.
package struct PlanChunk: Sendable, Hashable {
    package let steps: Range<Int>
    /// From 1 to the plan's capacity.
    package let images: Int
}

/// Trained parameters in one flat array, in the order in which backward finishes their gradients.
package struct GradientLayout: Sendable, Hashable {
    package struct Slot: Sendable, Hashable {
        /// Index into `Graph.parameters`.
        package let parameter: Int
        /// Its floats in the flat arrays.
        package let range: Range<Int>
    }

    package let slots: [Slot]
    /// Floats of the flat arrays: each slot starts at a multiple of 16 floats, a cache line; what is between stays 0.
    package let count: Int

    package static let none = GradientLayout(slots: [], count: 0)
}

/// Steps, values, memory and gradients: everything a Program needs besides the numbers themselves.
package struct Plan: Sendable {
    package let graph: Graph
    package let trainability: Trainability
    package let regions: Regions
    package let capacity: Int
    package let entry: PlanEntry
    package let exit: PlanExit
    package let steps: [PlanStep]
    /// All steps, in order: each chunk runs over its images until it has done the capacity.
    package let chunks: [PlanChunk]
    package internal(set) var values: [PlanValue]
    package let layout: GradientLayout
    /// For every step, how many floats of the flat gradient array are complete when it has run.
    package let completedGradients: [Int]
    /// The values given at every run: the photographs, or the boundary's values in the order of `regions.boundary`.
    package let entryValues: [Int]
    /// The values that the plan is run for: class scores, or the boundary's values.
    package let exitValues: [Int]
    /// Bytes of the arena that all other values share.
    package let arenaBytes: Int
}
