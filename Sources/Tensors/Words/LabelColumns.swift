// Where the labels stand in a list of photographs.

/// The column of a list that holds labels, or a column for each class.
package enum LabelColumns: Sendable, Hashable {
    case one(String)
    /// Each holds 1 or 0, true or false, yes or no.
    case each([String])
}
