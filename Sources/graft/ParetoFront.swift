// Choosing among things that are good in several respects.

/// Whether none of the others is at least as good in every respect and better in one; more is better.
func isOnFront(_ one: [Double], among all: [[Double]]) -> Bool {
    !all.contains { other in zip(other, one).allSatisfy { $0 >= $1 } && zip(other, one).contains { $0 > $1 } }
}
