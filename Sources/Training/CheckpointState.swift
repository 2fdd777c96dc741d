// The JSON part of a checkpoint: everything that is not a tensor, and the checksums of the tensors' files.
import Files
import Foundation
import Tensors

/// `state.json` of a checkpoint.
package struct CheckpointState: Sendable, Equatable, Codable {
    /// Raised when a reader of the old version would misunderstand the new one.
    package static let formatVersion = 1

    /// A file of the checkpoint as it was written.
    package struct File: Sendable, Equatable, Codable {
        package var bytes: Int
        /// XXH64 of the file, hexadecimal.
        package var checksum: String
    }

    package var formatVersion = Self.formatVersion
    package var run: String
    package var architecture: String
    package var classes: [String]
    package var configDigest: String
    package var filesDigest: String
    /// Of the validation files; nil for a run without, and in older checkpoints.
    package var validationDigest: String?
    package var seed: UInt64
    package var shuffle: Bool
    /// Told for the record: a resume may use another number.
    package var ranks: Int
    package var batchSize: Int
    package var accumulation: Int
    /// The wanted size of gradient messages; a resume with as many ranks keeps it, and with it the order of every addition.
    package var bucketBytes: Int?
    /// Told for the record: another level rounds otherwise, in the last digits.
    package var instructions: String?
    /// The rate of the last update.
    package var learningRate: Double
    package var progress: TrainingProgress
    /// The evaluation of exactly these weights, if there was one.
    package var evaluation: EvaluationSummary?
    /// What it found best to tell classes by, by class; nil where photographs are of one class each.
    package var thresholds: [Float]?
    /// What makes its probabilities more believable; nil where nothing does, or it was not evaluated.
    package var calibration: TemperatureScaling?
    /// By file name.
    package var files: [String: File] = [:]
    /// XXH64 of this JSON with an empty checksum, so that a changed digit is noticed.
    package var checksum = ""

    /// The JSON text, sealed with its checksum.
    func sealed() throws -> [UInt8] {
        var copy = self
        copy.checksum = try unsealedChecksum()
        return [UInt8](try Self.encode(copy)) + [UInt8(ascii: "\n")]
    }

    /// Whether the checksum belongs to the rest.
    func isWhole() throws -> Bool { checksum == (try unsealedChecksum()) }

    static func decode(_ bytes: Data) throws -> CheckpointState {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(CheckpointState.self, from: bytes)
    }

    private func unsealedChecksum() throws -> String {
        var copy = self
        copy.checksum = ""
        var checksum = Checksum()
        [UInt8](try Self.encode(copy)).withUnsafeBytes { checksum.update($0) }
        return checksum.hexadecimal
    }

    private static func encode(_ state: CheckpointState) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(state)
    }
}
