// Where the feature cache goes, from bytes alone.
import PlanReports
import Testing

struct FeatureDecisionTests {
    private func circumstances(_ change: (inout FeatureCircumstances) -> Void = { _ in }) -> FeatureCircumstances {
        var given = FeatureCircumstances()
        given.bytesPerImage = 1000
        given.trainingImages = 600
        given.validationImages = 400
        given.epochs = 5
        given.evaluations = 5
        given.freeMemoryBytes = 10_000_000
        given.freeDiskBytes = 100_000_000
        change(&given)
        return given
    }

    private func decide(_ change: (inout FeatureCircumstances) -> Void = { _ in }) -> FeatureDecision {
        FeatureDecision(circumstances(change))
    }

    @Test func autoTakesMemoryThenDiskThenNothing() {
        let memory = decide()
        #expect(memory.place == .memory && memory.training && memory.validation && memory.bytes == 1_000_000)
        #expect(decide { $0.freeMemoryBytes = 1_999_999 }.place == .disk)
        let off = decide { ($0.freeMemoryBytes, $0.freeDiskBytes) = (1_999_999, 1_999_999) }
        #expect(off.place == .off && !off.training && !off.validation && off.text[0].contains("more than half"))
        #expect(decide { ($0.freeMemoryBytes, $0.freeDiskBytes) = (0, nil) }.place == .off)
        #expect(decide { $0.isOnDisk = true }.place == .disk)
    }

    @Test func autoNeverChangesWhatIsLearned() {
        let augmented = decide { $0.augments = true }
        #expect(augmented.place == .memory && !augmented.training && augmented.validation && augmented.fixedViews == nil)
        #expect(augmented.bytes == 400_000 && augmented.text.contains { $0.contains("Training is not cached") })
        let views = decide { ($0.augments, $0.views) = (true, 4) }
        #expect(views.training && views.fixedViews == 4 && views.bytes == 2_800_000)
        // Views without augmentation are one view.
        #expect(decide { $0.views = 4 }.bytes == 1_000_000)
        #expect(decide { ($0.wanted, $0.views, $0.augments) = (.off, 4, true) }.fixedViews == 4)
    }

    @Test func autoKeepsNothingThatIsUsedOnce() {
        let once = decide { ($0.epochs, $0.evaluations) = (1, 1) }
        #expect(once.place == .off && once.text[0].contains("seen twice"))
        #expect(!decide { ($0.augments, $0.views) = (true, 5) }.training)
        #expect(decide { ($0.epochs, $0.evaluations, $0.isOnDisk) = (1, 1, true) }.training)
    }

    @Test func wordsAreFollowed() {
        for place in [FeaturePlace.memory, .disk] {
            let decision = decide { ($0.wanted, $0.augments, $0.freeMemoryBytes, $0.freeDiskBytes) = (place, true, 0, 0) }
            #expect(decision.place == place && decision.training && decision.fixedViews == 1)
            #expect(decision.text.last?.contains("same one random view") == true)
        }
        #expect(decide { $0.wanted = .off }.place == .off)
        let all = decide { ($0.wanted, $0.hasPrefix) = (.memory, false) }
        #expect(all.place == .off && all.text[0].contains("no frozen layer"))
    }
}
