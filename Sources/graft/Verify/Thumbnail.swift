// Photographs at a small size, and square parts of them.
import Foundation
import ImageData

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
    /// `[32, 32, 3]`.
    fileprivate let levels: [UInt8]

    init(_ bytes: Data) { levels = [UInt8](bytes) }

    /// Whether there is too little in it to tell it from others.
    var isPlain: Bool {
        let mean = levels.reduce(0) { $0 + Float($1) } / Float(levels.count)
        return levels.reduce(0) { $0 + (Float($1) - mean) * (Float($1) - mean) } / Float(levels.count) < 25
    }
}

/// Looks at windows of one thumbnail.
final class WindowSampler {
    private static let side = ImageFacts.side

    /// `[32, 32]`: red, green, blue and nothing.
    private let pixels: [SIMD4<Float>]
    private let cells: Int
    /// `[32, cells]`: the rows of the stretch of columns that was looked at last, cells wide.
    private var narrow: [SIMD4<Float>]
    private var stretch: Window?
    /// `[cells, cells]`.
    private var means: [SIMD4<Float>]

    /// - Parameter cells: at how many places along a window's sides its pixels are told.
    init(_ thumbnail: Thumbnail, cells: Int) {
        self.cells = cells
        let levels = thumbnail.levels.map { Float($0) }
        pixels = stride(from: 0, to: levels.count, by: 3).map { SIMD4(levels[$0], levels[$0 + 1], levels[$0 + 2], 0) }
        narrow = Array(repeating: .zero, count: Self.side * cells)
        means = Array(repeating: .zero, count: cells * cells)
    }

    /// The window's pixels at `cells` × `cells` places without each channel's mean, of length 1: `[cells, cells, 3]`. Windows with the same
    /// columns are best looked at one after the other.
    func sample(_ window: Window) -> [Float] {
        // Interpolation and means are of one axis after the other: first all rows become cells wide, then cells high.
        look(at: window)
        let rows = axis(window.top, window.share, isMirrored: false)
        let points = rows.count / cells
        means.withUnsafeMutableBufferPointer { means in
            means.update(repeating: .zero)
            narrow.withUnsafeBufferPointer { narrow in
                for (row, (low, down)) in rows.enumerated() {
                    let (above, target) = (low * cells, row / points * cells)
                    for cell in 0..<cells {
                        let value = narrow[above + cell]
                        means[target + cell] += value + (narrow[above + cells + cell] - value) * down
                    }
                }
            }
        }
        return unitVector()
    }

    private func look(at window: Window) {
        var columnsOnly = window
        columnsOnly.top = 0
        guard stretch != columnsOnly else { return }
        stretch = columnsOnly
        let columns = axis(window.left, window.share, isMirrored: window.isMirrored)
        let points = columns.count / cells
        narrow.withUnsafeMutableBufferPointer { narrow in
            narrow.update(repeating: .zero)
            pixels.withUnsafeBufferPointer { pixels in
                for row in 0..<Self.side {
                    for (column, (left, right)) in columns.enumerated() {
                        let value = pixels[row * Self.side + left]
                        narrow[row * cells + column / points] += value + (pixels[row * Self.side + left + 1] - value) * right
                    }
                }
            }
        }
    }

    /// Between which two pixels the points along an axis lie: as many points as cover the window's pixels, for means, not single ones.
    private func axis(_ offset: Double, _ share: Double, isMirrored: Bool) -> [(low: Int, share: Float)] {
        let side = Self.side
        let count = cells * max(1, Int((share * Double(side) / Double(cells)).rounded()))
        return (0..<count).map { index in
            let place = offset + share * (Double(index) + 0.5) / Double(count)
            let exact = min(max((isMirrored ? 1 - place : place) * Double(side) - 0.5, 0), Double(side - 1))
            let low = min(Int(exact), side - 2)
            return (low, Float(exact - Double(low)))
        }
    }

    private func unitVector() -> [Float] {
        let mean = means.reduce(.zero, +) / Float(means.count)
        let square = means.reduce(Float(0)) { sum, value in
            let own = (value - mean) * (value - mean)
            return sum + own.x + own.y + own.z
        }
        let scale = 1 / max(square.squareRoot(), 1e-6)
        return [Float](unsafeUninitializedCapacity: 3 * means.count) { values, count in
            for (cell, value) in means.enumerated() {
                let own = (value - mean) * scale
                (values[3 * cell], values[3 * cell + 1], values[3 * cell + 2]) = (own.x, own.y, own.z)
            }
            count = 3 * means.count
        }
    }
}
