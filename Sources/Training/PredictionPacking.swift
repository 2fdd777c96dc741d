// Predictions as bytes, for the way from the other ranks to rank 0. Numbers travel as they are, not rounded by a text.
import Foundation
import ImageData

enum PredictionPacking {
    typealias Part = (predictions: [SamplePrediction], unreadable: [UnreadableSample])

    /// Layout, native byte order: count, then for each prediction sample and predicted class (Int64), loss (Float64) and
    /// `classCount` probabilities (Float32); then the unreadable samples as JSON.
    static func pack(_ predictions: [SamplePrediction], _ unreadable: [UnreadableSample], classCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + predictions.count * recordBytes(classCount))
        append(Int64(predictions.count), to: &bytes)
        for prediction in predictions {
            append(Int64(prediction.sample), to: &bytes)
            append(Int64(prediction.predicted), to: &bytes)
            append(prediction.loss, to: &bytes)
            prediction.probabilities.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        if !unreadable.isEmpty, let text = try? JSONEncoder().encode(unreadable) { bytes.append(contentsOf: text) }
        return bytes
    }

    /// Throws when the unreadable samples are no JSON: another version of the program packed them.
    static func unpack(_ bytes: [UInt8], classCount: Int, isOfSeveral: Bool, samples: SampleList) throws -> Part {
        try bytes.withUnsafeBytes { bytes in
            let count = Int(bytes.loadUnaligned(as: Int64.self))
            let end = 8 + count * recordBytes(classCount)
            let predictions = stride(from: 8, to: end, by: recordBytes(classCount)).map { start in
                let sample = Int(bytes.loadUnaligned(fromByteOffset: start, as: Int64.self))
                return SamplePrediction(
                    sample: sample, label: samples.labels[sample], labels: isOfSeveral ? samples.classes(of: sample) : nil,
                    predicted: Int(bytes.loadUnaligned(fromByteOffset: start + 8, as: Int64.self)),
                    loss: bytes.loadUnaligned(fromByteOffset: start + 16, as: Double.self),
                    probabilities: (0..<classCount).map {
                        bytes.loadUnaligned(fromByteOffset: start + 24 + 4 * $0, as: Float.self)
                    })
            }
            let text = Data(bytes[end...])
            return (predictions, text.isEmpty ? [] : try JSONDecoder().decode([UnreadableSample].self, from: text))
        }
    }

    private static func recordBytes(_ classCount: Int) -> Int { 24 + 4 * classCount }

    private static func append(_ value: some Any, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }
}
