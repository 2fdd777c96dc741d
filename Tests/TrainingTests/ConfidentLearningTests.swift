// Suspect labels: those that confident probabilities contradict.
import Testing

@testable import Training

@Suite struct ConfidentLearningTests {
    /// Two classes told well, an image that nobody can tell, and two wrong labels.
    @Test func confidentContradictionsAreSuspects() {
        let sure = (0..<20).map { index in index < 10 ? [Float(0.95), 0.05] : [0.04, 0.96] }
        let probabilities = sure + [[0.45, 0.55], [0.03, 0.97], [0.9, 0.1], []]
        let labels = (0..<20).map { $0 < 10 ? 0 : 1 } + [0, 0, 1, 0]
        let found = ConfidentLearning.suspects(probabilities, labels: labels)
        #expect(found.map(\.sample) == [21, 22] && found.map(\.looksLike) == [1, 0])
        #expect(abs(found[0].score - 0.97) < 1e-6)
        #expect(ConfidentLearning.suspects([], labels: []).isEmpty)
        #expect(ConfidentLearning.suspects([[1]], labels: [0]).isEmpty)
    }
}
