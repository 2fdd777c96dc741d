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

    /// Files are read only where their sizes agree, and no more than `limit` of them, nor more than a few hundred megabytes: a large data
    /// set's are left to whoever reads all of it anyway. A file that cannot be read is nobody's copy.
    package init(among folders: [ImageFolder], reading limit: Int = 2_000) {
        var bySize: [Int: [(place: Place, file: [UInt64])]] = [:]
        for (number, folder) in folders.enumerated() {
            for (sample, image) in folder.samples.enumerated() {
                let place = Place(folder: number, sample: sample)
                if let inside = image.place {
                    bySize[Int(inside.size), default: []].append((place, [UInt64(inside.shard), UInt64(inside.offset)]))
                    continue
                }
                var status = stat()
                guard stat(folder.path(of: image), &status) == 0, status.st_size > 0 else { continue }
                bySize[Int(status.st_size), default: []].append((place, [UInt64(status.st_dev), UInt64(status.st_ino)]))
            }
        }
        func kind(_ place: Place) -> [Int] { [place.folder, folders[place.folder].samples[place.sample].label] }
        let groups = bySize.filter { _, group in group.contains { kind($0.place) != kind(group[0].place) } }
        isComplete =
            groups.values.reduce(0) { $0 + $1.count } <= limit
            && groups.reduce(0) { $0 + $1.key * $1.value.count } <= Self.byteLimit
        for group in groups.values {
            var first: [[UInt64]: Place] = [:]
            for (place, file) in group {
                let part = folders[place.folder].part(of: folders[place.folder].samples[place.sample])
                // Links are known without reading.
                guard let contents = isComplete ? part.checksum.map({ [$0] }) : file else { continue }
                guard let earlier = first[contents] else {
                    first[contents] = place
                    continue
                }
                if kind(earlier) != kind(place) { pairs.append(Pair(first: earlier, second: place)) }
            }
        }
        pairs.sort { ($0.second.folder, $0.second.sample) < ($1.second.folder, $1.second.sample) }
    }
}
