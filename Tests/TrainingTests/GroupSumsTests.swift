// Sums over groups of images: the same bits however groups are dealt out, and close to the sum.
import Collectives
import Tensors
import Testing

@testable import Training

@Suite struct GroupSumsTests {
    /// Sums of very different sizes, as channels have: 12 groups of three.
    private static let addends: [[Double]] = {
        var random = CounterRandom(seed: 3, purpose: .synthetic)
        return (0..<12).map { _ in [1e-30, 1, 1e25].map { Double(random.normal()) * $0 } + [0, 8] }
    }()

    private func total(_ communicator: any Communicator) throws -> [Double] {
        let sums = GroupSums(communicator)
        var values = [Double](repeating: 0, count: 5)
        for (index, group) in Self.addends.enumerated() where index % communicator.size == communicator.rank {
            values = group
            values.withUnsafeMutableBufferPointer { sums.add($0) }
        }
        try values.withUnsafeMutableBufferPointer { try sums.takeTotal($0) }
        return values
    }

    @Test(arguments: [2, 3, 5, 13]) func ranksDoNotChangeThem(ranks: Int) throws {
        let alone = try total(SingleProcess())
        for other in try ThreadGroup.run(size: ranks, { try total($0) }) { #expect(other == alone) }
        for (index, value) in alone.enumerated() {
            let size = Self.addends.reduce(0) { $0 + abs($1[index]) }
            #expect(abs(value - Self.addends.reduce(0) { $0 + $1[index] }) <= size * 1e-12)
        }
        #expect(Array(alone.suffix(2)) == [0, 96])
    }

    @Test(arguments: [0, 1e-120, 1, 3.5e38, 1e77, -2.5]) func scalesBoundWhatTheyAreOf(value: Double) {
        let scale = GroupSums.scale(value)
        #expect((scale == 0) == (value == 0))
        let rounded = GroupSums.onGrid(value, scale: scale, addends: 4096)
        #expect(abs(rounded - value) <= max(abs(value) * 1e-10, 1e-120))
    }

    @Test func whatIsNoNumberStaysNone() {
        for value in [Double.infinity, -.infinity, .nan] {
            #expect(!GroupSums.onGrid(value, scale: GroupSums.scale(value), addends: 3).isFinite)
        }
    }
}
