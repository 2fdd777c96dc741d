// What moves started sums while the rank computes.

/// Runs started sums in the order in which they were started.
protocol SumEngine: AnyObject, Sendable {
    /// Takes a sum on and returns its place in the order, from 0.
    func start(_ values: UnsafeMutableBufferPointer<Float>) throws -> Int
    /// Moves what can be moved without waiting.
    func progress() throws
    /// Returns when sum `order` and all before it are complete.
    func wait(through order: Int) throws
    /// Ends what the engine keeps running. No sum is under way.
    func stop()
}
