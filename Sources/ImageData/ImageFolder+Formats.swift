// Looking at the first bytes of every file, before anything is computed: what a suffix says is what someone once believed.
internal import Files
internal import Foundation
internal import Synchronization

extension ImageFolder {
    /// The files that are images of a kind that is not read, as `path (kind)`, in the order of the samples. A file that cannot be opened is
    /// left to whoever decodes it.
    package func foreignFormats() -> [String] {
        let found = Mutex<[(sample: Int, text: String)]>([])
        let pieces = min(16, max(1, samples.count / 64))
        DispatchQueue.concurrentPerform(iterations: pieces) { piece in
            var own = Array(samples.count * piece / pieces..<samples.count * (piece + 1) / pieces)
            // An archive after the other, so that each is opened once.
            if !shards.isEmpty { own.sort { order(of: $0) < order(of: $1) } }
            var file = OpenFile()
            for sample in own {
                guard let kind = file.foreignKind(of: part(of: samples[sample])) else { continue }
                found.withLock { $0.append((sample, "\(samples.paths[sample]) (\(kind))")) }
            }
        }
        return found.withLock { $0 }.sorted { $0.sample < $1.sample }.map(\.text)
    }

    private func order(of sample: Int) -> (Int32, Int) {
        samples.place(of: sample).map { ($0.shard, $0.offset) } ?? (-1, sample)
    }

    /// The file that was looked into last.
    private struct OpenFile: ~Copyable {
        private var path = ""
        private var descriptor: Int32 = -1

        init() {}

        deinit { if descriptor >= 0 { close(descriptor) } }

        mutating func foreignKind(of part: FilePart) -> String? {
            if part.path != path || descriptor < 0 {
                if descriptor >= 0 { close(descriptor) }
                (path, descriptor) = (part.path, open(part.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
            }
            guard descriptor >= 0 else { return nil }
            let file = descriptor
            return withUnsafeTemporaryAllocation(byteCount: ImageFormat.tellingBytes, alignment: 1) { buffer in
                let count = pread(
                    file, buffer.baseAddress, min(buffer.count, part.range?.count ?? .max), off_t(part.range?.lowerBound ?? 0))
                guard count > 0 else { return nil }
                let start = UnsafeRawBufferPointer(start: buffer.baseAddress, count: count)
                guard case .unsupported(let kind) = ImageFormat(sniffing: start) else { return nil }
                return kind
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
