// The program's exit statuses, those of sysexits.h: scripts rely on them.
import CollectivesMPI
import Collectives
import Files
import Graphs
import ImageData
import Kernels
import Networks
import RunConfiguration
import Training
import WeightFiles

/// What went wrong, as a number for scripts.
enum ExitStatus {
    /// Wrong usage: here, ranks that were started so that they cannot find each other.
    static let wrongUsage: Int32 = 64
    /// Bad input: config, weights, images, a run that is not there.
    static let badInput: Int32 = 65
    /// Anything that is not the user's doing: MPI, the system, a defect.
    static let failure: Int32 = 70
    /// A disk that is full or fails, whatever was to be written.
    static let diskFailure: Int32 = 74

    /// The status that stands for an error.
    static func of(_ error: any Error) -> Int32 {
        switch error {
        case CollectiveError.lonelyProcess, CollectiveError.launcherInEveryTask: wrongUsage
        case let error as FileError: of(error.fault)
        case TrainingError.checkpointNotSaved(_, let error): of(error.fault)
        case TrainingError.weightsDiffer: failure
        case TrainingError.folderGone: diskFailure
        case is ConfigurationProblems, is ImageError, is LabelError, is ShardError, is NetworkError, is LayerPatternError,
            is UserError,
            is WeightFileError,
            is TrainingError:
            badInput
        default: failure
        }
    }

    private static func of(_ fault: FileError.Fault) -> Int32 {
        switch fault {
        case .request: badInput
        case .disk: diskFailure
        case .system: failure
        }
    }
}

/// A mistake in what the user gave that no module's own error covers; one sentence that says what to do.
struct UserError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
