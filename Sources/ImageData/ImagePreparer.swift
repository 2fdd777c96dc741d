// From pixels to a network's input: cut, resized, coloured, normalised.
internal import CImageCodecs
internal import Foundation
package import Tensors

/// Which part of the resized image becomes the network's input, and where in it.
struct CropPlacement: Hashable {
    /// Size of the whole image after resizing.
    var width, height: Int
    /// The part of it that is used.
    var window: PixelRegion
    /// Where the window's first pixel lies in the crop; the crop's rest is black.
    var left = 0
    var top = 0

    /// torchvision's `Resize` and `CenterCrop`: the short side becomes `resize`, the long side is rounded down, the centre is
    /// rounded half to even; an image smaller than the crop is padded.
    static func evaluation(
        width: Int, height: Int, preprocessing: Preprocessing, corner: AugmentedView.Corner = .centre
    ) -> CropPlacement {
        let (short, long) = (min(width, height), max(width, height))
        let newLong = Int(Double(preprocessing.resize * long) / Double(short))
        let resizedWidth = width <= height ? preprocessing.resize : newLong
        let resizedHeight = width <= height ? newLong : preprocessing.resize
        var (column, left, usedWidth) = center(resizedWidth, preprocessing.crop)
        var (row, top, usedHeight) = center(resizedHeight, preprocessing.crop)
        // An image smaller than the crop has no corners.
        let (lastColumn, lastRow) = (max(0, resizedWidth - preprocessing.crop), max(0, resizedHeight - preprocessing.crop))
        switch corner {
        case .centre: break
        case .topLeft: (column, row) = (0, 0)
        case .topRight: (column, row) = (lastColumn, 0)
        case .bottomLeft: (column, row) = (0, lastRow)
        case .bottomRight: (column, row) = (lastColumn, lastRow)
        }
        return CropPlacement(
            width: resizedWidth, height: resizedHeight,
            window: PixelRegion(left: column, top: row, width: usedWidth, height: usedHeight), left: left, top: top)
    }

    /// A view that fills the crop.
    static func filling(_ side: Int) -> CropPlacement {
        CropPlacement(width: side, height: side, window: PixelRegion(left: 0, top: 0, width: side, height: side))
    }

    /// Along one axis: first pixel of the resized image, first pixel of the crop, and how many.
    private static func center(_ length: Int, _ crop: Int) -> (Int, Int, Int) {
        if length < crop { return (0, (crop - length) / 2, length) }
        return (Int((Double(length - crop) / 2).rounded(.toNearestOrEven)), 0, crop)
    }
}

