// Decoded pixels: as a value, as a window onto memory that someone else owns, and as memory that is used again and again.
internal import Foundation

/// An image of 8-bit RGB pixels, `[height, width, 3]`.
package struct PixelImage: Sendable, Hashable {
    package let width: Int
    package let height: Int
    /// `height * width * 3` bytes, rows without gaps.
    package let pixels: [UInt8]

    package init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(pixels.count == width * height * 3, "an image of \(width) × \(height) has 3 bytes for each pixel")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    init(_ view: PixelView) {
        self.init(
            width: view.width, height: view.height,
            pixels: Array(UnsafeBufferPointer(start: view.base, count: view.width * view.height * 3)))
    }

    /// Lends the pixels, in memory with the slack that the pixel loops need.
    func withView<Result>(_ body: (PixelView) -> Result) -> Result {
        let buffer = PixelBuffer()
        let base = buffer.reserve(pixels.count)
        pixels.withUnsafeBytes { bytes in
            if let source = bytes.baseAddress {
                base.update(from: source.assumingMemoryBound(to: UInt8.self), count: bytes.count)
            }
        }
        return withExtendedLifetime(buffer) { body(PixelView(base: base, width: width, height: height)) }
    }
}

/// A rectangle of pixels: of an image, or to be cut out of one.
package struct PixelRegion: Sendable, Hashable {
    package var left, top, width, height: Int

    package init(left: Int, top: Int, width: Int, height: Int) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
    }
}

/// An image in borrowed memory, `[height, width, 3]`, rows without gaps; at least one byte follows the last pixel.
struct PixelView {
    let base: UnsafeMutablePointer<UInt8>
    let width: Int
    let height: Int
    var stride: Int { 3 * width }
}

/// A part of an image, and where in it the part begins.
struct PixelPart {
    let pixels: PixelView
    let left: Int
    let top: Int
}

/// A rectangle whose edges may lie between pixels.
struct ExactRegion {
    var left, top, right, bottom: Double

    init(_ region: PixelRegion) {
        (left, top) = (Double(region.left), Double(region.top))
        (right, bottom) = (Double(region.left + region.width), Double(region.top + region.height))
    }
}

/// Memory that grows to the largest size asked of it and is then reused: decoding allocates nothing in the steady state.
final class PixelBuffer {
    /// Bytes beyond the size asked for, which the pixel loops may read and write.
    static let slack = 64
    /// A larger buffer is given back when a much smaller one is asked for: one panorama must not cost memory for ever.
    private static let keptBytes = 64 << 20
    private var memory = UnsafeMutableRawPointer(bitPattern: 0)
    private var capacity = 0

    deinit { free(memory) }

    /// At least `count` bytes, with undefined contents; what an earlier call returned is gone.
    func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        guard let base = reserveIfPossible(count) else { preconditionFailure("no memory left for \(count) bytes of pixels") }
        return base
    }

    /// As `reserve`, but nil when the system refuses: sizes that a file decides must not end the process.
    func reserveIfPossible(_ count: Int) -> UnsafeMutablePointer<UInt8>? {
        if memory == nil || count > capacity || (capacity > Self.keptBytes && count < capacity / 4) {
            free(memory)
            memory = malloc(count + Self.slack)
            capacity = memory == nil ? 0 : count
        }
        return memory?.assumingMemoryBound(to: UInt8.self)
    }
}
