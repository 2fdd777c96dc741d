// Looking at the first bytes of every file, before anything is computed: what a suffix says is what someone once believed.
internal import Files
internal import Foundation

extension ImageFolder {
    /// The files that are images of a kind that is not read, as `path (kind)`, in the order of the samples. A file that cannot be opened is
    /// left to whoever decodes it.
    package func foreignFormats() -> [String] {
        if let foreignKinds {
            guard !foreignKinds.isEmpty else { return [] }
            return samples.indices.compactMap { sample in
                samples.place(of: sample).flatMap { foreignKinds[$0] }.map { "\(samples.paths[sample]) (\($0))" }
            }
        }
        return WaitingWork.inStretches(of: samples.count) { own in
            own.compactMap { sample in
                Self.foreignKind(of: path(of: samples[sample])).map { "\(samples.paths[sample]) (\($0))" }
            }
        }
    }

    private static func foreignKind(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: ImageFormat.tellingBytes, alignment: 1) { buffer in
            let count = read(file, buffer.baseAddress, buffer.count)
            return count > 0
                ? ImageFormat.foreignKind(of: UnsafeRawBufferPointer(start: buffer.baseAddress, count: count)) : nil
        }
    }

    /// What the system says of a file.
    package struct FileState: Sendable, BitwiseCopyable {
        package var size = 0
        var device: UInt64 = 0
        var inode: UInt64 = 0
        /// Why it could not be looked at, or 0.
        package var error: Int32 = 0
    }

    /// Of the file of each sample; of those in archives what is known of them.
    package func fileStates() -> [FileState] {
        // Nothing has to be waited for.
        guard shards.isEmpty else { return samples.indices.map { FileState(size: Int(samples.place(of: $0)?.size ?? 0)) } }
        return WaitingWork.inStretches(of: samples.count) { own in
            own.map { sample in
                var status = stat()
                guard stat(path(of: samples[sample]), &status) == 0 else { return FileState(error: errno) }
                return FileState(size: Int(status.st_size), device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
            }
        }
    }

    /// Whether both are one folder, however they are named.
    package func isSameFolder(as other: ImageFolder) -> Bool {
        var (own, theirs) = (stat(), stat())
        guard stat(root, &own) == 0, stat(other.root, &theirs) == 0 else { return false }
        return own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino
    }
}
