// Photographs that are nearly the same: resized, compressed again, cropped, mirrored. Told by their pixels at a small size: that needs no
// weights, and knows what a crop is, which features and hashes do not.
import Collectives
import Foundation
import ImageData

/// Two images of which one was made from the other, or both from a third.
struct NearDuplicate {
    let first: Int
    let second: Int
    /// The correlation of the pixels where one is laid over the other, at most 1.
    let score: Double
}

/// Finds pairs among thumbnails `[32, 32, 3]`.
struct NearDuplicates {
    private static let side = ImageFacts.side
    /// Of descriptors: 8 × 8 means of each channel.
    private static let (cells, length) = (8, 192)
    /// Pairs whose descriptors correlate so are laid over each other; of these, such pairs are told.
    private static let (candidate, same) = (Float(0.78), 0.93)
    /// The part of an image's sides of which descriptors are made too, at three places along both: a crop looks like one of them.
    private static let cropShare = 0.87
    /// More images than this are compared as wholes, and mirrored ones: crops are then found where they are small.
    private static let manyImages = 20_000
    private static let block = 1024

    /// Thumbnails of all images; empty where an image cannot be read, and where it is of one colour.
    private let images: [Thumbnail?]
    private let threads: Int

    init(_ thumbnails: [Data], threads: Int) {
        images = thumbnails.map { $0.isEmpty ? nil : Thumbnail($0) }
        self.threads = threads
    }

    enum Stage {
        case comparing, layingOver
    }

    /// All pairs, the most alike first; of a search that was asked to stop, any.
    ///
    /// - Parameter progress: hears what is done, and of how much.
    func find(_ stop: StopFlag, progress: (Stage, Int, Int) -> Void) throws -> [NearDuplicate] {
        let present = images.indices.filter { images[$0]?.isPlain == false }
        let (rows, columns) = (descriptors(present, windows: [.whole]), descriptors(present, windows: windows(present.count)))
        let perImage = windows(present.count).count
        var pairs = Set<[Int]>()
        // Where only wholes are compared, one with another is the other with the one.
        let isSymmetric = present.count > Self.manyImages
        let products = BlockedProducts(length: Self.length, block: Self.block, threads: threads)
        try products.forEach(
            rows: rows, columns: columns,
            isNeeded: { row, column in
                !stop.isRequested && (!isSymmetric || (column + Self.block - 1) / perImage >= row)
            }, rowsDone: { progress(.comparing, $0, $1) }
        ) { row, column, correlations in
            for first in row..<min(row + Self.block, present.count) {
                BlockedProducts.places(in: correlations, row: first - row, block: Self.block, above: Self.candidate) { place in
                    let second = (column + place) / perImage
                    guard second < present.count, second != first else { return }
                    pairs.insert([present[min(first, second)], present[max(first, second)]])
                }
            }
        }
        return confirm(pairs.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }, stop) { progress(.layingOver, $0, $1) }
    }

    private func windows(_ count: Int) -> [Window] {
        let wholes = [Window.whole, Window(isMirrored: true)]
        guard count <= Self.manyImages else { return wholes }
        let offsets = [0, (1 - Self.cropShare) / 2, 1 - Self.cropShare]
        return wholes
            + [false, true].flatMap { mirrored in
                offsets.flatMap { top in
                    offsets.map { Window(share: Self.cropShare, left: $0, top: top, isMirrored: mirrored) }
                }
            }
    }

    /// `[images · windows, 192]`.
    private func descriptors(_ present: [Int], windows: [Window]) -> [Float] {
        present.flatMap { index in
            let sampler = images[index].map { WindowSampler($0, cells: Self.cells) }
            return windows.flatMap { sampler?.sample($0) ?? [] }
        }
    }

    /// Lays the images of each pair over each other, with several threads: what one image's parts look like serves all its pairs.
    private func confirm(_ pairs: [[Int]], _ stop: StopFlag, progress: (Int, Int) -> Void) -> [NearDuplicate] {
        let scores = UnsafeMutableBufferPointer<Double>.allocate(capacity: pairs.count)
        scores.initialize(repeating: 0)
        defer { scores.deallocate() }
        nonisolated(unsafe) let found = scores
        for side in [0, 1] {
            let groups = Dictionary(grouping: pairs.indices) { pairs[$0][side] }.sorted { $0.key < $1.key }
            let step = 64 * threads
            for start in stride(from: 0, to: groups.count, by: step) where !stop.isRequested {
                let count = min(step, groups.count - start)
                DispatchQueue.concurrentPerform(iterations: count) { offset in
                    let (key, own) = groups[start + offset]
                    guard let image = images[key] else { return }
                    let alignment = Alignment(image)
                    for pair in own {
                        guard let part = images[pairs[pair][1 - side]] else { continue }
                        found[pair] = max(found[pair], alignment.best(part))
                    }
                }
                progress(side * groups.count + start + count, 2 * groups.count)
            }
        }
        return pairs.indices.filter { scores[$0] >= Self.same }.map {
            NearDuplicate(first: pairs[$0][0], second: pairs[$0][1], score: min(1, scores[$0]))
        }.sorted { ($1.score, $0.first, $0.second) < ($0.score, $1.first, $1.second) }
    }
}
