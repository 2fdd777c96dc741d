// Photographs that stand in two places, byte for byte: under two labels one of them is wrong, in two splits the figures flatter.
import Files
internal import Foundation
internal import Tensors

/// Copies among the images of some folders, of which only those are looked for that matter: in two classes, or in two folders.
package struct ImageCopies: Sendable {
    /// Two images with the same bytes, by folder and sample, the earlier first.
    package struct Pair: Sendable, Hashable {
        package var first, second: Place
    }
    package struct Place: Sendable, Hashable {
        package var folder, sample: Int
    }

    /// Each image that is the copy of an earlier one, with the first of those that it is a copy of.
    package private(set) var pairs: [Pair] = []
    /// Whether every image was looked at that could be a copy.
    package private(set) var isComplete = true

    /// Bytes that are read at most.
    private static let byteLimit = 256 << 20

    /// What makes two files one: their checksum, or where they are on the disk or in an archive.
    private struct Contents: Hashable {
        let first, second: UInt64
    }

    private struct File {
        let size: Int
        let inode: Contents
        let folder, sample: Int32

        var place: Place { Place(folder: Int(folder), sample: Int(sample)) }
    }

    /// Files are read only where their sizes agree, and no more than `limit` of them, nor more than a few hundred megabytes: a large data
    /// set's are left to whoever reads all of it anyway. A file that cannot be read is nobody's copy.
    package init(among folders: [ImageFolder], reading limit: Int = 2_000) {
        let files = Self.files(of: folders)
        func kind(_ place: Place) -> (Int, Int) { (place.folder, folders[place.folder].samples.label(of: place.sample)) }
        var groups: [Range<Int>] = []
        for index in files.indices {
            let isNext = index > 0 && files[index].size == files[index - 1].size
            groups.append((isNext ? groups.removeLast().lowerBound : index)..<index + 1)
        }
        groups.removeAll { group in
            !files[group].contains { kind($0.place) != kind(files[group.lowerBound].place) }
        }
        isComplete =
            groups.reduce(0) { $0 + $1.count } <= limit
            && groups.reduce(0) { $0 + files[$1.lowerBound].size * $1.count } <= Self.byteLimit
        for group in groups {
            var first: [Contents: Place] = [:]
            for file in files[group] {
                let place = file.place
                let part = folders[place.folder].part(of: folders[place.folder].samples[place.sample])
                // Links are known without reading.
                guard let contents = isComplete ? part.checksum.map({ Contents(first: $0, second: 0) }) : file.inode else {
                    continue
                }
                guard let earlier = first[contents] else {
                    first[contents] = place
                    continue
                }
                if kind(earlier) != kind(place) { pairs.append(Pair(first: earlier, second: place)) }
            }
        }
        pairs.sort { ($0.second.folder, $0.second.sample) < ($1.second.folder, $1.second.sample) }
    }

    /// All that are not empty, by size; those of a size in the order of folders and samples.
    private static func files(of folders: [ImageFolder]) -> [File] {
        var files: [File] = []
        files.reserveCapacity(folders.reduce(0) { $0 + $1.samples.count })
        for (number, folder) in folders.enumerated() {
            for sample in folder.samples.indices {
                var (size, inode) = (0, Contents(first: 0, second: 0))
                if let inside = folder.samples.place(of: sample) {
                    (size, inode) = (Int(inside.size), Contents(first: UInt64(inside.shard), second: UInt64(inside.offset)))
                } else {
                    var status = stat()
                    guard stat(folder.path(of: folder.samples[sample]), &status) == 0, status.st_size > 0 else { continue }
                    (size, inode) = (
                        Int(status.st_size), Contents(first: UInt64(status.st_dev), second: UInt64(status.st_ino))
                    )
                }
                files.append(File(size: size, inode: inode, folder: Int32(number), sample: Int32(sample)))
            }
        }
        files.sort { ($0.size, $0.folder, $0.sample) < ($1.size, $1.folder, $1.sample) }
        return files
    }
}
