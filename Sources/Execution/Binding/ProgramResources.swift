// What the programs of one replica share: the engine, threads, the arena, and prepared weights.
import Graphs
import Kernels
import Tensors

/// Shared by all programs of a replica, which run one after the other on one thread.
package final class ProgramResources {
    let engine: OneDNNEngine
    let workers: Workers
    let arena: AlignedBuffer
    /// Groups of images that training passes may run side by side, each with an arena of its own: `arenaStride` bytes from the last.
    package let groups: Int
    let arenaStride: Int
    let store: ParameterStore
    let rooms = Rooms()
    let weights: WeightCache

    /// `arenaBytes` is the largest arena of the plans to come.
    package init(store: ParameterStore, threads: Int, arenaBytes: Int, groups: Int = 1) throws {
        engine = try OneDNNEngine(threads: threads)
        workers = Workers(count: threads)
        self.groups = groups
        arenaStride = groups > 1 ? (arenaBytes + Self.page - 1) / Self.page * Self.page : arenaBytes
        arena = AlignedBuffer(byteCount: groups * arenaStride)
        self.store = store
        weights = WeightCache(store, rooms)
    }

    /// Arenas begin alike, so that kernels find all groups at the same places within a page.
    private static let page = 4096

    /// What prepared weights take, with the room in which those of trained layers are made; known when programs are bound.
    package var weightBytes: Int { weights.byteCount + rooms.byteCount }

    /// The same for programs of these plans, told by binding them: no weight is read. Throws `OneDNNError`.
    package static func weightBytes(of plans: [Plan]) throws -> Int {
        guard let first = plans.first else { return 0 }
        let store = ParameterStore(graph: first.graph, trainability: first.trainability, layout: first.layout)
        let resources = try ProgramResources(store: store, threads: 1, arenaBytes: plans.map(\.arenaBytes).max() ?? 0)
        let programs = try plans.map { try Program($0.withSteps(), resources) }
        return withExtendedLifetime(programs) { resources.weightBytes }
    }
}

extension Plan {
    /// The plan with some step for 8-bit values whose ranges are not known.
    fileprivate func withSteps() -> Plan {
        var plan = self
        for index in plan.values.indices where plan.values[index].quantizationStep == 0 {
            plan.values[index].quantizationStep = 1
        }
        return plan
    }
}
