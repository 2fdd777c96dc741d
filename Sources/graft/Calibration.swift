// Measuring the ranges of an int8 prefix on a sample of the training images.
import Collectives
import Execution
import Foundation
import ImageData
import Tensors
import Training

/// What a calibration has found, the same on all ranks.
struct Calibration: Codable {
    /// Training images that are looked at.
    static let imageCount = 64

    let ranges: QuantizationRanges
    /// ‖int8 − float32‖ / ‖float32‖ of the boundary's values over the sample.
    let boundaryError: Float
    /// Images that could be read.
    let images: Int

    /// Runs a prefix over a sample on rank 0 and tells all ranks what came out: the same whatever their number. Every rank calls it.
    ///
    /// - Parameter sample: images on rank 0, in batches of at most `PrefixCalibrator.capacity`.
    static func run(
        _ request: PlanRequest, _ store: ParameterStore, threads: Int, _ communicator: any Communicator,
        sample: () throws -> CalibrationSample
    ) throws -> Calibration {
        var encoded: [UInt8] = []
        if communicator.isRoot {
            let sample = try sample()
            let calibrator = try PrefixCalibrator(request, store, threads: threads)
            let images = try sample.forEachBatch { calibrator.observe($0, count: $1) }
            guard images > 0 else {
                throw UserError("network.precision: none of the training images that int8 is measured on can be read")
            }
            let ranges = calibrator.ranges()
            var comparison = try calibrator.comparison(ranges)
            _ = try sample.forEachBatch { comparison.add($0, count: $1) }
            encoded = [UInt8](
                try JSONEncoder().encode(
                    Calibration(ranges: ranges, boundaryError: comparison.relativeError, images: images)))
        }
        return try JSONDecoder().decode(Calibration.self, from: Data(try communicator.broadcast(encoded)))
    }
}

/// The images that a calibration looks at.
struct CalibrationSample {
    let source: any BatchSource
    let samples: [Int]

    init(source: any BatchSource, samples: [Int]) { (self.source, self.samples) = (source, samples) }

    /// Those images of a folder whose hash of seed and path is smallest, prepared as for evaluation.
    init(of folder: ImageFolder, seed: UInt64, preprocessing: Preprocessing, appliesOrientation: Bool, threads: Int) {
        let hashes = folder.sampleKeys.map { key -> UInt64 in
            var random = CounterRandom(seed: seed, index: key, purpose: .calibration)
            return random.next()
        }
        // Samples are sorted by path: their index breaks ties.
        samples = Array(hashes.indices.sorted { (hashes[$0], $0) < (hashes[$1], $1) }.prefix(Calibration.imageCount))
        var options = BatchLoader.Options(
            capacity: PrefixCalibrator.capacity, threads: threads, slots: 3, seed: seed, preprocessing: preprocessing,
            augmentation: .none)
        options.appliesOrientation = appliesOrientation
        source = LoaderSource(BatchLoader(source: .folder(folder), options: options))
    }

    /// Returns how many images there were.
    func forEachBatch(_ body: (UnsafeMutablePointer<Float>, Int) throws -> Void) throws -> Int {
        let capacity = PrefixCalibrator.capacity
        let batches = stride(from: 0, to: samples.count, by: capacity).map {
            Array(samples[$0..<min($0 + capacity, samples.count)])
        }
        try source.order(batches, epoch: 0)
        var images = 0
        for _ in batches {
            let batch = try source.next()
            images += batch.count
            if batch.count > 0 { try body(UnsafeMutablePointer(mutating: batch.images), batch.count) }
        }
        return images
    }
}
