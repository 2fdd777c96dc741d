// Clipping by the global norm: one factor for all gradients, so that their direction stays.
private import CVectorLoops

package enum GradientClipping {
    /// The Euclidean norm of `count` gradients times `scale`, accumulated in double precision; the same on every processor.
    package static func norm(of gradients: UnsafePointer<Float>, count: Int, scale: Float = 1) -> Double {
        graft_squared_norm(gradients, count).squareRoot() * Double(scale)
    }

    /// The factor that brings gradients of this norm down to `maximumNorm`; 1 if they are within it.
    ///
    /// As `torch.nn.utils.clip_grad_norm_`: min(1, maximum / (norm + 1e-6)).
    package static func factor(norm: Double, maximumNorm: Double) -> Float {
        let ratio = maximumNorm / (norm + 1e-6)
        return ratio < 1 ? Float(ratio) : 1
    }
}
