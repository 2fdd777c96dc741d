// What the programs of one replica share: the engine, threads, the arena, and packed weights.
import Graphs
import Kernels
import Tensors

/// Shared by all programs of a replica, which run one after the other on one thread.
package final class ProgramResources {
    let engine: OneDNNEngine
    let workers: Workers
    let arena: AlignedBuffer
    let store: ParameterStore
    private var packed: [PackedWeights.Key: [PackedWeights]] = [:]
    private var quantized: [PackedWeights.Key: QuantizedLayer] = [:]
    private var transformed: [WinogradConvolution.Tile: [PackedWeights.Key: TransformedWeights]] = [:]
    private var packedDepthwise: [PackedWeights.Key: PackedDepthwiseWeights] = [:]
    private var rooms: [Room: AlignedBuffer] = [:]

    /// What is kept only while one step runs, so that all steps share it.
    enum Room {
        /// Folded plain weights.
        case folded
        /// Trained weights, which change with every step, or their gradient, as a kernel wants them.
        case packed
        /// What oneDNN asks for while it packs.
        case packingScratch
    }

    /// `arenaBytes` is the largest arena of the plans to come.
    package init(store: ParameterStore, threads: Int, arenaBytes: Int) throws {
        engine = try OneDNNEngine(threads: threads)
        workers = Workers(count: threads)
        arena = AlignedBuffer(byteCount: arenaBytes)
        self.store = store
        LinearKernel.setThreads(threads)
    }

    /// Packed weights for a kernel; programs whose kernels want the same format share one copy.
    func packedWeights(_ weights: FoldedWeights, _ geometry: WindowGeometry, for kernel: OneDNNKernel) throws -> PackedWeights {
        let key = PackedWeights.Key(weights)
        if let shared = packed[key]?.first(where: { $0.kernel.hasSameWeightFormat(as: kernel) }) { return shared }
        let made = try PackedWeights(weights, geometry, for: kernel, self)
        packed[key, default: []].append(made)
        return made
    }

    /// A frozen layer's weights as integers; one for all programs.
    func quantizedLayer(_ weights: FoldedWeights) -> QuantizedLayer {
        let key = PackedWeights.Key(weights)
        if let shared = quantized[key] { return shared }
        let made = QuantizedLayer(weights, store, workers)
        quantized[key] = made
        return made
    }

    /// Packed weights of a depthwise convolution; one copy serves all programs, forward and backward.
    func packedWeights(_ weights: FoldedWeights, for kernel: DepthwiseKernel) -> PackedDepthwiseWeights {
        let key = PackedWeights.Key(weights)
        if let shared = packedDepthwise[key] { return shared }
        let made = PackedDepthwiseWeights(weights, for: kernel, store)
        packedDepthwise[key] = made
        return made
    }

    /// A layer's weights for the forward pass by Winograd's algorithm; one copy for all programs
    /// with the same tiles.
    func transformedWeights(_ weights: FoldedWeights, for kernel: WinogradConvolution) -> TransformedWeights {
        let key = PackedWeights.Key(weights)
        if let shared = transformed[kernel.tile]?[key] { return shared }
        let made = TransformedWeights(weights, for: kernel, store)
        transformed[kernel.tile, default: [:]][key] = made
        return made
    }

    /// Room for so many bytes. It moves when more are asked for than ever before: no step keeps the address.
    func room(_ room: Room, byteCount: Int) -> UnsafeMutableRawPointer {
        if let known = rooms[room], known.byteCount >= byteCount { return known.base }
        let made = AlignedBuffer(byteCount: byteCount)
        rooms[room] = made
        return made.base
    }
}
