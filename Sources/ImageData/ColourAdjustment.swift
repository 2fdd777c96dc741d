// Changes of colour on bytes, rounded as torchvision's functions on Pillow images round.
internal import Foundation

/// One change of an image's colours.
package enum ColourAdjustment: Sendable, Hashable {
    /// 0 gives black, 1 the image.
    case brightness(Float)
    /// 0 gives the mean grey, 1 the image.
    case contrast(Float)
    /// 0 gives the grey image, 1 the image.
    case saturation(Float)
    /// A turn of the colour circle, -0.5…0.5.
    case hue(Float)

    /// Changes R, G, B bytes in place.
    func apply(to pixels: UnsafeMutableBufferPointer<UInt8>) {
        switch self {
        case .brightness(let factor):
            for index in pixels.indices { pixels[index] = Self.blend(0, pixels[index], factor) }
        case .contrast(let factor):
            let grey = Self.meanGrey(pixels)
            for index in pixels.indices { pixels[index] = Self.blend(grey, pixels[index], factor) }
        case .saturation(let factor):
            for pixel in stride(from: 0, to: pixels.count, by: 3) {
                let grey = Self.grey(pixels, pixel)
                for channel in pixel..<pixel + 3 { pixels[channel] = Self.blend(grey, pixels[channel], factor) }
            }
        case .hue(let turn):
            let shift = UInt8(truncatingIfNeeded: Int(turn * 255))
            for pixel in stride(from: 0, to: pixels.count, by: 3) { Self.turnHue(pixels, pixel, shift) }
        }
    }

    /// From `first` (factor 0) through `second` (factor 1) and beyond; fractions are dropped.
    static func blend(_ first: UInt8, _ second: UInt8, _ factor: Float) -> UInt8 {
        UInt8(min(max(Float(first) + factor * Float(Int(second) - Int(first)), 0), 255))
    }

    /// ITU-R 601 luma in 16-bit fixed point, as Pillow converts to grey.
    private static func grey(_ pixels: UnsafeMutableBufferPointer<UInt8>, _ pixel: Int) -> UInt8 {
        let sum = Int(pixels[pixel]) * 19595 + Int(pixels[pixel + 1]) * 38470 + Int(pixels[pixel + 2]) * 7471
        return UInt8((sum + 0x8000) >> 16)
    }

    private static func meanGrey(_ pixels: UnsafeMutableBufferPointer<UInt8>) -> UInt8 {
        var sum = 0
        for pixel in stride(from: 0, to: pixels.count, by: 3) { sum += Int(grey(pixels, pixel)) }
        return UInt8(Double(sum) / Double(max(1, pixels.count / 3)) + 0.5)
    }

    /// Through hue, saturation and value in bytes, as Pillow's HSV mode has them.
    private static func turnHue(_ pixels: UnsafeMutableBufferPointer<UInt8>, _ pixel: Int, _ shift: UInt8) {
        let (red, green, blue) = (pixels[pixel], pixels[pixel + 1], pixels[pixel + 2])
        let (high, low) = (max(red, green, blue), min(red, green, blue))
        guard high > low else { return }
        let range = Float(high - low)
        let saturation = UInt8(range / Float(high) * 255)
        let (fromRed, fromGreen, fromBlue) = (Float(high - red) / range, Float(high - green) / range, Float(high - blue) / range)
        var sixths = high == red ? fromBlue - fromGreen : high == green ? 2 + fromRed - fromBlue : 4 + fromGreen - fromRed
        sixths = sixths < 0 ? sixths + 6 : sixths
        let hue = UInt8(min(sixths / 6 * 255, 255)) &+ shift
        guard saturation > 0 else {
            for channel in pixel..<pixel + 3 { pixels[channel] = high }
            return
        }
        let position = Float(hue) * 6 / 255
        let sector = Int(position)
        let fraction = position - Float(sector)
        let strength = Float(saturation) / 255
        func level(_ lack: Float) -> UInt8 { UInt8((Float(high) * (1 - strength * lack)).rounded()) }
        let (least, falling, rising) = (level(1), level(fraction), level(1 - fraction))
        let colour: (UInt8, UInt8, UInt8) =
            switch sector % 6 {
            case 0: (high, rising, least)
            case 1: (falling, high, least)
            case 2: (least, high, rising)
            case 3: (least, falling, high)
            case 4: (rising, least, high)
            default: (high, least, falling)
            }
        (pixels[pixel], pixels[pixel + 1], pixels[pixel + 2]) = colour
    }
}
