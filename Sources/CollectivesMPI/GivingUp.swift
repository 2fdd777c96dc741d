// How a rank ends a job in which it waits in vain, from a thread beside the one that waits.
import Foundation

/// What both watches say and leave behind before they end the process.
enum GivingUp {
    /// EX_TEMPFAIL of sysexits.h, as for a run that was stopped: it may be started again from its last checkpoint.
    static let status: Int32 = 75

    /// Tells people on standard error, and launch.sh where it started the job: it ends a launcher that waits for a lost host.
    static func announce(_ sentence: String) {
        FileHandle.standardError.write(Data("graft: \(sentence)\n".utf8))
        if let file = ProcessInfo.processInfo.environment["GRAFT_VERDICT"] {
            try? Data("\(status)\n".utf8).write(to: URL(fileURLWithPath: file))
        }
    }
}
