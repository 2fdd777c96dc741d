// Pooling, and local response normalisation, which networks of its time have beside it.

/// What a pooling window computes.
package enum PoolingMethod: String, Sendable, Hashable {
    case max
    /// The mean of the pixels inside the image, or of the whole window with zeros outside.
    case averageInside, averagePadded
}

/// Constants of local response normalisation: x / (k + α / size · Σ x²)^β over `size` neighbouring channels.
package struct ResponseNorm: Sendable, Hashable {
    package var size: Int
    package var alpha, beta, k: Float

    package init(size: Int, alpha: Float, beta: Float, k: Float) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k
    }
}
