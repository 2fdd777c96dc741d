// How faithfully photographs are decoded, and when a cheaper way is good enough.

/// How a JPEG becomes pixels. Other formats are always decoded exactly.
package enum ImageDecoding: String, Sendable, CaseIterable {
    /// At full size; what is not needed is left out where that changes no bit of the rest.
    case exact
    /// Photographs that are shrunk much anyway are decoded at 1/2, 1/4 or 1/8 of their size, by a smaller inverse DCT; what lies
    /// below the needed rows is only looked through for the end of the image.
    case fast

    /// How far a picture must still be shrunk after being decoded smaller, along both axes.
    ///
    /// Measured on 1,068 photographs of cats and dogs with random parts and the bilinear filter, against full decoding: at 3 the
    /// mean absolute difference is 0.3 to 0.5 levels, above 1 in no photograph at 1/2 and 1/4 and in 0.3 % of them at 1/8; at 2 it
    /// is above 1 in 4 %, 45 % and 64 %. Tests/ImageDataTests/Fixtures/measure_scaling.py repeats it.
    static let remainingShrink = 3.0

    /// By which of 1, 2, 4 and 8 a JPEG's size is divided while it is decoded, if `region` of it becomes `width` × `height` pixels.
    func divisor(for region: PixelRegion, width: Int, height: Int) -> Int {
        guard self == .fast, width > 0, height > 0 else { return 1 }
        let shrink = min(Double(region.width) / Double(width), Double(region.height) / Double(height))
        return [8, 4, 2].first { shrink >= Self.remainingShrink * Double($0) } ?? 1
    }
}
