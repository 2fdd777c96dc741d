// Sums over rows that come out the same with any number of threads.

/// Pieces of rows that are summed up by themselves. They do not follow from the number of threads: sums, and so the sides that values
/// take at a ReLU, are the same with any.
enum RowPieces {
    static let most = 64
    private static let leastRows = 64

    /// Adds up `sums.count` sums over the rows, piece by piece in the threads, then in order. `partials` has room for `most` times as many;
    /// `body` sets, or with `clears` adds to, the sums of its rows.
    static func add(
        _ rows: Int, into sums: UnsafeMutableBufferPointer<Double>, by partials: inout [Double], clears: Bool = false,
        _ workers: Workers, _ body: (Range<Int>, UnsafeMutablePointer<Double>) -> Void
    ) {
        let (pieces, count) = (max(1, min(most, rows / leastRows)), sums.count)
        partials.withUnsafeMutableBufferPointer { partials in
            guard let base = partials.baseAddress else { return }
            if clears { base.update(repeating: 0, count: pieces * count) }
            nonisolated(unsafe) let start = base
            workers.run(pieces) { range in
                for piece in range { body(rows * piece / pieces..<rows * (piece + 1) / pieces, start + count * piece) }
            }
            for index in 0..<count {
                sums[index] = partials[index]
                for piece in 1..<pieces { sums[index] += partials[count * piece + index] }
            }
        }
    }
}
