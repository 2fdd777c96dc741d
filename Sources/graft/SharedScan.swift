// One rank of each host looks through the folders; the host's other ranks read what it has found in shared memory.
import Collectives
import Foundation
import ImageData
import RunConfiguration

/// What is known of photographs from looking into all files.
struct DataChecks {
    let formats: [String]
    let copies: [String]
    /// Whether every photograph was looked at that could be a copy.
    let knowsCopies: Bool

    /// Throws `ImageError` where too many are of kinds that are not read.
    init(of data: TrainingData, limit: Double) throws {
        formats = try data.checkFormats(limit: limit)
        (copies, knowsCopies) = data.copyNotes()
    }

    init(from unpacker: inout ListUnpacker) {
        (formats, copies, knowsCopies) = (unpacker.texts(), unpacker.texts(), unpacker.number() == 1)
    }

    func pack(into packer: inout ListPacker) {
        packer.add(formats)
        packer.add(copies)
        packer.add(knowsCopies ? 1 : 0)
    }
}

/// The data of a config as every rank needs it.
struct SharedScan {
    let data: TrainingData
    /// Of the names, labels and sizes of the files, by which ranks make sure that they see the same.
    let trainingDigest: String
    let validationDigest: String?
    /// What looking into the files gave, where an earlier run has done that.
    var checks: DataChecks?

    /// Looks through the folders.
    init(_ configuration: RunConfiguration) throws {
        data = try TrainingData(configuration)
        trainingDigest = String(try data.training.digest(), radix: 16)
        validationDigest = try data.validation.map { String(try $0.digest(), radix: 16) }
    }

    /// What lies in a segment, and stays there.
    private init(in segment: SharedSegment) {
        var unpacker = ListUnpacker(UnsafeRawBufferPointer(start: segment.base, count: segment.byteCount), owner: segment)
        self.init(from: &unpacker)
    }

    /// What `pack` has written.
    init(from unpacker: inout ListUnpacker) {
        trainingDigest = unpacker.text()
        validationDigest = unpacker.texts().first
        checks = unpacker.number() == 1 ? DataChecks(from: &unpacker) : nil
        data = TrainingData(from: &unpacker)
    }

    /// Writes it as bytes, if not only to count them; returns their number.
    @discardableResult
    private func pack(into target: UnsafeMutableRawPointer?) -> Int {
        var packer = ListPacker(into: target)
        pack(into: &packer)
        return packer.count
    }

    func pack(into packer: inout ListPacker) {
        packer.add(trainingDigest)
        packer.add([validationDigest].compactMap(\.self))
        packer.add(checks == nil ? 0 : 1)
        checks?.pack(into: &packer)
        data.pack(into: &packer)
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
        guard communicator.size > 1 else { return try look(configuration) }
        var own = rootFirst && communicator.isRoot ? try look(configuration) : nil
        if rootFirst { try communicator.barrier() }
        if communicator.localRank == 0, own == nil { own = try look(configuration) }
        var offer: Offer?
        if communicator.localRank == 0, communicator.localSize > 1, let found = own,
            let segment = SharedSegment.create(byteCount: found.pack(into: nil)).segment
        {
            found.pack(into: segment.base)
            let (process, descriptor) = segment.address
            offer = Offer(
                host: communicator.hostName, process: process, descriptor: descriptor, byteCount: segment.byteCount)
            own = SharedScan(in: segment)
        }
        let offers = try communicator.gather([UInt8](try JSONEncoder().encode([offer].compactMap(\.self))))
        if own == nil {
            let offers = try offers.flatMap { try JSONDecoder().decode([Offer].self, from: Data($0)) }
            own = offers.first { $0.host == communicator.hostName }.flatMap(take)
        }
        let scan = try own ?? look(configuration)
        // The first rank keeps the list open until all have it.
        try withExtendedLifetime(scan) { try communicator.barrier() }
        return scan
    }

    /// What the run's folder keeps, if it is still so; else what the folders hold.
    private static func look(_ configuration: RunConfiguration) throws -> SharedScan {
        try KeptList(configuration).read() ?? SharedScan(configuration)
    }

    private static func take(_ offer: Offer) -> SharedScan? {
        SharedSegment.open(process: offer.process, descriptor: offer.descriptor, byteCount: offer.byteCount).segment
            .map(SharedScan.init(in:))
    }
}
