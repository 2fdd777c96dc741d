// Finds the ranks of each host and the memory that they share.
import CMPI
import Collectives

/// A rank's place among those of its host.
struct HostPlace {
    /// From 0.
    let rank: Int
    /// Ranks on this host.
    let size: Int
    /// How many ranks of each host sum and carry slices to other hosts: as many as the host with the fewest has.
    let carriers: Int
    let hosts: Int

    var isCarrier: Bool { rank < carriers }
}

extension SharedMemoryPipeline {
    /// Sets shared memory up between the ranks of `group`. All of them call it, and all get a pipeline or all the reason why not.
    static func make(in group: MPIGroup) throws -> (pipeline: SharedMemoryPipeline?, refusal: String?) {
        let local = try group.split(sharingMemory: ())
        let places = try group.gather([UInt8](local.rank == 0 ? [1] : [0]) + bytes(of: local.size))
        let sizes = places.map { size(of: $0.dropFirst()) }
        let place = HostPlace(
            rank: local.rank, size: local.size, carriers: sizes.min() ?? 1, hosts: places.count { $0[0] == 1 })
        guard (sizes.max() ?? 1) > 1 else {
            try local.free()
            return (nil, "every host has one rank")
        }
        let (segment, reason) = try share(SharedArea.byteCount(ranks: place.size), among: local)
        try local.free()
        let reasons = try group.gather(Array(reason.utf8)).map { String(decoding: $0, as: UTF8.self) }
        // A rank alone on its host has memory, too: it carries like the others.
        if let rank = reasons.firstIndex(where: { !$0.isEmpty }) {
            return (nil, "rank \(rank) has no shared memory: \(reasons[rank])")
        }
        let ring = try group.split(colour: place.isCarrier && place.hosts > 1 ? place.rank : nil)
        guard let segment else { preconditionFailure("a segment without a reason against it is there") }
        let between = ring.map { RingPipeline(group: $0, order: Array(0..<$0.size)) }
        return (
            SharedMemoryPipeline(
                area: SharedArea(segment: segment, ranks: place.size), place: place, between: between), nil
        )
    }

    /// The host's first rank makes the memory, the others join it.
    private static func share(_ byteCount: Int, among local: MPIGroup) throws -> (segment: SharedSegment?, reason: String) {
        var own: (segment: SharedSegment?, reason: String) = (nil, "")
        if local.rank == 0 { own = SharedSegment.create(byteCount: byteCount) }
        let address = own.segment?.address ?? (process: -1, descriptor: -1)
        let found = try local.gather(bytes(of: Int(address.process)) + bytes(of: Int(address.descriptor)))[0]
        guard local.rank > 0 else { return own }
        let (process, descriptor) = (size(of: found.prefix(8)), size(of: found.dropFirst(8)))
        guard process >= 0 else { return (nil, "the first rank of its host has none") }
        return SharedSegment.open(process: Int32(process), descriptor: Int32(descriptor), byteCount: byteCount)
    }

    private static func bytes(of number: Int) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

    private static func size(of bytes: some Sequence<UInt8>) -> Int {
        var number = 0
        withUnsafeMutableBytes(of: &number) { $0.copyBytes(from: Array(bytes)) }
        return number
    }
}
