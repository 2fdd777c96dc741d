// Changing the size of images exactly as Pillow does: published accuracies were measured with its filters, and others cost up to
// a percent. Separable and antialiased, with rounding to bytes between the two passes.
internal import CImageCodecs
internal import Tensors

/// The weights of a filter along one axis, for a range of output pixels; reused from image to image.
///
/// Source: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` (src/libImaging/Resample.c), with which it agrees bit for bit.
struct AxisWeights {
    /// For each output pixel, the first source pixel and the number of source pixels it sums.
    private(set) var starts: [Int32] = []
    private(set) var counts: [Int32] = []
    /// `taps` weights for each output pixel, in units of 2⁻²².
    private(set) var weights: [Int32] = []
    private(set) var taps = 0
    private var exact: [Double] = []

    /// The source pixels that the range needs.
    var sourceRange: Range<Int> {
        guard let first = starts.first, let last = starts.last, let count = counts.last else { return 0..<0 }
        return Int(first)..<Int(last + count)
    }

    /// Computes the weights for output pixels `range` of `output`, which together cover the source from `start` to `end`; both may lie
    /// between pixels. Source pixels are counted from the one in which `start` lies.
    mutating func compute(start: Double, end: Double, output: Int, range: Range<Int>, filter: Preprocessing.Interpolation) {
        let offset = start - start.rounded(.down)
        let input = Int(end.rounded(.up) - start.rounded(.down))
        let scale = (end - start) / Double(output)
        let stretch = max(scale, 1)  // a filter narrower than a source pixel would miss some
        let support = filter.support * stretch
        taps = Int(support.rounded(.up)) * 2 + 1
        starts.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        for place in range {
            let center = offset + (Double(place) + 0.5) * scale
            let start = max(0, Int(center - support + 0.5))
            let end = min(input, Int(center + support + 0.5))
            exact.removeAll(keepingCapacity: true)
            var sum = 0.0
            for pixel in start..<end {
                let weight = filter.weight((Double(pixel) - center + 0.5) * (1 / stretch))
                exact.append(weight)
                sum += weight
            }
            for weight in exact {
                let scaled = (sum != 0 ? weight / sum : weight) * Double(1 << Int(PIXEL_WEIGHT_BITS))
                weights.append(Int32(scaled + (scaled < 0 ? -0.5 : 0.5)))
            }
            weights.append(contentsOf: repeatElement(0, count: taps - exact.count))
            starts.append(Int32(start))
            counts.append(Int32(end - start))
        }
    }
}

extension Preprocessing.Interpolation {
    /// How far the filter reaches to each side, in pixels of the coarser image.
    fileprivate var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    /// The filter at a distance; bicubic is Keys' with a = -0.5.
    fileprivate func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        }
    }
}

/// Resamples images; keeps its memory from one to the next. For one thread at a time.
final class Resampler {
    private var horizontal = AxisWeights()
    private var vertical = AxisWeights()
    private let rows = PixelBuffer()
    private var window = PixelRegion(left: 0, top: 0, width: 0, height: 0)
    /// The source pixel from which the weights count.
    private var origin = (left: 0, top: 0)
    private var isVerticalFirst = false

    /// Gets ready to resample a rectangle of an image, whose surroundings are not looked at, to `width` × `height` pixels, of which
    /// the part `window` is wanted, at least a pixel. Returns the pixels of the image that this needs.
    func prepare(
        _ region: ExactRegion, width: Int, height: Int, window: PixelRegion, filter: Preprocessing.Interpolation
    ) -> PixelRegion {
        precondition(
            region.left >= 0 && region.top >= 0 && region.right > region.left && region.bottom > region.top,
            "the region to resample has an area")
        precondition(
            window.left >= 0 && window.top >= 0 && window.left + window.width <= width && window.top + window.height <= height
                && window.width > 0 && window.height > 0,
            "the window lies within the resampled image")
        self.window = window
        origin = (Int(region.left), Int(region.top))
        isVerticalFirst = Self.isVerticalFirst(region, width: width, height: height)
        horizontal.compute(
            start: region.left, end: region.right, output: width, range: window.left..<window.left + window.width, filter: filter)
        vertical.compute(
            start: region.top, end: region.bottom, output: height, range: window.top..<window.top + window.height, filter: filter)
        let (columns, rows) = (horizontal.sourceRange, vertical.sourceRange)
        return PixelRegion(
            left: origin.left + columns.lowerBound, top: origin.top + rows.lowerBound, width: columns.count, height: rows.count)
    }

    /// Resamples what was prepared from a part of the image that has the pixels needed. Writes the window to `target` (rows
    /// `targetStride` bytes apart), left and right exchanged if `mirrored`.
    func run(_ source: PixelPart, mirrored: Bool, into target: UnsafeMutablePointer<UInt8>, targetStride: Int) {
        let (columns, needed) = (horizontal.sourceRange, vertical.sourceRange)
        let (left, top) = (origin.left + columns.lowerBound - source.left, origin.top + needed.lowerBound - source.top)
        precondition(
            left >= 0 && top >= 0 && left + columns.count <= source.pixels.width && top + needed.count <= source.pixels.height,
            "the part has all pixels that are needed")
        let corner = source.pixels.base + top * source.pixels.stride + 3 * left
        let sourceStride = source.pixels.stride
        if isVerticalFirst {
            let stride = 3 * columns.count
            let between = rows.reserve(stride * window.height)
            blendRows(corner - needed.lowerBound * sourceStride, stride: sourceStride, bytes: stride, into: between, stride)
            resampleRows(
                between - 3 * columns.lowerBound, stride: stride, count: window.height, mirrored, into: target, targetStride)
        } else {
            let stride = 3 * window.width
            let between = rows.reserve(stride * needed.count)
            resampleRows(
                corner - 3 * columns.lowerBound, stride: sourceStride, count: needed.count, mirrored, into: between, stride)
            blendRows(between - needed.lowerBound * stride, stride: stride, bytes: stride, into: target, targetStride)
        }
    }

    /// Pillow 13's rule (found by trying it on sizes around the turning point; older versions always began horizontally): an image
    /// that loses many more rows than columns is cheaper to shrink vertically first. It shows where rounding between the passes
    /// does: by a level with the bilinear filter, by several with the bicubic one.
    private static func isVerticalFirst(_ region: ExactRegion, width: Int, height: Int) -> Bool {
        region.bottom - region.top - Double(height) > max(0, 2 * (region.right - region.left - Double(width)))
    }

    private func resampleRows(
        _ source: UnsafeMutablePointer<UInt8>, stride: Int, count: Int, _ mirrored: Bool,
        into target: UnsafeMutablePointer<UInt8>, _ targetStride: Int
    ) {
        pixel_rows_resample(
            source, stride, Int32(count), target, targetStride, Int32(window.width), horizontal.starts, horizontal.counts,
            horizontal.weights, Int32(horizontal.taps), mirrored ? 1 : 0)
    }

    private func blendRows(
        _ source: UnsafeMutablePointer<UInt8>, stride: Int, bytes: Int, into target: UnsafeMutablePointer<UInt8>,
        _ targetStride: Int
    ) {
        for row in vertical.starts.indices {
            vertical.weights.withUnsafeBufferPointer { weights in
                guard let weights = weights.baseAddress else { return }
                pixel_rows_blend(
                    source + Int(vertical.starts[row]) * stride, stride, vertical.counts[row], weights + row * vertical.taps,
                    target + row * targetStride, bytes)
            }
        }
    }
}
