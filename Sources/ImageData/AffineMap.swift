// Turning, shearing and moving a picture: where each of its new pixels comes from.
internal import Foundation

/// An affine map from the pixels of the result to those of the picture: x' = a·x + b·y + c, y' = d·x + e·y + f, in pixels, where whole
/// numbers are pixels' corners.
package struct AffineMap: Sendable, Hashable {
    var a, b, c, d, e, f: Double

    /// As torchvision's `affine`: turned clockwise by `degrees` and sheared by angles about a point, then moved.
    ///
    /// - Parameters:
    ///   - center: the point that stays where it is, but for the move.
    ///   - shear: along x and y, in degrees.
    init(
        degrees: Double, translation: (x: Double, y: Double) = (0, 0), scale: Double = 1, shear: (x: Double, y: Double) = (0, 0),
        center: (x: Double, y: Double)
    ) {
        let turn = degrees * .pi / 180
        let (alongX, alongY) = (shear.x * .pi / 180, shear.y * .pi / 180)
        // The map from picture to result is [p q; r s] · scale; its inverse is what is wanted.
        let p = cos(turn - alongY) / cos(alongY)
        let q = -cos(turn - alongY) * tan(alongX) / cos(alongY) - sin(turn)
        let r = sin(turn - alongY) / cos(alongY)
        let s = -sin(turn - alongY) * tan(alongX) / cos(alongY) + cos(turn)
        (a, b, d, e) = (s / scale, -q / scale, -r / scale, p / scale)
        let (x, y) = (-center.x - translation.x, -center.y - translation.y)
        c = a * x + b * y + center.x
        f = d * x + e * y + center.y
    }

    /// The nearest pixel of the source for each of the target's; black where there is none. In Pillow's 16-bit fixed point, so that
    /// pixels on a line between two fall to the same side.
    func nearest(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, side: Int) {
        func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
        let (stepA, stepB, stepD, stepE) = (fixed(a), fixed(b), fixed(d), fixed(e))
        var (rowX, rowY) = (fixed(c + a / 2 + b / 2), fixed(f + d / 2 + e / 2))
        for y in 0..<side {
            var (x, line) = (rowX, rowY)
            for column in 0..<side {
                let (sourceX, sourceY) = (x >> 16, line >> 16)
                let to = target + 3 * (side * y + column)
                if sourceX >= 0, sourceX < side, sourceY >= 0, sourceY < side {
                    let from = source + 3 * (side * sourceY + sourceX)
                    (to[0], to[1], to[2]) = (from[0], from[1], from[2])
                } else {
                    (to[0], to[1], to[2]) = (0, 0, 0)
                }
                x += stepA
                line += stepD
            }
            rowX += stepB
            rowY += stepE
        }
    }

    /// Between the four pixels around; black where the place lies outside of the picture. Rounded down, as Pillow does.
    func bilinear(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, side: Int) {
        let length = Double(side)
        for y in 0..<side {
            for column in 0..<side {
                let to = target + 3 * (side * y + column)
                let (x, line) = (Double(column) + 0.5, Double(y) + 0.5)
                let (sourceX, sourceY) = (a * x + b * line + c, d * x + e * line + f)
                guard sourceX >= 0, sourceX < length, sourceY >= 0, sourceY < length else {
                    (to[0], to[1], to[2]) = (0, 0, 0)
                    continue
                }
                let (left, top) = ((sourceX - 0.5).rounded(.down), (sourceY - 0.5).rounded(.down))
                let (right, down) = (sourceX - 0.5 - left, sourceY - 0.5 - top)
                let columns = (max(0, Int(left)), min(side - 1, Int(left) + 1))
                let rows = (max(0, Int(top)), min(side - 1, Int(top) + 1))
                for channel in 0..<3 {
                    func level(_ row: Int, _ column: Int) -> Double { Double(source[3 * (side * row + column) + channel]) }
                    let upper = level(rows.0, columns.0) * (1 - right) + level(rows.0, columns.1) * right
                    let lower = level(rows.1, columns.0) * (1 - right) + level(rows.1, columns.1) * right
                    to[channel] = UInt8(upper * (1 - down) + lower * down)
                }
            }
        }
    }
}
