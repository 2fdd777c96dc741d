// Looking at the first bytes of every file, before anything is computed: what a suffix says is what someone once believed.
internal import Files
internal import Foundation
internal import Synchronization

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
        let found = Mutex<[(sample: Int, text: String)]>([])
        let pieces = min(16, max(1, samples.count / 64))
        DispatchQueue.concurrentPerform(iterations: pieces) { piece in
            for sample in samples.count * piece / pieces..<samples.count * (piece + 1) / pieces {
                guard let kind = Self.foreignKind(of: path(of: samples[sample])) else { continue }
                found.withLock { $0.append((sample, "\(samples.paths[sample]) (\(kind))")) }
            }
        }
        return found.withLock { $0 }.sorted { $0.sample < $1.sample }.map(\.text)
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

    /// Whether both are one folder, however they are named.
    package func isSameFolder(as other: ImageFolder) -> Bool {
        var (own, theirs) = (stat(), stat())
        guard stat(root, &own) == 0, stat(other.root, &theirs) == 0 else { return false }
        return own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino
    }
}
