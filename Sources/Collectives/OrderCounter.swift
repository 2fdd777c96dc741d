// Numbers collectives in the order in which a rank calls them.
import Synchronization

/// Hands out 0, 1, 2, … to the calls of one rank.
package final class OrderCounter: Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    package func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}
