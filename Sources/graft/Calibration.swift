// Measuring the ranges of an int8 prefix on a sample of the training images.
import Collectives
import Execution
import Foundation
import ImageData
import Tensors
import Training

/// What a calibration has found, the same on all ranks.
struct Calibration {
    /// Training images that are looked at.
    static let imageCount = 64

    let ranges: QuantizationRanges
    /// ‖int8 − float32‖ / ‖float32‖ of the boundary's values over the sample.
    let boundaryError: Float
    /// Images that could be read.
    let images: Int

    /// Runs a prefix over a sample, every rank some of its batches, and finds the same on all ranks whatever their number. Every rank
    /// calls it.
    ///
    /// - Parameter sample: images in batches of at most `PrefixCalibrator.capacity`, the same on all ranks.
    static func run(
        _ request: PlanRequest, _ store: ParameterStore, threads: Int, _ communicator: any Communicator,
        sample: () throws -> CalibrationSample
    ) throws -> Calibration {
        let sample = try sample()
        let own = Array(stride(from: communicator.rank, to: sample.batches.count, by: communicator.size))
        let calibrator = try PrefixCalibrator(request, store, threads: threads)
        var counted = 0
        try sample.forEach(own) { _, images, count in
            calibrator.observe(images, count: count)
            counted += count
        }
        let images = Int(try communicator.sum([Double(counted)])[0])
        guard images > 0 else {
            throw UserError("network.precision: none of the training images that int8 is measured on can be read")
        }
        // Counts are whole numbers: their sums are the same in any order.
        let seen = try communicator.gather([UInt8](try JSONEncoder().encode(calibrator.largest))).map {
            try JSONDecoder().decode([String: Float].self, from: Data($0))
        }
        let largest = seen.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: max) }
        calibrator.take(try communicator.sum(calibrator.counts(reaching: largest)))
        let ranges = calibrator.ranges()
        var comparison = try calibrator.comparison(ranges)
        // Each batch's sums have one source, and are put together in the order of batches.
        var squares = [Double](repeating: 0, count: 2 * sample.batches.count)
        try sample.forEach(own) { batch, images, count in
            (squares[2 * batch], squares[2 * batch + 1]) = comparison.add(images, count: count)
        }
        squares = try communicator.sum(squares)
        let difference = stride(from: 0, to: squares.count, by: 2).reduce(0) { $0 + squares[$1] }
        let length = stride(from: 1, to: squares.count, by: 2).reduce(0) { $0 + squares[$1] }
        return Calibration(
            ranges: ranges, boundaryError: length > 0 ? Float((difference / length).squareRoot()) : 0, images: images)
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

    /// The sample in batches.
    var batches: [[Int]] {
        let capacity = PrefixCalibrator.capacity
        return stride(from: 0, to: samples.count, by: capacity).map {
            Array(samples[$0..<min($0 + capacity, samples.count)])
        }
    }

    /// Brings some of the batches: their number, images, and how many of them could be read, at least one.
    func forEach(_ numbers: [Int], _ body: (Int, UnsafeMutablePointer<Float>, Int) throws -> Void) throws {
        guard !numbers.isEmpty else { return }
        let batches = batches
        try source.order(numbers.map { batches[$0] }, epoch: 0)
        for number in numbers {
            let batch = try source.next()
            if batch.count > 0 { try body(number, UnsafeMutablePointer(mutating: batch.images), batch.count) }
        }
    }
}
