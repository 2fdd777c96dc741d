// How often, and where, evaluation looks at an image.

/// The views of an image whose probabilities evaluation takes the mean of.
package enum EvaluationViews: String, Sendable, Hashable, CaseIterable {
    /// The centre.
    case one
    /// The centre, and that mirrored.
    case flip
    /// The corners of the resized image and its centre, as torchvision's `FiveCrop`.
    case five
    /// These, and all of them mirrored, as its `TenCrop`.
    case ten

    package var count: Int {
        switch self {
        case .one: 1
        case .flip: 2
        case .five: 5
        case .ten: 10
        }
    }
}
