// `graft export --precision int8`: how far values reach on photographs, and what rounding them will cost.
import Execution
import Foundation
import Graphs
import ImageData
import ONNXFiles
import RunConfiguration
import Training

/// What a file in 8 bits needs to know, and how far its answers will be from float32's.
struct QuantizedExport {
    /// Brings photographs in batches of at most `RoundingRehearsal.capacity`: how many, prepared and with room for all.
    typealias Photographs = ((UnsafeMutablePointer<Float>, Int) throws -> Void) throws -> Void

    let quantization: ONNXQuantization
    /// Photographs that were looked at.
    private(set) var images = 0
    /// The largest and the mean distance of a probability from float32's, over the photographs and their classes.
    private(set) var largestError = 0.0
    private(set) var meanError = 0.0
    /// Photographs whose likeliest class is the same.
    private(set) var agreeing = 0

    /// Goes through the photographs twice. Throws `UserError` if there are none.
    init(_ weights: FittedWeights, threads: Int, _ photographs: Photographs) throws {
        let (graph, types) = (weights.graph, ONNXQuantization.types(of: weights.graph))
        let rounded = ONNXQuantization.points(of: graph).map { (graph.nodes[$0].name, types[$0]) }
        let rehearsal = try RoundingRehearsal(
            graph, weights.store, threads: threads, types: Dictionary(uniqueKeysWithValues: rounded))
        var exact: [[Float]] = []
        try photographs { exact += rehearsal.observe($0, count: $1).rows(of: graph.classCount) }
        guard !exact.isEmpty else {
            throw UserError("--precision int8: none of the photographs that it is measured on can be read")
        }
        quantization = ONNXQuantization(limits: rehearsal.limits())
        var (position, sum) = (0, 0.0)
        try photographs { pixels, count in
            for scores in rehearsal.rehearse(pixels, count: count, quantization.limits).rows(of: graph.classCount) {
                let (own, theirs) = (exact[position], scores)
                let pair = [own, theirs].map { Prediction.probabilities(of: $0, weights.loss, weights.temperature) }
                let distances = zip(pair[0], pair[1]).map { abs($0 - $1) }
                largestError = max(largestError, distances.max() ?? 0)
                sum += distances.reduce(0, +) / Double(distances.count)
                if own.firstIndex(of: own.max() ?? 0) == theirs.firstIndex(of: theirs.max() ?? 0) { agreeing += 1 }
                position += 1
            }
        }
        images = position
        meanError = sum / Double(images)
    }

    /// For the user, and for whoever reads the file's metadata.
    var words: String {
        String(
            format:
                "int8: on %d photographs probabilities are at most %.4f, on average %.4f, from float32's; %d of the likeliest classes agree",
            images, largestError, meanError, agreeing)
    }
}

extension [Float] {
    fileprivate func rows(of width: Int) -> [[Float]] {
        stride(from: 0, to: count, by: width).map { Array(self[$0..<$0 + width]) }
    }
}

extension ExportCommand {
    /// What an int8 file is measured on: photographs that were named, or some that the run was trained on.
    func quantized(_ weights: FittedWeights) throws -> QuantizedExport {
        let threads = try localThreads()
        let capacity = RoundingRehearsal.capacity
        guard calibrate.isEmpty else {
            let files = try PhotographList.files(calibrate, listed: nil)
            let prepared = PreparedPhotographs(
                weights.preprocessing, appliesOrientation: true, capacity: capacity, threads: threads)
            return try QuantizedExport(weights, threads: threads) { body in
                for first in stride(from: 0, to: files.count, by: capacity) {
                    let batch = prepared.prepare(Array(files[first..<min(first + capacity, files.count)]))
                    if !batch.files.isEmpty { try body(batch.images, batch.files.count) }
                }
            }
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source, isDirectory: &isFolder), isFolder.boolValue else {
            throw UserError("\(source) is a weight file; name photographs for --precision int8 with --calibrate")
        }
        let configuration = try TrainedRun(path: source).configuration()
        let sample = CalibrationSample(
            of: try TrainingData(configuration).training, seed: UInt64(configuration.run.seed),
            preprocessing: weights.preprocessing, appliesOrientation: configuration.data.exif == .apply, threads: threads)
        return try QuantizedExport(weights, threads: threads) { body in
            try sample.forEach(Array(sample.batches.indices)) { try body($1, $2) }
        }
    }
}
