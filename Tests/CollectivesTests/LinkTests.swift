// Links between hosts: every pair meets once, slow ones stand out, and addresses tell the interface.
import Collectives
import Testing

@Suite struct LinkTests {
    @Test(arguments: 0..<12) func everyPairMeetsOnce(count: Int) {
        let rounds = PairRounds(count: count)
        var met: Set<[Int]> = []
        for round in 0..<rounds.roundCount {
            for member in 0..<count {
                guard let other = rounds.opponent(of: member, in: round) else { continue }
                #expect(other != member && rounds.opponent(of: other, in: round) == member)
                if member < other { #expect(met.insert([member, other]).inserted) }
            }
        }
        #expect(met.count == count * (count - 1) / 2)
        #expect(rounds.roundCount <= max(count, 1))
    }

    private func link(_ from: String, _ to: String, _ rate: Double, back: Double) -> Link {
        Link(from: from, to: to, latencySeconds: 1e-5, bytesPerSecond: rate, bytesPerSecondBack: back)
    }

    @Test func aLinkThatIsSlowOneWayStandsOut() {
        let links = [link("a", "b", 117e6, back: 118e6), link("a", "c", 110e6, back: 50e6), link("b", "c", 116e6, back: 117e6)]
        #expect(Link.slow(among: links) == [links[1]])
        #expect(Link.usualRate(of: links) == 116e6)
        #expect(Link.slow(among: Array(links.prefix(2))).isEmpty, "two links have no median")
        #expect(Link.slow(among: []).isEmpty && Link.usualRate(of: []) == 0)
    }

    private func interface(_ name: String, _ address: [UInt32], bits: UInt32) -> NetworkInterface {
        NetworkInterface(name: name, address: address.reduce(0) { $0 << 8 | $1 }, mask: ~0 << (32 - bits))
    }

    @Test func theInterfaceOfTheOthersNetworkLeadsThere() {
        let bridge = interface("docker0", [172, 17, 0, 1], bits: 16)
        let own = [bridge, interface("eth0", [10, 0, 1, 4], bits: 24), interface("ib0", [10, 9, 0, 4], bits: 16)]
        let other = [bridge, interface("eno1", [10, 0, 1, 7], bits: 24), interface("ib0", [10, 9, 0, 7], bits: 16)]
        func leading(_ included: String?) -> String? { NetworkInterface.leading(to: other, own: own, included: included)?.name }
        #expect(leading(nil) == "eth0")
        #expect(leading("ib0") == "ib0" && leading("lo,10.9.0.0/16") == "ib0" && leading("10.0.0.0/8") == "eth0")
        #expect(leading("eth7") == nil)
        #expect(NetworkInterface.leading(to: [bridge], own: own, included: nil) == nil)
    }

    @Test func interfacesOfThisHostCanBeListed() {
        for interface in NetworkInterface.all() { #expect(!interface.name.isEmpty && interface.name != "lo") }
    }
}
