// Photographs that are nearly the same: resized, compressed again, cropped, mirrored. Told by their pixels at a small size: that needs no
// weights, and knows what a crop is, which features and hashes do not.
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

    /// All pairs, the most alike first.
    func find(progress: (Int, Int) -> Void = { _, _ in }) throws -> [NearDuplicate] {
        let present = images.indices.filter { images[$0]?.isPlain == false }
        let (rows, columns) = (descriptors(present, windows: [.whole]), descriptors(present, windows: windows(present.count)))
        let perImage = windows(present.count).count
        var pairs = Set<[Int]>()
        // Where only wholes are compared, one with another is the other with the one.
        let isSymmetric = present.count > Self.manyImages
        let products = BlockedProducts(length: Self.length, block: Self.block, threads: threads)
        try products.forEach(
            rows: rows, columns: columns,
            isNeeded: { row, column in !isSymmetric || (column + Self.block - 1) / perImage >= row }, rowsDone: progress
        ) { row, column, correlations in
            for first in row..<min(row + Self.block, present.count) {
                BlockedProducts.places(in: correlations, row: first - row, block: Self.block, above: Self.candidate) { place in
                    let second = (column + place) / perImage
                    guard second < present.count, second != first else { return }
                    pairs.insert([present[min(first, second)], present[max(first, second)]])
                }
            }
        }
        return confirm(pairs.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
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
        present.flatMap { index in windows.flatMap { images[index]?.sample($0, cells: Self.cells) ?? [] } }
    }

    /// Lays the images of each pair over each other, with several threads.
    private func confirm(_ pairs: [[Int]]) -> [NearDuplicate] {
        let scores = UnsafeMutableBufferPointer<Double>.allocate(capacity: pairs.count)
        scores.initialize(repeating: 0)
        defer { scores.deallocate() }
        nonisolated(unsafe) let found = scores
        DispatchQueue.concurrentPerform(iterations: pairs.isEmpty ? 0 : max(1, min(pairs.count, 8 * threads))) { piece in
            let pieces = max(1, min(pairs.count, 8 * threads))
            for index in pairs.count * piece / pieces..<pairs.count * (piece + 1) / pieces {
                guard let first = images[pairs[index][0]], let second = images[pairs[index][1]] else { continue }
                found[index] = Alignment.best(first, second)
            }
        }
        return pairs.indices.filter { scores[$0] >= Self.same }.map {
            NearDuplicate(first: pairs[$0][0], second: pairs[$0][1], score: min(1, scores[$0]))
        }.sorted { ($1.score, $0.first, $0.second) < ($0.score, $1.first, $1.second) }
    }
}

/// A square part of an image, in shares of its sides.
struct Window: Hashable {
    var share = 1.0
    var left = 0.0
    var top = 0.0
    var isMirrored = false

    static let whole = Window()
}

/// A photograph at a small size.
struct Thumbnail: Sendable {
    private let levels: [UInt8]

    init(_ bytes: Data) { levels = [UInt8](bytes) }

    /// Whether there is too little in it to tell it from others.
    var isPlain: Bool {
        let mean = levels.reduce(0) { $0 + Float($1) } / Float(levels.count)
        return levels.reduce(0) { $0 + (Float($1) - mean) * (Float($1) - mean) } / Float(levels.count) < 25
    }

