// The prepared weights of all programs of a replica.
import Graphs

/// All prepared weights of a replica.
final class WeightCache {
    private struct Key: Hashable {
        let weights: FoldedWeights
        let form: WeightFormKey
    }

    private let store: ParameterStore
    private let rooms: Rooms
    private var folded: [FoldedWeights: FoldedNorm] = [:]
    private var prepared: [Key: PreparedWeights] = [:]

    init(_ store: ParameterStore, _ rooms: Rooms) { (self.store, self.rooms) = (store, rooms) }

    /// A layer's folded scale and bias.
    func folded(_ weights: FoldedWeights) -> FoldedNorm {
        if let known = folded[weights] { return known }
        let made = FoldedNorm(weights, store)
        folded[weights] = made
        return made
    }

    /// A layer's weights in a form; kernels that read the same share them.
    func prepared(_ weights: FoldedWeights, _ form: some WeightForm) -> PreparedWeights {
        let key = Key(weights: weights, form: form.key)
        if let known = prepared[key] { return known }
        let made = PreparedWeights(folded(weights), weights.weight, form, store, rooms)
        prepared[key] = made
        return made
    }

    var byteCount: Int {
        prepared.values.reduce(0) { $0 + $1.byteCount } + folded.values.reduce(0) { $0 + $1.byteCount }
    }
}
