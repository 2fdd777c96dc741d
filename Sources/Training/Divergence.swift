// Finds out what is no number any more, and words it. Every rank holds the same bits, so all come to the same finding.
internal import Graphs
internal import Optimization
internal import Tensors

/// What showed that training has diverged.
package enum Divergence: Sendable, Equatable {
    /// Of the images of a step; and the largest magnitude among the trained weights, with the tensor that holds it.
    case loss(Double, largestWeight: Float, tensor: String)
    /// Of validation images.
    case evaluation(loss: Double)
    /// `count` of the `total` values of a tensor are NaN or infinite.
    case values(Kind, tensor: String, count: Int, total: Int)

    package enum Kind: String, Sendable, Equatable {
        case gradients, weights
        case statistics = "running statistics"
        case optimizer = "optimizer's averages"
    }

    func sentence(step: Int) -> String {
        switch self {
        case .loss(let loss, let largest, let tensor):
            "in step \(step) the loss became \(Self.word(loss)), and the largest weight is \(largest), in '\(tensor)'"
        case .evaluation(let loss): "after step \(step) the loss of validation images is \(Self.word(loss))"
        case .values(let kind, let tensor, let count, let total):
            "in step \(step) the \(kind.rawValue) of '\(tensor)' are no numbers any more (\(count) of \(total) are NaN or infinite)"
        }
    }

    private static func word(_ number: Double) -> String {
        number.isNaN ? "not a number" : number.isFinite ? "\(number)" : "infinite"
    }
}

extension Divergence {
    /// The first trained tensor in the order of backward whose values are not all finite: where the trouble began.
    static func inLayout(
        _ kind: Kind, of values: UnsafeMutableBufferPointer<Float>, _ replica: any Replica
    ) -> Divergence? {
        for slot in replica.slots {
            let part = UnsafeBufferPointer(rebasing: values[slot.range])
            if let found = found(kind, replica.parameters[slot.parameter].name, part) { return found }
        }
        return nil
    }

    /// What a checkpoint must not hold: weights, statistics, or the optimizer's averages.
    static func inState(_ replica: any Replica, _ optimizer: Optimizer) -> Divergence? {
        for (index, parameter) in replica.parameters.enumerated() where replica.changes(index) {
            let kind = parameter.role.isStatistic ? Kind.statistics : .weights
            if let found = found(kind, parameter.name, UnsafeBufferPointer(replica.values(of: index))) { return found }
        }
        return optimizer.states.lazy.compactMap { inLayout(.optimizer, of: $0.values, replica) }.first
    }

    /// The largest of the trained weights.
    static func ofLoss(_ loss: Double, _ replica: any Replica) -> Divergence {
        let largest = replica.slots.map { slot in
            (UnsafeBufferPointer(rebasing: replica.trained[slot.range]).largestMagnitude, replica.parameters[slot.parameter].name)
        }.max { $0.0 < $1.0 }
        return .loss(loss, largestWeight: largest?.0 ?? 0, tensor: largest?.1 ?? "")
    }

    private static func found(_ kind: Kind, _ name: String, _ values: UnsafeBufferPointer<Float>) -> Divergence? {
        values.areFinite ? nil : .values(kind, tensor: name, count: values.nonFiniteCount, total: values.count)
    }
}
