// A signal becomes a flag. (Crashes and a second SIGINT end a process: DistributedTests show them on one of their own.)
import Collectives
import Foundation
import Testing

@Suite struct StopSignalsTests {
    @Test func theFirstSignalIsRemembered() {
        let signals = StopSignals()
        #expect(!signals.stopRequested && signals.signalName == nil)
        // Test threads block signals, so the process as a whole gets it and another thread takes it, a moment later.
        kill(getpid(), SIGUSR1)
        for _ in 0..<1000 where !signals.stopRequested { usleep(1000) }
        #expect(signals.stopRequested && signals.signalName == "SIGUSR1")
        #expect(!StopSignals().stopRequested)
    }
}
