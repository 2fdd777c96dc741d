// Changes of a square picture's pixels, each with the results of Pillow or of torchvision's functions on Pillow's images.
internal import Foundation

/// One change of a picture.
package enum PixelOperation: Sendable, Hashable {
    case colour(ColourAdjustment)
    /// Up and down change places.
    case flip
    /// Each pixel from another place: the nearest pixel of it, or between the four around.
    case move(AffineMap, smooth: Bool)
    /// Three channels of grey.
    case grayscale
    /// Levels at or above this one are turned round.
    case solarize(threshold: Int)
    /// So many high bits of each level are kept.
    case posterize(bits: Int)
    /// Each channel stretched to all of 0…255.
    case autocontrast
    /// Each channel's levels spread so that all come about equally often.
    case equalize
    /// 0 gives the smoothed picture, 1 the picture.
    case sharpness(Float)
    /// Gauss's filter with this deviation in pixels, cut off beyond three of them.
    case blur(sigma: Float)

    /// Changes R, G, B bytes `[side, side, 3]` in place.
    ///
    /// - Parameter scratch: memory of the operation's own.
    func apply(to pixels: UnsafeMutablePointer<UInt8>, side: Int, scratch: PixelBuffer) {
        let count = 3 * side * side
        switch self {
        case .colour(let adjustment): adjustment.apply(to: UnsafeMutableBufferPointer(start: pixels, count: count))
        case .flip: Self.flip(pixels, side, scratch)
        case .move(let map, let smooth):
            let source = Self.copy(pixels, count, scratch)
            smooth ? map.bilinear(source, into: pixels, side: side) : map.nearest(source, into: pixels, side: side)
        case .grayscale:
            ColourAdjustment.saturation(0).apply(to: UnsafeMutableBufferPointer(start: pixels, count: count))
        case .solarize(let threshold):
            for index in 0..<count where Int(pixels[index]) >= threshold { pixels[index] = ~pixels[index] }
        case .posterize(let bits):
            let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - bits))
            for index in 0..<count { pixels[index] &= mask }
        case .autocontrast: Self.map(pixels, count, Self.stretched)
        case .equalize: Self.map(pixels, count, Self.equalized)
        case .sharpness(let factor): Self.sharpen(pixels, side, factor, scratch)
        case .blur(let sigma): Self.blur(pixels, side, sigma, scratch)
        }
    }

    private static func copy(_ pixels: UnsafeMutablePointer<UInt8>, _ count: Int, _ scratch: PixelBuffer) -> UnsafePointer<UInt8>
    {
        let room = scratch.reserve(count)
        room.update(from: pixels, count: count)
        return UnsafePointer(room)
    }

    private static func flip(_ pixels: UnsafeMutablePointer<UInt8>, _ side: Int, _ scratch: PixelBuffer) {
        let source = copy(pixels, 3 * side * side, scratch)
        for row in 0..<side { (pixels + 3 * side * row).update(from: source + 3 * side * (side - 1 - row), count: 3 * side) }
    }

    /// Gives each channel's levels the values that a function makes of their counts.
    private static func map(_ pixels: UnsafeMutablePointer<UInt8>, _ count: Int, _ values: ([Int]) -> [UInt8]?) {
        for channel in 0..<3 {
            var counts = [Int](repeating: 0, count: 256)
            for index in stride(from: channel, to: count, by: 3) { counts[Int(pixels[index])] += 1 }
            guard let values = values(counts) else { continue }
            for index in stride(from: channel, to: count, by: 3) { pixels[index] = values[Int(pixels[index])] }
        }
    }

    /// Pillow's `ImageOps.autocontrast` without a cutoff.
    private static func stretched(_ counts: [Int]) -> [UInt8]? {
        guard let low = counts.firstIndex(where: { $0 > 0 }), let high = counts.lastIndex(where: { $0 > 0 }), high > low else {
            return nil
        }
        let scale = 255 / Double(high - low)
        let offset = -Double(low) * scale
        return (0..<256).map { UInt8(min(max(Int(Double($0) * scale + offset), 0), 255)) }
    }

    /// Pillow's `ImageOps.equalize`.
    private static func equalized(_ counts: [Int]) -> [UInt8]? {
        let present = counts.filter { $0 > 0 }
        let step = (present.reduce(0, +) - (present.last ?? 0)) / 255
        guard present.count > 1, step > 0 else { return nil }
        var sum = step / 2
        return counts.map { count in
            defer { sum += count }
            return UInt8(min(sum / step, 255))
        }
    }

    /// Pillow's `ImageEnhance.Sharpness`: away from, or towards, the picture after its 3×3 filter SMOOTH, which leaves the edges.
    private static func sharpen(
        _ pixels: UnsafeMutablePointer<UInt8>, _ side: Int, _ factor: Float, _ scratch: PixelBuffer
    ) {
        let (row, source) = (3 * side, copy(pixels, 3 * side * side, scratch))
        guard side > 2 else { return }
        for y in 1..<side - 1 {
            for at in row * y + 3..<row * (y + 1) - 3 {
                var sum = 4 * Int(source[at])
                for line in [at - row, at, at + row] { sum += Int(source[line - 3]) + Int(source[line]) + Int(source[line + 3]) }
                let smooth = UInt8(Float(sum) / 13 + 0.5)
                pixels[at] = ColourAdjustment.blend(smooth, source[at], factor)
            }
        }
    }

    /// torchvision's `gaussian_blur`: edges are mirrored without being repeated.
    private static func blur(_ pixels: UnsafeMutablePointer<UInt8>, _ side: Int, _ sigma: Float, _ scratch: PixelBuffer) {
        let reach = min(Int((3 * sigma).rounded(.up)), side - 1)
        guard reach > 0 else { return }
        var weights = (-reach...reach).map { exp(-0.5 * Float($0 * $0) / (sigma * sigma)) }
        let sum = weights.reduce(0, +)
        for index in weights.indices { weights[index] /= sum }
        func mirrored(_ place: Int) -> Int { place < 0 ? -place : place >= side ? 2 * (side - 1) - place : place }
        let count = 3 * side * side
        let rows = UnsafeMutableRawPointer(scratch.reserve(count * MemoryLayout<Float>.stride + MemoryLayout<Float>.stride))
            .alignedUp(for: Float.self).bindMemory(to: Float.self, capacity: count)
        rows.update(repeating: 0, count: count)
        for y in 0..<side {
            for x in 0..<side {
                for (index, weight) in weights.enumerated() {
                    let from = 3 * (side * y + mirrored(x + index - reach))
                    for channel in 0..<3 { rows[3 * (side * y + x) + channel] += weight * Float(pixels[from + channel]) }
                }
            }
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * side) { line in
            for y in 0..<side {
                line.update(repeating: 0)
                for (index, weight) in weights.enumerated() {
                    let from = rows + 3 * side * mirrored(y + index - reach)
                    for at in 0..<3 * side { line[at] += weight * from[at] }
                }
                for at in 0..<3 * side { pixels[3 * side * y + at] = UInt8(min(max(line[at].rounded(.toNearestOrEven), 0), 255)) }
            }
        }
    }
}
