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

    /// What makes two files one: their checksum, or where they are on the disk.
    private struct Contents: Hashable {
        let first, second: UInt64
    }

    /// Files are read only where their sizes agree, and no more than `limit` of them, nor more than a few hundred megabytes: a large data
    /// set's are left to whoever reads all of it anyway. A file that cannot be read is nobody's copy.
    package init(among folders: [ImageFolder], reading limit: Int = 2_000) {
        let files = Files(of: folders)
        func kind(_ place: Place) -> (Int, Int) { (place.folder, folders[place.folder].samples.label(of: place.sample)) }
        let groups = files.groups.filter { group in
            let first = kind(files.place(group.lowerBound))
            return group.contains { kind(files.place($0)) != first }
        }
        isComplete =
            groups.reduce(0) { $0 + $1.count } <= limit
            && groups.reduce(0) { $0 + files.size(of: $1.lowerBound) * $1.count } <= Self.byteLimit
        // Links are known without reading.
        guard isComplete || files.mayBeLinks else { return }
        for group in groups {
            var first: [Contents: Place] = [:]
            for file in group {
                let place = files.place(file)
                let part = folders[place.folder].part(of: folders[place.folder].samples[place.sample])
                guard let contents = isComplete ? part.checksum.map({ Contents(first: $0, second: 0) }) : files.inode(of: file)
                else { continue }
                guard let earlier = first[contents] else {
                    first[contents] = place
                    continue
                }
                if kind(earlier) != kind(place) { pairs.append(Pair(first: earlier, second: place)) }
            }
        }
        pairs.sort { ($0.second.folder, $0.second.sample) < ($1.second.folder, $1.second.sample) }
    }

    /// The samples of folders that are not empty, by size; those of a size in the order of folders and samples.
    private struct Files {
        /// Of each its size and its number among all samples.
        private var order: [(size: Int, number: Int)] = []
        /// Where each folder's samples begin among all.
        private let starts: [Int]
        /// Of all samples, unless all are in archives.
        private var inodes: [Contents] = []

        init(of folders: [ImageFolder]) {
            starts = folders.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.samples.count) }
            order.reserveCapacity(starts.last ?? 0)
            let none = Contents(first: 0, second: 0)
            if folders.contains(where: { $0.shards.isEmpty }) { inodes = [Contents](repeating: none, count: starts.last ?? 0) }
            for (folder, start) in zip(folders, starts) {
                for (sample, state) in folder.fileStates().enumerated() where state.size > 0 {
                    order.append((state.size, start + sample))
                    if mayBeLinks { inodes[start + sample] = Contents(first: state.device, second: state.inode) }
                }
            }
            order.sort { $0 < $1 }
        }

        /// Of files of one size.
        var groups: [Range<Int>] {
            var groups: [Range<Int>] = []
            var start = 0
            for end in order.indices.map({ $0 + 1 }) where end == order.count || order[end].size != order[start].size {
                groups.append(start..<end)
                start = end
            }
            return groups
        }

        /// Whether any may be one with another on the disk.
        var mayBeLinks: Bool { !inodes.isEmpty }

        func size(of file: Int) -> Int { order[file].size }

        func place(_ file: Int) -> Place {
            let folder = (starts.firstIndex { $0 > order[file].number } ?? 1) - 1
            return Place(folder: folder, sample: order[file].number - starts[folder])
        }

        /// Nil for one in an archive.
        func inode(of file: Int) -> Contents? {
            let inode = inodes[order[file].number]
            return inode.second == 0 ? nil : inode
        }
    }
}
