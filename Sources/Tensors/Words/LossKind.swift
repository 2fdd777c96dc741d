// What a network is trained against.

package enum LossKind: String, Sendable, Hashable, CaseIterable {
    /// One class an image: softmax over the scores.
    case crossEntropy = "cross_entropy"
    /// Any number of classes an image: a sigmoid for each score.
    case binaryCrossEntropy = "binary_cross_entropy"
}
