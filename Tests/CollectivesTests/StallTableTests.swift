// When the stall watch speaks, and what it says.
import Collectives
import Testing

@Suite struct StallTableTests {
    private func pulse(_ phase: Phase = .computing, _ seconds: Double = 1, step: Int = 7, waits: Double? = nil) -> Pulse {
        Pulse(step: step, phase: phase, phaseSeconds: seconds, waitSeconds: waits)
    }

    private func table(watcher: Int = 0) -> StallTable {
        StallTable(hosts: ["a", "a", "b"], watcher: watcher, pulseInterval: 5, patience: 1)
    }

    @Test func computingIsNoStall() {
        var table = table()
        for rank in 0..<3 { table.note(pulse(), of: rank, at: 10) }
        #expect(table.report(at: 12) == nil)
        for rank in 0..<2 { table.note(pulse(waits: 59), of: rank, at: 100) }
        table.note(pulse(.computing, 60), of: 2, at: 100)
        #expect(table.report(at: 100) == nil)
    }

    @Test func theMissingRankIsNamedOnceUntilTheWaitDoubles() {
        var table = table()
        func note(_ wait: Double, at time: Double) {
            for rank in 0..<2 { table.note(pulse(.summing, wait, step: 8, waits: wait), of: rank, at: time) }
            table.note(pulse(.loading, wait + 5, step: 8), of: 2, at: time)
        }
        note(75, at: 100)
        #expect(table.report(at: 100) == "waiting for 75 s for rank 2 on host b, waiting for images at step 8 for 80 s")
        note(80, at: 105)
        #expect(table.report(at: 105) == nil)
        note(151, at: 176)
        #expect(table.report(at: 176)?.contains("waiting for 151 s") == true)
    }

    @Test func longPhasesAreGivenTime() {
        var table = table()
        table.note(pulse(.evaluating, 300), of: 0, at: 300)
        for rank in 1..<3 { table.note(pulse(.computing, 1, waits: 299), of: rank, at: 300) }
        #expect(table.report(at: 300) == nil)
        table.note(pulse(.evaluating, 700), of: 0, at: 700)
        for rank in 1..<3 { table.note(pulse(.computing, 1, waits: 699), of: rank, at: 700) }
        #expect(table.report(at: 700)?.contains("rank 0 on host a, evaluating at step 7 for 700 s") == true)
    }

    @Test func aSilentRankIsNamed() {
        var table = table()
        table.note(pulse(.computing, 2), of: 2, at: 100)
        for rank in 0..<2 { table.note(pulse(waits: 70), of: rank, at: 170) }
        #expect(table.report(at: 170) == "waiting for 70 s for rank 2 on host b, not heard of for 70 s (last computing, step 7)")
    }

    @Test func aDeadNetworkIsTold() {
        var table = table()
        for rank in 0..<3 { table.note(pulse(.summing, 61, waits: 61), of: rank, at: 100) }
        #expect(table.report(at: 100) == "all ranks have been waiting for 61 s at step 7: the network between them may be down")
    }

    /// At the start, before its first pulse.
    @Test func aRankThatWasNeverHeardOfIsNamed() {
        var table = table()
        for time in [100.0, 170] { for rank in 0..<2 { table.note(pulse(.starting, waits: time - 100), of: rank, at: time) } }
        #expect(table.report(at: 170) == "waiting for 70 s for rank 2 on host b, not heard of since the start")
    }

    @Test func aJobThatWaitsForASilentRankIsEnded() {
        var table = table()
        table.endSeconds = 300
        table.note(pulse(.computing, 2), of: 2, at: 100)
        for rank in 0..<2 { table.note(pulse(waits: 299), of: rank, at: 400) }
        #expect(table.hopeless(at: 400) == nil)
        #expect(
            table.hopeless(at: 402)
                == "gave up after 301 s: waiting for 301 s for rank 2 on host b, not heard of for 302 s (last computing, step 7)")
        // It is heard of: it may compute or save as long as it likes.
        table.note(pulse(.saving, 300), of: 2, at: 402)
        #expect(table.hopeless(at: 402) == nil)
        // All wait: the network.
        table.note(pulse(.summing, 300, waits: 300), of: 2, at: 402)
        #expect(table.hopeless(at: 402)?.contains("the network between them may be down") == true)
        table.endSeconds = nil
        #expect(table.hopeless(at: 90000) == nil)
    }

    /// Every rank hears the root, and only the root hears all: another rank's silence tells the others nothing.
    @Test(arguments: [1, 2]) func anyRankGivesUpASilentRoot(watcher: Int) {
        var table = table(watcher: watcher)
        table.note(pulse(.summing, 1), of: 0, at: 100)
        table.note(pulse(waits: 700), of: watcher, at: 800)
        #expect(table.hopeless(at: 800)?.contains("rank 0 on host a, not heard of for 700 s") == true)
        table.note(pulse(.saving, 1), of: 0, at: 800)
        #expect(table.hopeless(at: 800) == nil)
    }

    @Test func rankOneSpeaksOnlyForASilentRoot() {
        var table = table(watcher: 1)
        table.note(pulse(.saving, 1), of: 0, at: 100)
        table.note(pulse(waits: 80), of: 1, at: 110)
        #expect(table.report(at: 110) == nil)
        table.note(pulse(waits: 130), of: 1, at: 160)
        #expect(
            table.report(at: 160)?.contains("rank 0 on host a, not heard of for 60 s (last saving a checkpoint, step 7)") == true)
    }

    @Test func aHeartbeatTellsStepPhaseAndWaiting() {
        let heartbeat = Heartbeat()
        heartbeat.enter(.evaluating, step: 12)
        #expect(heartbeat.pulse().step == 12 && heartbeat.pulse().phase == .evaluating && heartbeat.pulse().waitSeconds == nil)
        #expect(heartbeat.waiting { heartbeat.pulse().waitSeconds } != nil)
        #expect(heartbeat.pulse().waitSeconds == nil)
    }
}
