// Folders made, renamed and brought to the disk, with the system's own words where it refuses.
import Foundation

/// What is done to folders, and to files as their entries.
package enum Folders {
    /// Makes a folder and those above it that are missing; one that is there stays as it is.
    ///
    /// - Parameter advice: what to do where it cannot be made.
    package static func make(
        _ path: String, advice: String = "check that the folder above it can be written, or choose another"
    ) throws(FileError) {
        guard mkdir(path, 0o777) != 0 else { return }
        var code = errno
        if code == ENOENT, let above = path.lastIndex(where: { $0 == "/" }), above > path.startIndex {
            try make(String(path[..<above]), advice: advice)
            if mkdir(path, 0o777) == 0 { return }
            code = errno
        }
        var status = stat()
        if code == EEXIST {
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
            code = ENOTDIR
        }
        throw .system(path, "create the folder", code, advice: advice)
    }

    /// Gives a file or folder another name on the same disk; a file of that name is replaced.
    package static func move(_ source: String, to target: String, advice: String = "check the folder") throws(FileError) {
        guard rename(source, target) == 0 else {
            throw .system(target, "put \((source as NSString).lastPathComponent) in its place", errno, advice: advice)
        }
    }

    /// Brings a folder's entries to the disk: a new or renamed file survives a power cut only then.
    package static func sync(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(path, "open the folder", errno, advice: "check its permissions") }
        defer { close(descriptor) }
        // EINVAL: some file systems cannot sync folders, and need not.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .system(path, "bring the folder to the disk", errno, advice: "check the disk")
        }
    }

    /// The folder that holds a file.
    package static func holding(_ path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }
}
