// Splits loops of our own over a rank's threads; oneDNN brings its own.
internal import Dispatch

/// How many threads our own loops use.
package struct Workers: Sendable {
    package let count: Int

    package init(count: Int) {
        precondition(count >= 1, "at least one worker is needed")
        self.count = count
    }

    /// Runs `body` over 0..<items in at most `count` contiguous pieces, in parallel if there are several threads. A rank with one
    /// thread, the usual case under mpirun, calls it directly.
    package func run(_ items: Int, _ body: (Range<Int>) -> Void) {
        guard items > 0 else { return }
        let pieces = min(count, items)
        if pieces == 1 { return body(0..<items) }
        withoutActuallyEscaping(body) { body in
            // Safe to share: every piece writes its own range, and all have ended when concurrentPerform returns.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: pieces) { piece in
                body(items * piece / pieces..<items * (piece + 1) / pieces)
            }
        }
    }

    /// The same for elements of flat arrays, in pieces of whole cache lines, and only if there is enough work to share.
    package func run(elements: Int, _ body: (Range<Int>) -> Void) {
        if count == 1 || elements < 1 << 14 { return body(0..<elements) }
        let lines = (elements + 15) / 16
        run(lines) { body($0.lowerBound * 16..<min($0.upperBound * 16, elements)) }
    }
}
