// The program as its users run it. One suite after the other: launches share two cores, and some are timed.
import Testing

/// Holds the suites of this target. Each makes its launches one after the other; suites run beside each other, as many as there are cores.
@Suite enum CommandTests {
    /// Why suites with several ranks may be left out.
    static let needsLauncher: Comment = "needs mpirun"
}

/// A small network that makes a launch cheap, for tests in which its numbers do not matter.
let smallNetwork = "network.architecture=efficientnet_lite0"
