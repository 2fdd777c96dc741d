// What rounding held back on each rank, on its way into a checkpoint and back: with it a resumed run goes on bit for bit.
internal import Collectives
import Foundation
internal import Tensors
internal import WeightFiles

extension Checkpoint {
    /// The file of what rounding held back on a rank.
    static func restFile(ofRank rank: Int) -> String { "rest.\(rank).safetensors" }
}

extension Updater {
    /// Brings every rank's rest to rank 0, one after the other; every rank calls it. Does nothing where gradients are not rounded.
    ///
    /// Between updates the array of gradients is free: the rests travel in it, and `receive` finds them there.
    func bringRests(_ receive: (_ rank: Int, _ rest: UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
        guard !rest.isEmpty else { return }
        for rank in 0..<communicator.size {
            if rank == communicator.rank { _ = gradients.update(from: rest) }
            try communicator.broadcast(UnsafeMutableRawBufferPointer(gradients), from: rank)
            try receive(rank, gradients)
        }
    }

    /// Gives every rank its rest of a checkpoint, which rank 0 has. With another number of ranks, or without compression before, nothing
    /// is held back: the last update's rounding is lost.
    func restoreRests(_ checkpoint: Checkpoint?, slots: [ParameterSlot], names: [String]) throws {
        guard !rest.isEmpty else { return }
        for rank in 0..<communicator.size {
            gradients.update(repeating: 0)
            if let checkpoint, checkpoint.state.ranks == communicator.size,
                let file = try checkpoint.openRest(ofRank: rank)
            {
                for (slot, name) in zip(slots, names) {
                    try file.readFloats(name, into: UnsafeMutableBufferPointer(rebasing: gradients[slot.range]))
                }
            }
            try communicator.broadcast(UnsafeMutableRawBufferPointer(gradients), from: 0)
            if rank == communicator.rank { _ = rest.update(from: gradients) }
        }
    }
}
