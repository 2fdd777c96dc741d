// Who meets whom when each of several meets every other once: the circle method of round-robin tournaments.

/// Rounds of pairs without a common member, so that as many links as possible are tried at the same time and none twice.
package struct PairRounds: Sendable {
    /// How many there are to meet.
    package let count: Int

    package init(count: Int) {
        precondition(count >= 0, "counts are not negative")
        self.count = count
    }

    /// One less than there are members, or as many where one of them is without an opponent in each round.
    package var roundCount: Int { count < 2 ? 0 : count + count % 2 - 1 }

    /// Whom `member` meets in a round; nobody in a round that it sits out.
    package func opponent(of member: Int, in round: Int) -> Int? {
        precondition(0..<count ~= member && 0..<roundCount ~= round, "there are \(count) members and \(roundCount) rounds")
        // The last place stands still, the others move around it; with an odd number nobody stands there.
        let around = roundCount
        let other: Int
        if member == around {
            other = round
        } else {
            let mirrored = (2 * round - member + 2 * around) % around
            other = mirrored == member ? around : mirrored
        }
        return other < count ? other : nil
    }
}
