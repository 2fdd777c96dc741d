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

/// What is kept only while one step runs, so that all steps share it. It grows while programs are bound, and never while one runs.
final class Rooms {
    enum Room: CaseIterable {
        /// Folded plain weights.
        case folded
        /// Trained weights as a kernel reads them, or their gradient.
        case weights
        /// What oneDNN asks for while it packs.
        case packingScratch
    }

    private var rooms = Room.allCases.map { _ in AlignedBuffer(byteCount: 0) }

    /// Makes room for so many bytes. It may move.
    func reserve(_ room: Room, byteCount: Int) {
        if rooms[room.index].byteCount < byteCount { rooms[room.index] = AlignedBuffer(byteCount: byteCount) }
    }

    /// Where a room is; no step keeps the address.
    subscript(room: Room) -> UnsafeMutableRawPointer { rooms[room.index].base }

    var byteCount: Int { rooms.reduce(0) { $0 + $1.byteCount } }
}

extension Rooms.Room {
    fileprivate var index: Int {
        switch self {
        case .folded: 0
        case .weights: 1
        case .packingScratch: 2
        }
    }
}
