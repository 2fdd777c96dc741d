// What an int8 prefix computes with: the ranges of the run that is resumed, or new ones from its training images.
import Collectives
import Execution
import Foundation
import RunConfiguration
import Tensors
import Training

extension StageMaker {
    /// Gives an int8 prefix its ranges, the same on all ranks. Every rank calls it.
    ///
    /// - Parameter checkpoint: what rank 0 resumes.
    mutating func settlePrecision(_ checkpoint: Checkpoint?) throws {
        guard network.wantsRanges else { return }
        let saved = try savedComputation(checkpoint)
        if let saved, let ranges = saved.ranges {
            network.use(ranges)
            guard network.plan(to: .boundary, capacity: 1).hasAllRanges else {
                throw UserError("the checkpoint's ranges are not those of this network; keep network.unfrozen as it was")
            }
            return
        }
        let isAutomatic = configuration.network.precision == .auto
        if saved != nil, isAutomatic {
            return network.giveUpBytes()
        }
        let seed = UInt64(configuration.run.seed)
        let found = try Calibration.run(
            network.request(to: .boundary, capacity: 1), store, threads: placement.threads, communicator
        ) {
            guard let folder = preparation.data?.training else {
                let capacity = PrefixCalibrator.capacity
                return CalibrationSample(source: generatedSource(capacity: capacity), samples: Array(0..<capacity))
            }
            return CalibrationSample(
                of: folder, seed: seed, preprocessing: preparation.weights.preprocessing,
                appliesOrientation: configuration.data.exif == .apply, threads: placement.fairThreads)
        }
        network.use(found.ranges)
        let isClose = found.boundaryError <= PrefixPrecision.automaticErrorBound
        if isAutomatic, !isClose { network.giveUpBytes() }
        if communicator.isRoot {
            say(
                String(
                    format: "precision: int8 changes what frozen layers hand on by %.1f %% on %d training images; %@",
                    found.boundaryError * 100, found.images,
                    isAutomatic ? "computing them in \(network.prefixPrecision.rawValue)" : "ranges are kept with the run"))
        }
    }

    /// How the resumed run computed: rank 0 tells the others. Nil if it says nothing.
    private func savedComputation(_ checkpoint: Checkpoint?) throws -> NetworkComputation? {
        var encoded: [UInt8] = []
        if let saved = checkpoint.flatMap({ ModelMetadata(of: $0.model).computation }) {
            encoded = [UInt8](try JSONEncoder().encode(saved))
        }
        let bytes = try communicator.broadcast(encoded)
        return bytes.isEmpty ? nil : try JSONDecoder().decode(NetworkComputation.self, from: Data(bytes))
    }
}
