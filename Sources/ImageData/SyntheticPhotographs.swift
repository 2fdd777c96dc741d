// Photographs for benchmarks on machines that have none.
import Files
internal import Foundation
internal import Tensors

package enum SyntheticPhotographs {
    /// Writes `count` JPEGs of `width` × `height` pixels into the class folders `a` and `b` below `folder`: smooth shapes with a
    /// camera's noise, about a fifth of a byte a pixel. Throws `FileError` where they cannot be written.
    package static func write(_ count: Int, width: Int, height: Int, to folder: String, seed: UInt64) throws {
        for name in ["a", "b"] { try Folders.make("\(folder)/\(name)") }
        for number in 0..<count {
            let path = "\(folder)/\(number % 2 == 0 ? "a" : "b")/\(number).jpg"
            let file = try jpeg(of: picture(number, width, height, seed), path)
            try AtomicFile.write(file, to: path, isLasting: false)
        }
    }

    private static func picture(_ number: Int, _ width: Int, _ height: Int, _ seed: UInt64) -> PixelImage {
        var random = CounterRandom(seed: seed, epoch: 0, index: number, purpose: .synthetic)
        let waves = (0..<9).map { _ in (random.uniform(-0.08, 0.08), random.uniform(-0.08, 0.08), random.uniform(0, 6)) }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                let noise = random.uniform(-9, 9)
                for channel in 0..<3 {
                    let light = (0..<3).reduce(Float(0)) { sum, index in
                        let (right, down, phase) = waves[3 * channel + index]
                        return sum + sin(right * Float(x) + down * Float(y) + phase)
                    }
                    pixels.append(UInt8(min(max(127 + 40 * light + noise, 0), 255)))
                }
            }
        }
        return PixelImage(width: width, height: height, pixels: pixels)
    }

    private static func jpeg(of image: PixelImage, _ path: String) throws(ImageError) -> [UInt8] {
        guard let bytes = image.jpeg(quality: quality) else { throw ImageError(path: path, reason: .outOfMemory) }
        return bytes
    }

    private static let quality = 88
}
