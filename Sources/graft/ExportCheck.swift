// What an ONNX file should answer: photographs as it takes them, and what Graft makes of them, for any runtime to be compared with.
import Files
import Foundation
import ImageData
import Tensors
import Training
import WeightFiles

/// Inputs and answers of one network, as `.npz`.
struct ExportCheck {
    let model: SavedModel
    let network: String?
    /// Whether the file takes uint8 and gives probabilities; else prepared floats and scores.
    let takesPixels: Bool
    /// Whether it resizes; then it is asked about one photograph, for others have other sizes.
    let resizes: Bool

    /// Writes `images` and `probabilities` (or `logits`) of the photographs to `path`; returns how many.
    ///
    /// Throws `UserError` where a photograph cannot be read.
    func write(_ files: [String], to path: String) throws -> Int {
        let files = resizes ? Array(files.prefix(1)) : files
        let inference = try InferenceModel(
            model, network: network, threads: try localThreads(), capacity: 1, precision: .float32)
        let (decoder, preparer) = (ImageDecoder(), ImagePreparer(preprocessing: inference.preprocessing))
        let side = inference.preprocessing.crop
        let slot = AlignedBuffer(floatCount: preparer.elementCount)
        let floats = slot.base.assumingMemoryBound(to: Float.self)
        var (levels, prepared, answers, extents) = ([UInt8](), [Float](), [Float](), [side, side, 3])
        for file in files {
            let image = try decoder.decode(path: file)
            if resizes {
                (levels, extents) = (image.pixels, [image.height, image.width, 3])
            } else if takesPixels {
                levels += preparer.rendered(image).pixels
            }
            preparer.prepare(image, into: floats)
            if !takesPixels {
                // Channels first, as the file takes them.
                for channel in 0..<3 { prepared += (0..<side * side).map { floats[3 * $0 + channel] } }
            }
            let scores = Array(inference.logits(floats, count: 1))
            answers +=
                takesPixels
                ? Prediction.probabilities(of: scores, inference.loss, inference.temperature).map { Float($0) } : scores
        }
        let counts = [files.count, inference.classCount]
        try levels.withUnsafeBytes { levels in
            try prepared.withUnsafeBytes { prepared in
                try answers.withUnsafeBytes { answers in
                    try NPZWriter.write(
                        [
                            takesPixels
                                ? ("images", NPZWriter.uint8, [files.count] + extents, levels)
                                : ("images", NPZWriter.float32, [files.count, 3, side, side], prepared),
                            (takesPixels ? "probabilities" : "logits", NPZWriter.float32, counts, answers),
                        ], to: path)
                }
            }
        }
        return files.count
    }
}
