// What can be wrong with a weight file, told to the person who gave it.
import Files

/// A weight file that cannot be read.
package struct WeightFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as the user named it.
    package let path: String
    /// Where in the file the fault lies, in bytes from its start, when it lies at one place.
    package let offset: Int?
    /// What is wrong, as the middle of a sentence.
    package let problem: String
    /// What to do about it.
    package let advice: String

    package init(path: String, offset: Int? = nil, problem: String, advice: String) {
        self.path = path
        self.offset = offset
        self.problem = problem
        self.advice = advice
    }

    /// One sentence: file, fault, place, advice.
    package var description: String {
        let place = offset.map { " (at byte \($0))" } ?? ""
        return "\(path): \(problem)\(place); \(advice)"
    }

    /// A file whose bytes contradict each other: damaged, cut short, or made with ill intent.
    static func damaged(_ path: String, at offset: Int?, _ problem: String) -> WeightFileError {
        WeightFileError(path: path, offset: offset, problem: problem, advice: "the file is damaged: fetch or save it again")
    }

    /// A file that may be sound but holds what Graft does not read.
    static func unsupported(_ path: String, at offset: Int? = nil, _ problem: String, _ advice: String) -> WeightFileError {
        WeightFileError(path: path, offset: offset, problem: problem, advice: advice)
    }

    /// A file that cannot even be opened.
    init(_ error: FileError) { self.init(path: error.path, problem: error.problem, advice: error.advice) }
}
