// The few numbers of a step that all ranks must know. They travel behind the gradients in the last bucket, so that a step needs
// no collective of their own.

/// What one rank contributes to a step, and after the sum what all ranks contributed together.
package struct StepSums: Sendable, Equatable {
    /// Floats that the numbers take behind the gradients.
    package static let floatCount = 16

    /// The sum of the images' losses.
    package var loss: Double = 0
    /// Images whose class was on top.
    package var correct = 0
    /// Images present.
    package var images = 0
    /// Images ordered but unreadable.
    package var unreadable = 0
    /// Ranks that were asked to stop.
    package var stopRequests = 0
    /// Ranks by whose clock a checkpoint is due: rank 0 alone has one.
    package var saveRequests = 0
    /// Seconds spent waiting for the loader.
    package var dataSeconds: Double = 0
    /// Seconds of the previous step spent waiting for sums.
    package var communicationSeconds: Double = 0

    package init() {}

    /// Reads the numbers from the floats behind the gradients.
    init(_ extras: UnsafeMutableBufferPointer<Float>, isExact: Bool = false) {
        loss = Double(extras[0]) + Double(extras[1])
        if isExact {
            for digit in (0..<Self.digits).reversed() { loss = loss * Self.base + Double(extras[Self.firstDigit + digit]) }
            loss /= Self.grid
        }
        correct = Int(extras[2])
        images = Int(extras[3])
        unreadable = Int(extras[4])
        stopRequests = Int(extras[5])
        saveRequests = Int(extras[12])
        dataSeconds = Double(extras[6])
        communicationSeconds = Double(extras[7])
    }

    /// Writes the numbers behind the gradients. Counts up to 2²⁴ stay exact in float32; the loss goes as a sum of two floats.
    ///
    /// - Parameter isExact: whether the loss, which then is on the grid, goes in digits whose sums over up to 4,096 ranks stay exact.
    func write(to extras: UnsafeMutableBufferPointer<Float>, isExact: Bool = false) {
        precondition(extras.count >= Self.floatCount, "the gradients need \(Self.floatCount) spare floats behind them")
        extras.update(repeating: 0)
        extras[0] = Float(loss)
        // A loss that is no number must stay one: infinity minus infinity would hide nothing, but zero keeps it readable.
        extras[1] = loss.isFinite ? Float(loss - Double(Float(loss))) : 0
        extras[2] = Float(correct)
        extras[3] = Float(images)
        extras[4] = Float(unreadable)
        extras[5] = Float(stopRequests)
        extras[6] = Float(dataSeconds)
        extras[7] = Float(communicationSeconds)
        extras[12] = Float(saveRequests)
        guard isExact, loss.isFinite else { return }
        (extras[0], extras[1]) = (0, 0)
        var rest = loss * Self.grid
        for digit in 0..<Self.digits {
            let value = digit == Self.digits - 1 ? rest : rest.truncatingRemainder(dividingBy: Self.base)
            extras[Self.firstDigit + digit] = Float(value)
            rest = ((rest - value) / Self.base).rounded()
        }
    }

    private static let (firstDigit, digits) = (8, 4)
    private static let (base, grid) = (4096.0, 1048576.0)

    /// A loss as a multiple of 2⁻²⁰.
    static func onGrid(_ loss: Double) -> Double { (loss * grid).rounded() / grid }
}