/// Turns images into network input `[crop, crop, 3]`, float32, `(level - mean) / deviation`.
///
/// Keeps its buffers from one image to the next; for one thread at a time.
package final class ImagePreparer {
    package let preprocessing: Preprocessing
    private let inverse: [Float]
    private let resampler = Resampler()
    private let levels = PixelBuffer()
    private let scratch = PixelBuffer()

    /// Numbers that one prepared image takes.
    package var elementCount: Int { preprocessing.crop * preprocessing.crop * 3 }

    package init(preprocessing: Preprocessing) {
        precondition(
            preprocessing.mean.count == 3 && preprocessing.deviation.count == 3, "one mean and deviation for each channel")
        precondition(preprocessing.crop > 0 && preprocessing.resize > 0, "crop and resize are sizes in pixels")
        self.preprocessing = preprocessing
        inverse = preprocessing.deviation.map { 1 / $0 }
    }

    /// Writes an image as evaluation sees it, or the given view of it, to `target`, which has room for `elementCount` numbers.
    package func prepare(_ image: PixelImage, as view: AugmentedView = .evaluation, into target: UnsafeMutablePointer<Float>) {
        finish(render(image, view), view, into: target)
    }

    /// The same of an image that `decoder` has just opened: of a JPEG only what the view needs is decoded. Throws `ImageError` for
    /// an image that is not whole.
    func prepare(
        _ image: OpenedImage, from decoder: ImageDecoder, as view: AugmentedView, decoding: ImageDecoding,
        into target: UnsafeMutablePointer<Float>
    ) throws(ImageError) {
        finish(try render(image, decoder, view, decoding), view, into: target)
    }

    /// The crop's pixels as bytes: what the network sees.
    package func rendered(_ image: PixelImage, as view: AugmentedView = .evaluation) -> PixelImage {
        pixels(at: render(image, view))
    }

    /// The same of an image that `decoder` has just opened.
    func rendered(
        _ image: OpenedImage, from decoder: ImageDecoder, as view: AugmentedView, decoding: ImageDecoding
    ) throws(ImageError) -> PixelImage {
        pixels(at: try render(image, decoder, view, decoding))
    }

    private func pixels(at base: UnsafeMutablePointer<UInt8>) -> PixelImage {
        PixelImage(PixelView(base: base, width: preprocessing.crop, height: preprocessing.crop))
    }

    private func render(_ image: PixelImage, _ view: AugmentedView) -> UnsafeMutablePointer<UInt8> {
        let placed = placement(of: view, width: image.width, height: image.height)
        _ = plan(ExactRegion(placed.region), placed.placement)
        return image.withView { resample(PixelPart(pixels: $0, left: 0, top: 0), placed.placement, mirrored: view.mirrored) }
    }

    private func render(
        _ image: OpenedImage, _ decoder: ImageDecoder, _ view: AugmentedView, _ decoding: ImageDecoding
    ) throws(ImageError) -> UnsafeMutablePointer<UInt8> {
        let (region, placement) = placement(of: view, width: image.width, height: image.height)
        let divisor =
            image.isScalable ? decoding.divisor(for: region, width: placement.width, height: placement.height) : 1
        let scaled = image.orientation.scaled(region, by: divisor, width: image.storedWidth, height: image.storedHeight)
        let needed = plan(scaled, placement)
        let part = try decoder.part(of: image, needed, divisor: divisor, decoding: decoding)
        return resample(part, placement, mirrored: view.mirrored)
    }

    /// The part of the image that a view resizes, and where its result lies in the crop.
    private func placement(of view: AugmentedView, width: Int, height: Int) -> (region: PixelRegion, placement: CropPlacement) {
        if let region = view.region { return (region, .filling(preprocessing.crop)) }
        return (
            PixelRegion(left: 0, top: 0, width: width, height: height),
            CropPlacement.evaluation(width: width, height: height, preprocessing: preprocessing, corner: view.corner)
        )
    }

    /// Returns the pixels that are needed.
    private func plan(_ region: ExactRegion, _ placement: CropPlacement) -> PixelRegion {
        resampler.prepare(
            region, width: placement.width, height: placement.height, window: placement.window,
            filter: preprocessing.interpolation)
    }

    private func resample(
        _ part: PixelPart, _ placement: CropPlacement, mirrored: Bool
    ) -> UnsafeMutablePointer<UInt8> {
        let side = preprocessing.crop
        let pixels = levels.reserve(side * side * 3)
        if placement.window.width < side || placement.window.height < side { memset(pixels, 0, side * side * 3) }
        resampler.run(
            part, mirrored: mirrored, into: pixels + (placement.top * side + placement.left) * 3, targetStride: side * 3)
        return pixels
    }

    /// Changes pixels, normalises and erases.
    private func finish(_ pixels: UnsafeMutablePointer<UInt8>, _ view: AugmentedView, into target: UnsafeMutablePointer<Float>) {
        let count = preprocessing.crop * preprocessing.crop
        for operation in view.operations { operation.apply(to: pixels, side: preprocessing.crop, scratch: scratch) }
        pixels_normalize(
            pixels, count, preprocessing.mean, inverse, preprocessing.channelOrder == .bgr ? 1 : 0, target)
        if let erased = view.erased { erase(erased, in: target) }
    }

    /// Erased pixels become 0, the mean colour.
    private func erase(_ region: PixelRegion, in target: UnsafeMutablePointer<Float>) {
        for row in region.top..<region.top + region.height {
            (target + (row * preprocessing.crop + region.left) * 3).update(repeating: 0, count: region.width * 3)
        }
    }
}
