// The config that a command is given: a file, or standard input.
import Collectives
import Foundation
import RunConfiguration

extension RunConfiguration {
    /// `communication.patience` as a process sees it before the ranks have found each other. Of standard input, which only one of them has,
    /// and of a config that cannot be used, which all will refuse together, it is the usual one.
    static func startSeconds(_ path: String?, overrides: [String]) -> Double? {
        guard let path, path != "-", let configuration = try? load(path: path, overrides: overrides) else {
            return StallTable.usualEndSeconds
        }
        return configuration.communication.patience
    }

    /// Reads the config at a path. `-` stands for standard input, which a launcher gives to the first rank alone; every rank of
    /// `communicator` calls this, and all get the same text.
    ///
    /// Throws all problems of the file and the options together.
    static func load(
        _ path: String, overrides: [String], _ communicator: (any Communicator)? = nil
    ) throws -> RunConfiguration {
        guard path == "-" else { return try load(path: path, overrides: overrides) }
        var bytes: [UInt8] = []
        if communicator?.isRoot ?? true { bytes = Array(FileHandle.standardInput.readDataToEndOfFile()) }
        if let communicator { bytes = try communicator.broadcast(bytes) }
        return try parse(bytes, path: "standard input", name: "stdin", overrides: overrides)
    }
}
