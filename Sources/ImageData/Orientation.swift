// Which way up a photograph is: cameras store the sensor's rows as they come and note in EXIF how to turn them.
internal import CImageCodecs

/// The EXIF orientation of an image: how its stored pixels are turned to be looked at. Raw values are EXIF's.
package enum Orientation: Int, Sendable, CaseIterable {
    case upright = 1
    case mirrored, upsideDown, flipped, transposed, turnedRight, transverse, turnedLeft

    /// Whether width and height change places.
    package var swapsSides: Bool { rawValue >= 5 }

    /// The orientation that a file's EXIF block gives; upright when there is none or it is not to be trusted.
    init(of bytes: UnsafeRawBufferPointer, format: ImageFormat) {
        var note = CameraNote()
        switch format {
        case .jpeg: note.readJPEG(bytes)
        case .png: note.readPNG(bytes)
        case .webp: note.readWebP(bytes)
        case .tiff: note.readTIFF(bytes)
        // libheif turns pictures itself, by what the file says beside EXIF.
        case .heif, .gif, .bmp, .unsupported, .unknown: break
        }
        self = note.orientation.flatMap(Orientation.init(rawValue:)) ?? .upright
    }

    /// Whether the stored columns, or rows, run against those of the upright image.
    private var reversesColumns: Bool { [.mirrored, .upsideDown, .transverse, .turnedLeft].contains(self) }
    private var reversesRows: Bool { [.upsideDown, .flipped, .turnedRight, .transverse].contains(self) }

    /// Where a rectangle of the upright image lies in the stored one of `width` × `height` pixels.
    func stored(_ region: PixelRegion, width: Int, height: Int) -> PixelRegion {
        var place = region
        if swapsSides {
            place = PixelRegion(left: region.top, top: region.left, width: region.height, height: region.width)
        }
        if reversesColumns { place.left = width - place.left - place.width }
        if reversesRows { place.top = height - place.top - place.height }
        return place
    }

    /// Where a rectangle of the stored image of `width` × `height` pixels lies in the upright one.
    func upright(_ region: PixelRegion, width: Int, height: Int) -> PixelRegion {
        var place = region
        if reversesColumns { place.left = width - place.left - place.width }
        if reversesRows { place.top = height - place.top - place.height }
        guard swapsSides else { return place }
        return PixelRegion(left: place.top, top: place.left, width: place.height, height: place.width)
    }

    /// A rectangle of the upright image after the stored one of `width` × `height` pixels was made smaller by `divisor`. The smaller
    /// image's last column and row may stand for fewer pixels than the others; they come first where the order is reversed.
    func scaled(_ region: PixelRegion, by divisor: Int, width: Int, height: Int) -> ExactRegion {
        var result = ExactRegion(region)
        guard divisor > 1 else { return result }
        let factor = Double(divisor)
        func surplus(_ length: Int) -> Double { (Double(length) / factor).rounded(.up) - Double(length) / factor }
        let (columns, rows) = (reversesColumns ? surplus(width) : 0, reversesRows ? surplus(height) : 0)
        let (right, down) = swapsSides ? (rows, columns) : (columns, rows)
        (result.left, result.right) = (result.left / factor + right, result.right / factor + right)
        (result.top, result.bottom) = (result.top / factor + down, result.bottom / factor + down)
        return result
    }

    /// Writes `source` turned upright to `target`, which has room for as many pixels. Returns the turned image.
    func apply(to source: PixelView, into target: UnsafeMutablePointer<UInt8>) -> PixelView {
        let (width, height) = (source.width, source.height)
        let (right, down) = (3, source.stride)
        let lastColumn = (width - 1) * right
        let lastRow = (height - 1) * down
        // Where the first target pixel comes from, and the steps in the source for a step right and a step down in the target.
        let (start, stepRight, stepDown): (Int, Int, Int) =
            switch self {
            case .upright: (0, right, down)
            case .mirrored: (lastColumn, -right, down)
            case .upsideDown: (lastColumn + lastRow, -right, -down)
            case .flipped: (lastRow, right, -down)
            case .transposed: (0, down, right)
            case .turnedRight: (lastRow, -down, right)
            case .transverse: (lastColumn + lastRow, -down, -right)
            case .turnedLeft: (lastColumn, down, -right)
            }
        let result = PixelView(base: target, width: swapsSides ? height : width, height: swapsSides ? width : height)
        for y in 0..<result.height {
            var from = source.base + start + y * stepDown
            var to = target + y * result.stride
            for _ in 0..<result.width {
                to[0] = from[0]
                to[1] = from[1]
                to[2] = from[2]
                from += stepRight
                to += 3
            }
        }
        return result
    }
}
