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
        // Interpolation and means are of one axis after the other: first all rows that are needed become cells wide, then cells high.
        let first = min(rows[0].low, rows[count - 1].low), last = max(rows[0].low, rows[count - 1].low) + 1
        var narrow = [Float](repeating: 0, count: (last - first + 1) * cells * 3)
        levels.withUnsafeBufferPointer { levels in
            for row in first...last {
                for column in 0..<count {
                    let (left, right) = columns[column]
                    let (place, target) = ((row * side + left) * 3, ((row - first) * cells + column / points) * 3)
                    for channel in 0..<3 {
                        let (a, b) = (Float(levels[place + channel]), Float(levels[place + 3 + channel]))
                        narrow[target + channel] += a + (b - a) * right
                    }
                }
            }
        }
        let width = cells * 3
        for row in 0..<count {
            let (low, down) = rows[row]
            let (above, target) = ((low - first) * width, row / points * width)
            for column in 0..<width {
                let value = narrow[above + column]
                values[target + column] += value + (narrow[above + width + column] - value) * down
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
