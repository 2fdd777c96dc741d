// What is in the image files, as digests. A file that has not been touched since is not read again.
package import Files
internal import Foundation
internal import ImageData
internal import Tensors

/// Digests of files, remembered by path, size and time of change.
///
/// The memory is a text file, one line a file: digest, size, nanoseconds of change, path.
package struct FileDigests: Sendable {
    /// A file as it was when its digest was taken.
    private struct Entry: Equatable {
        var digest: UInt64
        var size: Int
        var changed: Int
    }

    private var entries: [String: Entry] = [:]

    package init() {}

    /// Takes over what `text` remembers. Lines that are none are passed over.
    package mutating func merge(_ text: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 3)
            guard fields.count == 4, let digest = UInt64(fields[0], radix: 16), let size = Int(fields[1]),
                let changed = Int(fields[2])
            else { continue }
            entries[String(fields[3])] = Entry(digest: digest, size: size, changed: changed)
        }
    }

    /// The XXH64 of a file's bytes; nil for one that is empty or cannot be read.
    package mutating func digest(of file: FilePart) -> UInt64? {
        guard let state = file.state, state.size > 0 else { return nil }
        if let known = entries[file.name], known.size == state.size, known.changed == state.changed { return known.digest }
        guard let digest = file.checksum else { return nil }
        // A file that changed just now could change again within the clock's grain: look at it once more next time.
        if Date.now.timeIntervalSince1970 * 1e9 - Double(state.changed) > 2e9 {
            entries[file.name] = Entry(digest: digest, size: state.size, changed: state.changed)
        }
        return digest
    }

    /// Everything remembered, by path.
    package var text: String { text(of: entries.keys.sorted(by: bytewise)) }

    /// What is remembered of some files.
    package func text(of paths: some Sequence<String>) -> String {
        paths.compactMap { path in
            // A line cannot hold such a path; the file is simply read again.
            guard !path.contains("\n") else { return nil }
            return entries[path].map { "\(String($0.digest, radix: 16)) \($0.size) \($0.changed) \(path)\n" }
        }.joined()
    }
}
