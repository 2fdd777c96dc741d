// Folds: each sample is held out once, classes evenly, groups whole, and nothing depends on anything but the arguments.
import Testing

@testable import ImageData

@Suite struct FoldsTests {
    private let labels = (0..<97).map { $0 % 10 == 0 ? 1 : 0 }

    @Test(arguments: [2, 3, 5, 10]) func classesAreSpreadEvenly(_ count: Int) {
        let folds = Folds(count, labels: labels, seed: 3)
        var seen: [Int] = []
        for fold in 0..<count {
            let parts = folds.parts(fold)
            seen += parts.held
            #expect(parts.training.count + parts.held.count == labels.count)
            #expect(abs(parts.held.count - labels.count / count) <= 1)
            #expect(abs(parts.held.count { labels[$0] == 1 } - 10 / count) <= 1)
        }
        #expect(seen.sorted() == Array(labels.indices))
        #expect(folds == Folds(count, labels: labels, seed: 3))
        #expect(folds != Folds(count, labels: labels, seed: 4) && folds != Folds(count, labels: labels, seed: 3, round: 1))
    }

    @Test func groupsStayTogether() {
        let groups = labels.indices.map { "group \($0 / 4)" }
        let folds = Folds(5, labels: labels, groups: groups, seed: 1)
        for fold in 0..<5 {
            let parts = folds.parts(fold)
            #expect(Set(parts.held.map { groups[$0] }).isDisjoint(with: parts.training.map { groups[$0] }))
            #expect(
                (16...24).contains(parts.held.count) && (1...3).contains(parts.held.count { labels[$0] == 1 }),
                "\(parts.held.count)")
        }
    }
}
