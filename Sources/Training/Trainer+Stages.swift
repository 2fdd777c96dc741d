// Moving from one stage to the next: what was learnt is carried over by the parameters' names, as a resume does from a checkpoint.
internal import Graphs
internal import Optimization
internal import Tensors

extension Trainer {
    /// Goes on with another stage, between two updates. Every rank calls it.
    ///
    /// Trained weights, running statistics, the optimizer's state and what rounding held back are copied by name. A parameter that
    /// did not train before starts with an empty state; one that trains no longer loses it.
    ///
    /// Throws `TrainingError.ranksDisagree` if ranks move to different stages.
    package func move(to next: Stage) throws {
        try shareReplicas()
        let updater = Updater(parts, next)
        carryValues(to: next.replica)
        carryOptimizer(to: next)
        carryRests(to: updater, next.replica)
        let average = average.map { earlier in
            let average = WeightAverage(earlier.rule, of: next.replica)
            average.carry(earlier)
            return average
        }
        (stage, self.updater, self.average, frozenChecksum) = (next, updater, average, nil)
        (progress.evaluationsSinceBest, progress.plateau) = (nil, nil)
        stage.replica.weightsChanged()
        try agree()
    }

    private func carryValues(to next: any Replica) {
        let present = stage.replica
        let indices = Dictionary(uniqueKeysWithValues: present.parameters.enumerated().map { ($1.name, $0) })
        for (index, parameter) in next.parameters.enumerated() {
            guard let before = indices[parameter.name] else {
                preconditionFailure("both stages are of one network, and '\(parameter.name)' is in one alone")
            }
            let (values, target) = (present.values(of: before), next.values(of: index))
            if next.changes(index) {
                _ = target.update(fromContentsOf: values)
            } else {
                let isEqual = values.baseAddress == target.baseAddress || zip(values, target).allSatisfy(hasSameBits)
                precondition(isEqual, "the frozen '\(parameter.name)' of a stage must be what the one before left")
            }
        }
    }

    private func carryOptimizer(to next: Stage) {
        let (present, replica) = (stage.optimizer, next.replica)
        let isSameRule = present.kind.stateNames == next.optimizer.kind.stateNames
        let slots = isSameRule ? Dictionary(uniqueKeysWithValues: zip(stage.replica.trainedNames, stage.replica.slots)) : [:]
        var since = progress.trainedSince ?? [:]
        for (name, slot) in zip(replica.trainedNames, replica.slots) {
            guard let before = slots[name] else {
                since[name] = progress.step
                continue
            }
            for (old, new) in zip(present.states, next.optimizer.states) {
                _ = UnsafeMutableBufferPointer(rebasing: new.values[slot.range]).update(fromContentsOf: old.values[before.range])
            }
        }
        let trained = Set(replica.trainedNames)
        since = since.filter { trained.contains($0.key) && $0.value > 0 }
        progress.trainedSince = since.isEmpty ? nil : since
        tellOptimizer(of: next)
    }

    private func carryRests(to updater: Updater, _ next: any Replica) {
        guard !updater.rest.isEmpty else { return }
        let slots = Dictionary(uniqueKeysWithValues: zip(stage.replica.trainedNames, stage.replica.slots))
        for (name, slot) in zip(next.trainedNames, next.slots) {
            guard let before = slots[name] else { continue }
            let target = UnsafeMutableBufferPointer(rebasing: updater.rest[slot.range])
            _ = target.update(fromContentsOf: self.updater.rest[before.range])
        }
    }

    /// Tells a stage's optimizer which parameters began to train in the middle of the run.
    func tellOptimizer(of stage: Stage) {
        let since = progress.trainedSince ?? [:]
        let starts = Dictionary(
            uniqueKeysWithValues: zip(stage.replica.trainedNames, stage.replica.slots).map {
                ($1.range.lowerBound, since[$0] ?? 0)
            })
        stage.optimizer.begin { starts[$0.lowerBound] ?? 0 }
    }
}
