// How fast the storage gives photographs to the ranks of a host, and how fast they decode them.
import Collectives
import Files
import Foundation
import ImageData
import RunConfiguration
import Synchronization

/// What reading came to on one host, all of its ranks together.
struct HostReads: Codable, Equatable {
    var host: String
    var filesPerSecond: Double
    var bytesPerSecond: Double
    /// Whole pictures, by as many threads as photographs are loaded with.
    var decodedPerSecond: Double
    /// About what training takes, first phase and without a feature cache; nil without a config.
    var networkImagesPerSecond: Double?
}

/// Reads and decodes a sample of a data set for a while. Every rank runs it.
struct ReadBench {
    /// The files of one rank's sample, at most.
    private static let sampleCount = 2048
    let communicator: any Communicator
    let threads: Int
    /// How long each of both is tried.
    let seconds: Double

    /// Where files lie, as the root tells it to the others.
    private struct Found: Codable {
        struct Part: Codable {
            var path: String
            var start: Int?
            var count: Int?

            var file: FilePart {
                guard let start, let count else { return FilePart(path) }
                return FilePart(name: path, path: path, range: start..<start + count)
            }
        }
        var parts: [Part]
        var classes: Int
        var images: Int
    }

    /// Measures a config's training photographs, or all files below a folder; the hosts' results, on every rank.
    func run(_ source: String) throws -> [HostReads] {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: source, isDirectory: &isFolder)
        // What is a folder on one rank is one on all: the root decides.
        let meansFolder = try communicator.broadcast([isThere && isFolder.boolValue ? 1 : 0])[0] == 1
        let configuration = meansFolder ? nil : try RunConfiguration.load(source, overrides: [], communicator)
        let found = try find(source, configuration)
        let own = found.parts.indices.filter { $0 % communicator.size == communicator.rank }
        // A data set of fewer files than ranks is read by all.
        let parts = (own.isEmpty ? Array(found.parts.indices) : own).map { found.parts[$0].file }
        try communicator.barrier()
        let read = time(parts) {
            let room = ReadRoom()
            return { part in (try? part.read(atMost: .max, cold: true) { room.bytes($0) })?.count }
        }
        try communicator.barrier()
        let decoded = time(parts) {
            let decoder = ImageDecoder()
            return { part in (try? decoder.decode(part)) == nil ? nil : 0 }
        }
        let speed = try configuration.map {
            try TrainingSpeed(communicator: communicator, threads: threads).imagesPerSecond(
                $0, classes: found.classes, images: found.images)
        }
        let rank = HostReads(
            host: communicator.hostName, filesPerSecond: read.files, bytesPerSecond: read.bytes, decodedPerSecond: decoded.files,
            networkImagesPerSecond: speed)
        return Self.perHost(
            try communicator.gather([UInt8](try JSONEncoder().encode(rank))).map {
                try JSONDecoder().decode(HostReads.self, from: Data($0))
            })
    }

    /// Ranks of the same host added up, in the order of their first ranks.
    static func perHost(_ ranks: [HostReads]) -> [HostReads] {
        var hosts: [HostReads] = []
        for rank in ranks {
            guard let index = hosts.firstIndex(where: { $0.host == rank.host }) else {
                hosts.append(rank)
                continue
            }
            hosts[index].filesPerSecond += rank.filesPerSecond
            hosts[index].bytesPerSecond += rank.bytesPerSecond
            hosts[index].decodedPerSecond += rank.decodedPerSecond
            hosts[index].networkImagesPerSecond = rank.networkImagesPerSecond.map {
                $0 + (hosts[index].networkImagesPerSecond ?? 0)
            }
        }
        return hosts
    }

    /// The root looks; all get its sample, spread over the whole of it.
    private func find(_ source: String, _ configuration: RunConfiguration?) throws -> Found {
        var bytes: [UInt8] = []
        if communicator.isRoot {
            let files: [FilePart]
            let classes: Int
            if let configuration {
                let folder = try TrainingData(configuration).training
                (files, classes) = (folder.samples.map(folder.part), folder.classes.count)
            } else {
                (files, classes) = (try PhotographList.files([source], listed: nil).map { FilePart($0) }, 0)
            }
            let count = min(files.count, Self.sampleCount * communicator.size)
            let parts = (0..<count).map { files[$0 * files.count / count] }.map {
                Found.Part(path: $0.path, start: $0.range?.lowerBound, count: $0.range?.count)
            }
            bytes = [UInt8](try JSONEncoder().encode(Found(parts: parts, classes: classes, images: files.count)))
        }
        return try JSONDecoder().decode(Found.self, from: Data(try communicator.broadcast(bytes)))
    }

    private final class Tally: Sendable {
        let next = Atomic<Int>(0)
        let files = Atomic<Int>(0)
        let bytes = Atomic<Int>(0)
    }

    /// What gets done in a second, by threads that each make their own worker. A worker gives the bytes of what it has done, nil for a
    /// file that it could not do.
    private func time(_ parts: [FilePart], _ makeWorker: @Sendable () -> (FilePart) -> Int?) -> (files: Double, bytes: Double) {
        let tally = Tally()
        let start = monotonicNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            let worker = makeWorker()
            repeat {
                let index = tally.next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard let bytes = worker(parts[index % parts.count]) else { continue }
                tally.files.wrappingAdd(1, ordering: .relaxed)
                tally.bytes.wrappingAdd(bytes, ordering: .relaxed)
            } while monotonicNanoseconds() < end
        }
        let elapsed = Double(monotonicNanoseconds() - start) * 1e-9
        return (Double(tally.files.load(ordering: .relaxed)) / elapsed, Double(tally.bytes.load(ordering: .relaxed)) / elapsed)
    }
}

/// Memory that grows with the files that are read into it.
private final class ReadRoom {
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)

    deinit { memory.deallocate() }

    func bytes(_ count: Int) -> UnsafeMutableRawPointer? {
        if count > memory.count {
            memory.deallocate()
            memory = .allocate(byteCount: max(count, 2 * memory.count), alignment: 64)
        }
        return memory.baseAddress
    }
}
