// The config that a command is given: a file, or standard input.
import Collectives
import Foundation
import RunConfiguration

extension RunConfiguration {
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
