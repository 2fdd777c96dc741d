// Are sums right, and the same on every rank bit for bit? A wrong answer from a message-passing library has been seen before.
import Collectives
import Tensors

/// What `graft doctor` reports when ranks do not sum correctly.
struct WrongSum: Error, CustomStringConvertible {
    let what: String
    var description: String {
        "\(what): the message-passing library of this job gives wrong results; try another `--overlap`, or another release"
    }
}

/// Sums of awkward sizes, several under way at once, against what they must give. Every rank runs the same check.
func checkSums(over communicator: any Communicator) throws {
    let counts = [1, 2, 3, 1000, 65_537, 0, 1 << 20, 300_007, 7]
    let ranks = Float(communicator.size)
    let rank = Float(communicator.rank)
    let buckets = counts.map { AlignedBuffer(floatCount: $0) }
    for round in 0..<2 {
        for (count, bucket) in zip(counts, buckets) {
            for index in 0..<count { bucket.floats[index] = sample(index, round) * (rank + 1) }
        }
        let tickets = try zip(counts, buckets).map {
            try communicator.startSum(UnsafeMutableBufferPointer(rebasing: $1.floats[..<$0]))
        }
        // A blocking collective may overtake sums that are under way.
        let sums = try communicator.sum([Double(rank), 1])
        guard sums == [Double(ranks * (ranks - 1) / 2), Double(ranks)] else {
            throw WrongSum(what: "a blocking sum gave \(sums)")
        }
        for ticket in tickets { try communicator.wait(ticket) }
        try checkRounding(over: communicator)
        var digest: UInt64 = 0
        for (count, bucket) in zip(counts, buckets) {
            for index in 0..<count {
                let expected = sample(index, round) * ranks * (ranks + 1) / 2
                let value = bucket.floats[index]
                guard abs(value - expected) <= 1e-5 * abs(expected) else {
                    throw WrongSum(what: "number \(index) of \(count) summed to \(value) instead of \(expected)")
                }
                digest = digest &* 0x100_0000_01b3 ^ UInt64(value.bitPattern)
            }
        }
        let digests = try communicator.gather(Array("\(digest)".utf8))
        guard digests.allSatisfy({ $0 == digests[0] }) else {
            throw WrongSum(what: "ranks hold different bits after the same sums")
        }
    }
}

/// Sums that may be rounded on the way: with what all ranks hold back they are the exact sums.
private func checkRounding(over communicator: any Communicator) throws {
    let count = 100_003
    let (values, rest) = (AlignedBuffer(floatCount: count), AlignedBuffer(floatCount: count))
    for index in 0..<count { (values.floats[index], rest.floats[index]) = (sample(index, communicator.rank), 1) }
    try communicator.wait(try communicator.startSum(values.floats, keeping: rest.floats))
    let total = Array(values.floats)
    try communicator.wait(try communicator.startSum(rest.floats))
    for index in 0..<count {
        let expected = (0..<communicator.size).reduce(Float(0)) { $0 + sample(index, $1) }
        let value = total[index] + rest.floats[index]
        guard abs(value - expected) <= 1e-5 * abs(expected), abs(total[index] - expected) <= 0.02 * abs(expected) else {
            throw WrongSum(
                what: "number \(index) summed to \(total[index]) and \(rest.floats[index]) held back instead of \(expected)")
        }
    }
}

/// Some number that is not a whole one and differs from place to place.
private func sample(_ index: Int, _ round: Int) -> Float { Float(index % 1013 + round + 1) / 7 }
