// Neighbours on the ring are neighbours on a host.
import Collectives
import Testing

@Suite struct RingOrderTests {
    @Test(arguments: [
        (["a", "a", "b", "b"], [0, 1, 2, 3]),
        (["b", "a", "b", "a", "b"], [0, 2, 4, 1, 3]),
        (["a"], [0]),
    ])
    func hostsStayTogether(hosts: [String], order: [Int]) {
        #expect(ringOrder(hosts: hosts) == order)
    }
}
