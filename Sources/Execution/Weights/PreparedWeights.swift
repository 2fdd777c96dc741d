// Weights as kernels read them, each made once for all programs of a replica.
import Graphs
import Kernels
import Tensors

/// One layer's weights in one form, with their batch norm folded in.
///
/// Those of a frozen layer are made once and kept. Those of a trained one change with every step: large ones are made anew for every
/// run, in room that all layers share, where the kernel finds them in the cache.
final class PreparedWeights {
    /// Trained weights up to this size have a place of their own.
    private static let smallBytes = 1 << 19

    let folded: FoldedNorm
    private let weight: Int
    private let form: any WeightForm
    private let kept: AlignedBuffer?
    private let rooms: Rooms
    private let store: ParameterStore
    /// The state of `folded` that they were made from.
    private var version = -1

    init(_ folded: FoldedNorm, _ weight: Int, _ form: any WeightForm, _ store: ParameterStore, _ rooms: Rooms) {
        (self.folded, self.weight, self.form, self.store, self.rooms) = (folded, weight, form, store, rooms)
        let isKept = !store.changes(weight) || form.byteCount <= Self.smallBytes
        kept = isKept ? AlignedBuffer(byteCount: form.byteCount) : nil
        if !isKept { rooms.reserve(.weights, byteCount: form.byteCount) }
    }

    /// What they take besides the shared room.
    var byteCount: Int { kept?.byteCount ?? 0 }
    /// The folded bias, float32; as it is after `prepare`.
    var bias: UnsafeMutablePointer<Float> { folded.bias }

    /// Brings them up to date. Returns where they are until other weights are prepared.
    func prepare() -> UnsafeMutableRawPointer {
        folded.refresh()
        let place = kept?.base ?? rooms[.weights]
        guard kept == nil || version != folded.version else { return place }
        version = folded.version
        form.prepare(store.values(of: weight), folded.factors, at: place)
        if kept != nil { store.setAside(weight) }
        return place
    }

    /// The same as float32 numbers.
    func prepareFloats() -> UnsafeMutablePointer<Float> { prepare().assumingMemoryBound(to: Float.self) }
}
