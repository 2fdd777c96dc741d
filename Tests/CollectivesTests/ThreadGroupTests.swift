// What a group of ranks promises, shown on threads.
import Collectives
import Testing

@Suite struct ThreadGroupTests {
    @Test(arguments: [1, 2, 3, 5]) func startedSumsReachEveryRank(size: Int) throws {
        let results = try ThreadGroup.run(size: size) { group in
            var first = [Float](repeating: Float(group.rank + 1), count: 7)
            var second: [Float] = [0.1, Float(group.rank)]
            try first.withUnsafeMutableBufferPointer { first in
                try second.withUnsafeMutableBufferPointer { second in
                    let tickets = [try group.startSum(first), try group.startSum(second)]
                    try group.progress()
                    for ticket in tickets { try group.wait(ticket) }
                }
            }
            return first + second
        }
        let total = Float(size * (size + 1) / 2)
        #expect(results.count == size)
        #expect(results.allSatisfy { $0[..<7] == ArraySlice(repeating: total, count: 7) })
        #expect(Set(results).count == 1, "ranks must hold the same bits")
    }

    @Test func sumsAreInRankOrder() throws {
        // 1e8 + 1 − 1e8 in float32 depends on the order: rank order gives 0.
        let parts: [Float] = [1e8, 1, -1e8]
        for _ in 0..<20 {
            let results = try ThreadGroup.run(size: 3) { group in
                var value = [parts[group.rank]]
                try value.withUnsafeMutableBufferPointer { try group.sum($0) }
                return value[0]
            }
            #expect(results == [0, 0, 0])
        }
    }

    @Test func blockingCollectivesMayOvertakeStartedSums() throws {
        let results = try ThreadGroup.run(size: 3) { group in
            var values = [Float(group.rank)]
            return try values.withUnsafeMutableBufferPointer { values in
                let ticket = try group.startSum(values)
                let sums = try group.sum([1, Double(group.rank)])
                let gathered = try group.gather(Array(repeating: UInt8(group.rank), count: group.rank))
                try group.barrier()
                try group.wait(ticket)
                return "\(values[0]) \(sums) \(gathered)"
            }
        }
        #expect(results == Array(repeating: "3.0 [3.0, 3.0] [[], [1], [2, 2]]", count: 3))
    }

    @Test func broadcastTellsTheCountToo() throws {
        let results = try ThreadGroup.run(size: 4) { group in
            try group.broadcast(group.rank == 2 ? [7, 8, 9] : [], from: 2)
        }
        #expect(results == Array(repeating: [7, 8, 9], count: 4))
    }

    @Test func aBrokenOrderIsNoticed() {
        #expect {
            try ThreadGroup.run(size: 2) { group in
                if group.rank == 0 { _ = try group.sum([1, 2]) } else { try group.barrier() }
            }
        } throws: {
            guard case CollectiveError.orderBroken(0, _, _) = $0 else { return false }
            return true
        }
    }

    @Test func aFailingRankReleasesTheOthers() {
        struct Trouble: Error, Equatable {}
        #expect(throws: Trouble()) {
            try ThreadGroup.run(size: 3) { group in
                if group.rank == 1 { throw Trouble() }
                try group.barrier()
            }
        }
    }

    @Test func hostsDecideLocalRanks() throws {
        let results = try ThreadGroup.run(size: 5, hosts: ["a", "b", "a", "b", "a"]) { "\($0.localRank)/\($0.localSize)" }
        #expect(results == ["0/3", "0/2", "1/3", "1/2", "2/3"])
    }

    @Test func aSingleProcessIsAGroupOfOne() throws {
        let group = SingleProcess()
        var values: [Float] = [1, 2]
        try values.withUnsafeMutableBufferPointer { try group.wait(try group.startSum($0)) }
        #expect(values == [1, 2])
        #expect(try group.gather([5]) == [[5]])
        #expect(try group.broadcast([1, 2]) == [1, 2])
        #expect(group.isRoot && group.size == 1 && group.localSize == 1 && !group.hostName.isEmpty)
    }
}
