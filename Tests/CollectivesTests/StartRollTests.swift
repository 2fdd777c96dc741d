// What a host's ranks say of those that never came to the start.
import Collectives
import Testing

@Suite struct StartRollTests {
    private func process(_ rank: Int, name: String = "graft", state: Character = "S", hasCome: Bool = true) -> RankProcess {
        RankProcess(rank: rank, id: Int32(100 + rank), name: name, state: state, hasCome: hasCome)
    }

    private func roll(_ processes: [RankProcess], size: Int = 4, local: Int = 4) -> StartRoll {
        StartRoll(
            environment: ["OMPI_COMM_WORLD_SIZE": "\(size)", "OMPI_COMM_WORLD_LOCAL_SIZE": "\(local)"], hostName: "h", own: 0,
            processes: processes)
    }

    @Test func eachWayOfNotComingIsNamed() {
        let script = process(1, name: "bash", hasCome: false)
        let sleeper = RankProcess(rank: 1, id: 300, name: "sleep", state: "S", hasCome: false)
        let roll = roll([process(0), script, sleeper, process(2, state: "T"), process(3, state: "D", hasCome: false)])
        #expect(roll.speaker == 0 && roll.hasGaps)
        #expect(
            roll.sentence(after: 12.5)
                == "gave up after 12 s, before the first step: on host h rank 1 never came (process 300 is still sleep), rank 2 never came "
                + "(process 102 is stopped), rank 3 never came (process 103 waits for a disk); see what holds them up, then start again "
                + "(communication.patience sets how long ranks wait)")
    }

    @Test func aRankWithoutAProcessIsNamedWhereItsNumberIsKnown() {
        #expect(
            roll([process(0), process(1), process(3)]).sentence(after: 3).contains(
                "on host h rank 2 never came (it has no process);"))
        let elsewhere = roll([process(0), process(2)], size: 8, local: 4)
        #expect(elsewhere.sentence(after: 3).contains("on host h 2 more of its ranks have no process;"))
    }

    @Test func aScriptAroundARankIsNotTakenForIt() {
        let roll = roll([process(0), RankProcess(rank: 0, id: 900, name: "bash", state: "S", hasCome: false)], size: 2, local: 1)
        #expect(!roll.hasGaps && roll.speaker == 0)
        #expect(roll.sentence(after: 3).contains("rank 0 on host h waits for ranks of other hosts, which never came"))
    }

    @Test func slurmTellsNumbersAndHosts() {
        let environment = [
            "SLURM_STEP_NUM_TASKS": "8", "SLURM_GTIDS": "4,5,6,7", "SLURM_STEP_NODELIST": "node[01-02]",
        ]
        let whole = StartRoll(environment: environment, hostName: "h", own: 4, processes: (4..<8).map { process($0) })
        #expect(whole.speaker == 4 && !whole.hasGaps)
        #expect(
            whole.sentence(after: 3).contains(
                "all ranks of host h (4-7) wait for ranks of other hosts, which never came or are not reached (the job's hosts: "
                    + "node[01-02])"))
        let short = StartRoll(environment: environment, hostName: "h", own: 5, processes: [process(5), process(6)])
        #expect(short.sentence(after: 3).contains("rank 4 never came (it has no process), rank 7 never came (it has no process)"))
    }

    @Test func whereTheSystemTellsNothingTheRankSpeaksForItself() {
        let roll = StartRoll(environment: [:], hostName: "h", own: 2, processes: [])
        #expect(roll.speaker == nil && !roll.hasGaps)
        #expect(roll.sentence(after: 3).contains("this rank on host h waits for ranks of other hosts"))
    }
}
