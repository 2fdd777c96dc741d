// Threads of commands that run as one process, without MPI.
import Collectives
import Foundation

/// The threads that this process should compute with: the cores it may use, or what OMP_NUM_THREADS says.
func localThreads() throws -> Int {
    try ThreadPlacement.settle(
        over: SingleProcess(), requested: nil, environment: ProcessInfo.processInfo.environment)[0].threads
}
