// The average of the weights over a run's updates or its last epochs, which often classifies better than the last weights do.
internal import Foundation
internal import Graphs
internal import Tensors

/// What is averaged.
package enum AverageRule: Sendable, Equatable {
    /// The weights after every update, each new one with a share of 1 − decay, as torch's `get_ema_multi_avg_fn`. With a warm-up the
    /// decay is at most 1 − (1 + t)^(−2/3) after t updates, as timm's `ModelEmaV3`: early weights are soon forgotten.
    case exponential(decay: Double, warmsUp: Bool)
    /// The weights at the end of each of the run's last epochs, all alike, as torch's `get_swa_multi_avg_fn`.
    case lastEpochs(Int)

    /// The share of the next weights, once `count` have been taken in.
    func share(after count: Int) -> Double {
        guard count > 0 else { return 1 }
        switch self {
        case .exponential(let decay, let warmsUp):
            return 1 - (warmsUp ? min(decay, 1 - pow(1 + Double(count), -2.0 / 3)) : decay)
        case .lastEpochs: return 1 / Double(count + 1)
        }
    }
}

/// The average of what a stage changes: trained weights and running statistics.
final class WeightAverage {
    let rule: AverageRule
    /// How many sets of weights it has taken in.
    private(set) var count = 0
    private let replica: any Replica
    private let trained: AlignedBuffer
    private let statistics: AlignedBuffer

    init(_ rule: AverageRule, of replica: any Replica) {
        (self.rule, self.replica) = (rule, replica)
        trained = AlignedBuffer(floatCount: replica.trained.count)
        statistics = AlignedBuffer(floatCount: replica.statistics.count)
    }

    /// Both halves, beside those of the replica.
    private var pairs: [(average: UnsafeMutableBufferPointer<Float>, present: UnsafeMutableBufferPointer<Float>)] {
        [(trained.floats, replica.trained), (statistics.floats, replica.statistics)]
    }

    /// Takes in the present weights.
    func add() {
        let share = Float(rule.share(after: count))
        for (average, present) in pairs {
            guard count > 0 else {
                _ = average.update(fromContentsOf: present)
                continue
            }
            for index in average.indices { average[index] += share * (present[index] - average[index]) }
        }
        count += 1
    }

    /// Average and weights change places.
    func exchange() {
        for (average, present) in pairs {
            for index in average.indices { swap(&average[index], &present[index]) }
        }
        replica.weightsChanged()
    }

    /// The average of a parameter that the stage changes.
    func values(of parameter: Int) -> UnsafeMutableBufferPointer<Float> {
        let own = replica.values(of: parameter)
        for (average, present) in pairs {
            guard let base = own.baseAddress, let start = present.baseAddress else { continue }
            let offset = base - start
            if offset >= 0, offset + own.count <= present.count {
                return UnsafeMutableBufferPointer(rebasing: average[offset..<offset + own.count])
            }
        }
        preconditionFailure("'\(replica.parameters[parameter].name)' does not train, so it has no average")
    }

    /// Goes on where an earlier stage's average stopped; what did not train before begins with its present values.
    func carry(_ earlier: WeightAverage) {
        guard earlier.count > 0 else { return }
        let indices = Dictionary(uniqueKeysWithValues: earlier.replica.parameters.enumerated().map { ($1.name, $0) })
        for (index, parameter) in replica.parameters.enumerated() where replica.changes(index) {
            let before = indices[parameter.name].flatMap { earlier.replica.changes($0) ? earlier.values(of: $0) : nil }
            _ = values(of: index).update(fromContentsOf: before ?? replica.values(of: index))
        }
        count = earlier.count
    }

    /// Goes on from a checkpoint's: `read` fills in a parameter's average.
    func restore(count: Int, _ read: (_ parameter: Int, UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
        for index in replica.parameters.indices where replica.changes(index) { try read(index, values(of: index)) }
        self.count = count
    }

    /// Makes the average the same on all ranks: `share` gives a half what rank 0, or the mean over ranks, has.
    func share(_ share: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
        for (average, _) in pairs { try share(average) }
    }

    /// The averages of running statistics.
    var runningStatistics: UnsafeMutableBufferPointer<Float> { statistics.floats }
}
