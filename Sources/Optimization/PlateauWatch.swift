// Lowering the rate when a measure has ceased to improve: the one schedule that depends on what a run finds.

/// The memory of a schedule of kind plateau, as torch's `ReduceLROnPlateau` with its threshold of a ten-thousandth of the best.
package struct PlateauWatch: Sendable, Equatable, Codable {
    private var best: Double?
    /// Evaluations since the best, or since the rate was lowered.
    private var fruitless = 0
    /// How often the rate was lowered.
    package private(set) var reductions = 0

    private static let threshold = 1e-4

    package init() {}

    /// Takes in an evaluation. More than `patience` in a row without a clear improvement lower the rate.
    package mutating func note(_ value: Double, higherIsBetter: Bool, patience: Int) {
        let isBetter = best.map { higherIsBetter ? value > $0 * (1 + Self.threshold) : value < $0 * (1 - Self.threshold) } ?? true
        if isBetter { best = value }
        fruitless = isBetter ? 0 : fruitless + 1
        guard fruitless > patience else { return }
        (fruitless, reductions) = (0, reductions + 1)
    }
}
