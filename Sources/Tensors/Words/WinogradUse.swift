// How much Winograd's algorithm is used.

/// Which convolutions of stride 1 go through Winograd's algorithm, of those that it does faster.
package enum WinogradUse: String, Sendable, Hashable, CaseIterable {
    /// All, but by small tiles for gradients of weights where the optimizer is adaptive.
    case auto
    /// All, by the fastest tiles.
    case all
    case off
}
