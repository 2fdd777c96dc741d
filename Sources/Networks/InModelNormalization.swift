// Keras's EfficientNets normalise inside the network: what the file holds of it becomes preprocessing.
package import Tensors

/// The tensors of a Keras `Normalization` layer in a file.
package struct InModelNormalization: Sendable, Hashable {
    /// Names in the file; three values each, RGB, on the scale 0…1.
    package let mean: String
    package let variance: String

    /// The preprocessing that these values amount to.
    ///
    /// The layer computes (x / 255 − mean) / √variance. In the published files `variance` holds ImageNet's *deviations*, and Keras
    /// makes up for it by scaling once more by 1 / √deviation, in a layer without weights (tensorflow issue 49930). A file that
    /// Keras saved from an untrained network holds 0 and 1.
    package func preprocessing(_ base: Preprocessing, mean: [Float], variance: [Float]) -> Preprocessing {
        let published: [Float] = [0.229, 0.224, 0.225]
        let holdsDeviations = zip(variance, published).allSatisfy { abs($0 - $1) < 1e-4 }
        var copy = base
        copy.mean = mean.map { $0 * 255 }
        copy.deviation = variance.map { (holdsDeviations ? $0 : max($0.squareRoot(), 1e-7)) * 255 }
        return copy
    }

    /// The same layer under the names as the file spells them.
    func renamed(_ original: (String) -> String) -> InModelNormalization {
        InModelNormalization(mean: original(mean), variance: original(variance))
    }

    private init(mean: String, variance: String) {
        self.mean = mean
        self.variance = variance
    }

    /// Finds the layer among a file's names: `normalization/…/mean`, or `layers/normalization/vars/0`.
    init?(_ names: some Sequence<String>) {
        let parts = names.map { name in (name: name, parts: name.split(separator: "/").map(String.init)) }
            .filter { $0.parts.contains { $0 == "normalization" || $0.hasPrefix("normalization_") } }
        guard let mean = parts.first(where: { $0.parts.last == "mean" || $0.parts.suffix(2) == ["vars", "0"] }),
            let variance = parts.first(where: { $0.parts.last == "variance" || $0.parts.suffix(2) == ["vars", "1"] })
        else { return nil }
        self.mean = mean.name
        self.variance = variance.name
    }
}
