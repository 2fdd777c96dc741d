// What can go wrong with a file or folder, told to the person who named it.
import Foundation

/// A file or folder that cannot be read or written.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Whose affair it is, which decides the program's exit status.
    package enum Fault: Sendable, Hashable {
        /// What was asked for cannot be: a path that is not there, a folder that may not be written.
        case request
        /// The disk is full or fails.
        case disk
        /// Anything else that the system refuses.
        case system
    }

    /// The file or folder as the user named it.
    package let path: String
    /// What is wrong, as the middle of a sentence.
    package let problem: String
    /// What to do about it.
    package let advice: String
    package let fault: Fault

    package init(path: String, problem: String, advice: String, fault: Fault = .request) {
        self.path = path
        self.problem = problem
        self.advice = advice
        self.fault = fault
    }

    /// One sentence: path, fault, advice.
    package var description: String { "\(path): \(problem); \(advice)" }

    /// A call of the operating system that failed with `code`, an errno value.
    package static func system(_ path: String, _ action: String, _ code: Int32, advice: String) -> FileError {
        FileError(
            path: path, problem: "cannot \(action): \(String(cString: strerror(code)))", advice: advice, fault: fault(of: code))
    }

    private static func fault(of code: Int32) -> Fault {
        switch code {
        case ENOSPC, EDQUOT, EFBIG, EIO, ENODEV, ENXIO, ESTALE: .disk
        case ENOENT, EACCES, EPERM, EROFS, ENOTDIR, EISDIR, EEXIST, ENOTEMPTY, EXDEV, ENAMETOOLONG, ELOOP, EINVAL: .request
        default: .system
        }
    }
}
