// The section `schedule`.

extension RunConfiguration {
    /// How the learning rate moves.
    package struct Schedule: Sendable, Equatable {
        package var kind = ScheduleKind.cosine
        /// Updates over which the rate rises linearly to what it should be.
        package var warmupSteps = 0
        /// For `step`: lowered after every so many epochs.
        package var stepEpochs: Int?
        /// For `step`, instead: lowered once this many epochs are done, for each of them.
        package var milestones: [Int]?
        /// For `plateau`: evaluations without an improvement that it waits for.
        package var patience = 10
        /// For `step`, `exponential` and `plateau`: the factor on the rate each time, for `exponential` after every epoch.
        package var gamma = 0.1
        /// For `cosine` and `polynomial`: the rate at the end.
        package var finalRate = 0.0
        /// For `polynomial`: the exponent.
        package var power = 1.0
        /// For `one_cycle`: the share of the updates in which the rate rises.
        package var rise = 0.3
    }

    /// The shape of the schedule after warm-up.
    package enum ScheduleKind: String, Sendable, CaseIterable {
        case constant
        case step
        case cosine
        case polynomial
        case exponential
        case oneCycle = "one_cycle"
        case plateau
    }
}

extension RunConfiguration.ScheduleKind: Choice {}

extension RunConfiguration.Schedule: Section {
    static var keys: [Key<Self>] {
        [
            Key("kind", \.kind),
            Key("warmup_steps", \.warmupSteps, .from(0, to: Int.mostSteps)),
            Key("step_epochs", \.stepEpochs, .from(1, to: Int.mostSteps)),
            Key("milestones", \.milestones, .ascendingFromOne),
            Key("patience", \.patience, .from(0, to: Int.mostEpochs)),
            Key("gamma", \.gamma, .check("above 0 and at most 1") { $0 > 0 && $0 <= 1 }),
            Key("final_rate", \.finalRate, .atLeast(0)),
            Key("power", \.power, .above(0)),
            Key("rise", \.rise, .between(0, and: 1)),
        ]
    }

    var contradictions: [Finding] {
        var found: [Finding] = []
        if kind == .step, (stepEpochs == nil) == (milestones == nil) {
            found.append(Finding(key: ["kind"], message: "schedule.kind: step needs either step_epochs or milestones"))
        }
        let stepKeys = [("step_epochs", stepEpochs != nil), ("milestones", milestones != nil)]
        for (name, isSet) in stepKeys where isSet && kind != .step {
            found.append(Finding(key: [name], message: "schedule.\(name) needs kind: step, it is \(kind.rawValue)"))
        }
        if finalRate > 0, kind != .cosine, kind != .polynomial {
            found.append(
                Finding(
                    key: ["final_rate"], message: "schedule.final_rate needs kind: cosine or polynomial, it is \(kind.rawValue)"))
        }
        if warmupSteps > 0, kind == .oneCycle {
            found.append(
                Finding(key: ["warmup_steps"], message: "schedule.warmup_steps: kind one_cycle has its own rise (schedule.rise)"))
        }
        return found
    }
}
