// How much Winograd's algorithm is used.

/// Which convolutions of stride 1 go through Winograd's algorithm, of those that it does faster.
package enum WinogradUse: String, Sendable, Hashable, CaseIterable {
    /// Where gradients stay within a thousandth of those by direct convolutions.
    case auto
    /// All, by the fastest tiles.
    case all
    case off
}
