// The program as its users run it. One suite after the other: launches share two cores, and some are timed.
import Testing

/// Holds the suites of this target. Each makes its launches one after the other; suites run beside each other, as many as there are cores.
@Suite enum CommandTests {
    /// Why suites with several ranks may be left out.
    static let needsLauncher: Comment = "needs mpirun"
}

/// In the place of a workplace's small network one with residual blocks, whose 3×3 convolutions Winograd's algorithm computes.
let residualNetwork = "network.architecture=resnet18"
