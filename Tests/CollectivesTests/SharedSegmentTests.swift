// Memory without a name: seen through its descriptor, refused in words where there is not enough.
import Collectives
import Testing

@Suite struct SharedSegmentTests {
    @Test func twoMappingsAreTheSameMemory() throws {
        let first = try #require(SharedSegment.create(byteCount: 1 << 16).segment)
        let address = first.address
        let second = try #require(
            SharedSegment.open(process: address.process, descriptor: address.descriptor, byteCount: 1 << 16).segment)
        #expect(first.base != second.base)
        #expect(first.base.load(fromByteOffset: 40_000, as: UInt8.self) == 0)
        first.base.storeBytes(of: 17, toByteOffset: 40_000, as: UInt8.self)
        #expect(second.base.load(fromByteOffset: 40_000, as: UInt8.self) == 17)
    }

    @Test func tooMuchIsRefused() {
        let (segment, reason) = SharedSegment.create(byteCount: 1 << 62)
        #expect(segment == nil && !reason.isEmpty)
        #expect(SharedSegment.open(process: -1, descriptor: 0, byteCount: 1).segment == nil)
    }

    @Test func theRuleLooksForHostsWithSeveralRanks() {
        #expect(SumAlgorithm.preferred(hosts: ["a"]) == .ring)
        #expect(SumAlgorithm.preferred(hosts: ["a", "b", "c"]) == .ring)
        #expect(SumAlgorithm.preferred(hosts: ["a", "b", "a"]) == .sharedMemory)
    }
}
