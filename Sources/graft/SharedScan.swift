// One rank of each host looks through the folders; the host's other ranks are handed what it has found, in shared memory.
import Collectives
import Foundation
import ImageData
import RunConfiguration

/// The data of a config as every rank needs it.
struct SharedScan {
    let data: TrainingData
    /// Of the names, labels and sizes of the files, by which ranks make sure that they see the same.
    let trainingDigest: String
    let validationDigest: String?

    /// Looks through the folders.
    init(_ configuration: RunConfiguration) throws {
        data = try TrainingData(configuration)
        trainingDigest = String(try data.training.digest(), radix: 16)
        validationDigest = try data.validation.map { String(try $0.digest(), radix: 16) }
    }

    private init(from unpacker: inout ListUnpacker) {
        trainingDigest = unpacker.text()
        validationDigest = unpacker.texts().first
        data = TrainingData(from: &unpacker)
    }

    private var packed: [UInt8] {
        var packer = ListPacker()
        packer.add(trainingDigest)
        packer.add([validationDigest].compactMap(\.self))
        data.pack(into: &packer)
        return packer.bytes
    }

    /// Where a host's list lies, as its first rank tells it to all.
    private struct Offer: Codable {
        let host: String
        let process: Int32
        let descriptor: Int32
        let byteCount: Int
    }

    /// The same on all ranks of a host by the work of one. Every rank calls it. Where memory cannot be shared each rank looks by itself.
    ///
    /// - Parameter rootFirst: whether other hosts begin when rank 0 has looked, and find what it remembers of archives.
    static func ofHost(
        _ configuration: RunConfiguration, _ communicator: any Communicator, rootFirst: Bool
    ) throws -> SharedScan {
        guard communicator.size > 1 else { return try SharedScan(configuration) }
        var own = rootFirst && communicator.isRoot ? try SharedScan(configuration) : nil
        if rootFirst { try communicator.barrier() }
        if communicator.localRank == 0, own == nil { own = try SharedScan(configuration) }
        var segment: SharedSegment?
        var offer: Offer?
        if communicator.localRank == 0, communicator.localSize > 1, let bytes = own?.packed {
            segment = SharedSegment.create(byteCount: bytes.count).segment
            if let segment {
                segment.base.copyMemory(from: bytes, byteCount: bytes.count)
                let (process, descriptor) = segment.address
                offer = Offer(host: communicator.hostName, process: process, descriptor: descriptor, byteCount: bytes.count)
            }
        }
        let offers = try communicator.gather([UInt8](try JSONEncoder().encode([offer].compactMap(\.self))))
        if own == nil {
            let offers = try offers.flatMap { try JSONDecoder().decode([Offer].self, from: Data($0)) }
            own = offers.first { $0.host == communicator.hostName }.flatMap(take)
        }
        let scan = try own ?? SharedScan(configuration)
        // The first rank keeps the list until all have read it.
        try withExtendedLifetime(segment) { try communicator.barrier() }
        return scan
    }

    private static func take(_ offer: Offer) -> SharedScan? {
        let opened = SharedSegment.open(
            process: offer.process, descriptor: offer.descriptor, byteCount: offer.byteCount)
        guard let segment = opened.segment else { return nil }
        return withExtendedLifetime(segment) {
            var unpacker = ListUnpacker(UnsafeRawBufferPointer(start: segment.base, count: offer.byteCount))
            return SharedScan(from: &unpacker)
        }
    }
}
