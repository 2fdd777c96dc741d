// How fast single links between ranks are: each pair exchanges a few messages, apart from all others.
import CMPI
import Collectives
import Foundation

/// What one rank measured of its messages to another.
package struct LinkTrial: Sendable, Equatable {
    package let from: Int
    package let to: Int
    /// Of a message of eight bytes, one way, in seconds.
    package let latency: Double
    /// Of a large message, one way.
    package let bytesPerSecond: Double
}

extension MPICommunicator {
    /// Tries each pair of `members` once, in both directions, several pairs at the same time. Every rank calls it with the same list, and gets
    /// what all of them measured.
    package func tryLinks(among members: [Int]) throws -> [LinkTrial] {
        let group = try blocking.duplicate()
        let bench = LinkBench(group: group)
        var own: [LinkTrial] = []
        if let place = members.firstIndex(of: rank) {
            let rounds = PairRounds(count: members.count)
            for round in 0..<rounds.roundCount {
                guard let opponent = rounds.opponent(of: place, in: round) else { continue }
                try heartbeat.waiting { own.append(try bench.meet(Int32(members[opponent]), isFirst: place < opponent)) }
            }
        }
        let fields = own.flatMap { [Double($0.from), Double($0.to), $0.latency, $0.bytesPerSecond] }
        let all = try gather(fields.withUnsafeBytes { Array($0) })
        try group.free()
        return all.flatMap { bytes in
            let stride = MemoryLayout<Double>.stride
            return bytes.withUnsafeBytes { bytes in
                (0..<bytes.count / (4 * stride)).map { index in
                    let fields = (0..<4).map {
                        bytes.loadUnaligned(fromByteOffset: (4 * index + $0) * stride, as: Double.self)
                    }
                    return LinkTrial(from: Int(fields[0]), to: Int(fields[1]), latency: fields[2], bytesPerSecond: fields[3])
                }
            }
        }
    }
}

/// One end of a link. The end that measures sends; the other one answers until it is told that there is nothing more.
private struct LinkBench {
    let group: MPIGroup
    private let room = [UInt8](repeating: 0, count: LinkBench.mostBytes)

    /// Messages grow until one takes so long that neither its latency nor what a switch holds back counts any more.
    private static let leastBytes = 64 << 10
    private static let mostBytes = 16 << 20
    private static let longSeconds = 0.05
    private static let greetings = 40

    init(group: MPIGroup) { self.group = group }

    /// Both directions, one after the other.
    func meet(_ other: Int32, isFirst: Bool) throws -> LinkTrial {
        if !isFirst { try answer(other) }
        let trial = try measure(other)
        if isFirst { try answer(other) }
        return trial
    }

    private func measure(_ other: Int32) throws -> LinkTrial {
        // The first message opens the connection.
        _ = try send(8, to: other)
        let greetings = try (0..<Self.greetings).map { _ in try send(8, to: other) }.sorted()
        let latency = greetings[greetings.count / 2] / 2
        var bytes = Self.leastBytes
        var seconds = try send(bytes, to: other)
        while seconds < Self.longSeconds, bytes < Self.mostBytes {
            bytes = min(8 * bytes, Self.mostBytes)
            seconds = try send(bytes, to: other)
        }
        // Once more: others of these hosts may have been busy.
        seconds = min(seconds, try send(bytes, to: other))
        try group.check("MPI_Send", MPI_Send(room, 0, graft_mpi_byte(), other, 0, group.handle))
        return LinkTrial(from: group.rank, to: Int(other), latency: latency, bytesPerSecond: Double(bytes) / seconds)
    }

    /// Seconds until the answer to so many bytes, which is a message of eight.
    private func send(_ count: Int, to other: Int32) throws -> Double {
        var reply: Int64 = 0
        let start = monotonicNanoseconds()
        try group.check("MPI_Send", MPI_Send(room, Int32(count), graft_mpi_byte(), other, 0, group.handle))
        try group.check("MPI_Recv", MPI_Recv(&reply, 8, graft_mpi_byte(), other, 0, group.handle, nil))
        return Double(monotonicNanoseconds() - start) * 1e-9
    }

    /// Answers messages of any size; an empty one is the last.
    private func answer(_ other: Int32) throws {
        let target = UnsafeMutableRawPointer.allocate(byteCount: Self.mostBytes, alignment: 64)
        defer { target.deallocate() }
        var reply: Int64 = 0
        while true {
            var status = MPI_Status()
            try group.check(
                "MPI_Recv", MPI_Recv(target, Int32(Self.mostBytes), graft_mpi_byte(), other, 0, group.handle, &status))
            var count: Int32 = 0
            try group.check("MPI_Get_count", MPI_Get_count(&status, graft_mpi_byte(), &count))
            if count == 0 { return }
            try group.check("MPI_Send", MPI_Send(&reply, 8, graft_mpi_byte(), other, 0, group.handle))
        }
    }
}
