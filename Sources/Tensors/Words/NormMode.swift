// Modes of batch normalisation.

/// What trained layers do with batch normalisation.
package enum NormMode: String, Sendable, Hashable, CaseIterable {
    /// Statistics, scale and shift stay as they are.
    case frozen
    /// Statistics stay; scale and shift are trained.
    case affine
    /// Statistics of this rank's share of the batch; all is trained and tracked.
    case local
    /// Statistics of the whole batch, over all ranks; all is trained and tracked.
    case synchronized

    /// Whether the batch's own statistics normalise it.
    package var usesBatchStatistics: Bool { self == .local || self == .synchronized }
}
