// Memory that steps need while they run, and share.
import Tensors

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
