// Parts of a run that follow one another, as the report marks them.

/// A part of a run that begins after so many epochs.
package struct RunPhase: Sendable, Equatable {
    package let epochsBefore: Int
    package let words: String

    package init(epochsBefore: Int, words: String) { (self.epochsBefore, self.words) = (epochsBefore, words) }
}