    /// The window's pixels at `cells` × `cells` places without each channel's mean, of length 1.
    func sample(_ window: Window, cells: Int) -> [Float] {
        let side = ImageFacts.side
        var values = [Float](repeating: 0, count: cells * cells * 3)
        // As many points as cover the window's pixels: means, not single ones.
        let points = max(1, Int((window.share * Double(side) / Double(cells)).rounded()))
        let count = cells * points
        func axis(_ offset: Double, mirrored: Bool) -> [(low: Int, share: Float)] {
            (0..<count).map { index in
                let place = offset + window.share * (Double(index) + 0.5) / Double(count)
                let exact = min(max((mirrored ? 1 - place : place) * Double(side) - 0.5, 0), Double(side - 1))
                let low = min(Int(exact), side - 2)
                return (low, Float(exact - Double(low)))
            }
        }
        let (rows, columns) = (axis(window.top, mirrored: false), axis(window.left, mirrored: window.isMirrored))
        levels.withUnsafeBufferPointer { levels in
            for row in 0..<count {
                let (low, down) = rows[row]
                for column in 0..<count {
                    let (left, right) = columns[column]
                    let (place, target) = ((low * side + left) * 3, (row / points * cells + column / points) * 3)
                    for channel in 0..<3 {
                        let (a, b) = (Float(levels[place + channel]), Float(levels[place + 3 + channel]))
                        let (c, d) = (
                            Float(levels[place + side * 3 + channel]), Float(levels[place + side * 3 + 3 + channel])
                        )
                        let (above, below) = (a + (b - a) * right, c + (d - c) * right)
                        values[target + channel] += above + (below - above) * down
                    }
                }
            }
        }
        normalize(&values)
        return values
    }

    private func normalize(_ values: inout [Float]) {
        let count = Float(values.count / 3)
        var means: (Float, Float, Float) = (0, 0, 0)
        for index in stride(from: 0, to: values.count, by: 3) {
            means = (means.0 + values[index], means.1 + values[index + 1], means.2 + values[index + 2])
        }
        var square: Float = 0
        for index in stride(from: 0, to: values.count, by: 3) {
            values[index] -= means.0 / count
            values[index + 1] -= means.1 / count
            values[index + 2] -= means.2 / count
            square +=
                values[index] * values[index] + values[index + 1] * values[index + 1] + values[index + 2] * values[index + 2]
        }
        let scale = 1 / max(square.squareRoot(), 1e-6)
        for index in values.indices { values[index] *= scale }
    }
}

/// Laying one thumbnail over a part of another.
enum Alignment {
    private static let cells = 16
    private static let shares = [0.96, 0.92, 0.88, 0.84, 0.8]
    private static let places = 4

    /// The best correlation of one image with any part of the other, mirrored or not: over a coarse grid, then in ever smaller steps.
    static func best(_ first: Thumbnail, _ second: Thumbnail) -> Double {
        var best = 0.0
        for (part, whole) in [(first, second), (second, first)] {
            let pattern = part.sample(.whole, cells: cells)
            for isMirrored in [false, true] {
                var (window, score) = (Window(isMirrored: isMirrored), 0.0)
                score = correlation(pattern, whole, window)
                for share in shares {
                    for row in 0..<places {
                        for column in 0..<places {
                            let step = (1 - share) / Double(places - 1)
                            let other = Window(
                                share: share, left: Double(column) * step, top: Double(row) * step, isMirrored: isMirrored)
                            let found = correlation(pattern, whole, other)
                            if found > score { (window, score) = (other, found) }
                        }
                    }
                }
                best = max(best, score < 0.6 ? score : refined(pattern, whole, window, score))
            }
        }
        return best
    }

    private static func refined(_ pattern: [Float], _ whole: Thumbnail, _ start: Window, _ score: Double) -> Double {
        var (window, score, step) = (start, score, 0.02)
        while step > 0.004 {
            var isBetter = false
            for (share, left, top) in [(step, 0, 0), (-step, 0, 0), (0, step, 0), (0, -step, 0), (0, 0, step), (0, 0, -step)] {
                var other = window
                other.share = min(1, max(0.7, window.share + share))
                other.left = min(max(0, window.left + left), 1 - other.share)
                other.top = min(max(0, window.top + top), 1 - other.share)
                let found = correlation(pattern, whole, other)
                if found > score { (window, score, isBetter) = (other, found, true) }
            }
            if !isBetter { step /= 2 }
        }
        return score
    }

    private static func correlation(_ pattern: [Float], _ whole: Thumbnail, _ window: Window) -> Double {
        let part = whole.sample(window, cells: cells)
        return Double(zip(pattern, part).reduce(0) { $0 + $1.0 * $1.1 })
    }
}
