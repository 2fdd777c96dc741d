// Curves and areas equal scikit-learn's (Fixtures/make_ranking.py), ties included.
import Foundation
@testable import Reporting
import Testing
@testable import Training

@Suite struct RankingTests {
    private struct Fixture: Decodable {
        struct Pair: Decodable {
            let scores: [Float], truths: [Bool], area, precision: Double, fpr, tpr: [Double]
        }
        struct Several: Decodable {
            let scores: [[Float]], labels: [Int], macroArea, macroPrecision, microArea, microPrecision: Double
        }
        let pair: Pair, several: Several

        static func read() throws -> Fixture {
            try JSONDecoder().decode(
                Fixture.self, from: Data(contentsOf: Bundle.module.bundleURL.appending(path: "Fixtures/ranking.json")))
        }
    }

    private func ranked(_ scores: [Float], _ truths: [Bool]) -> RankedScores {
        var ranked = RankedScores(positives: zip(scores, truths).filter(\.1).map(\.0))
        for (score, truth) in zip(scores, truths) where !truth { ranked.add(negative: score) }
        return ranked
    }

    private func isNear(_ one: Double?, _ other: Double) -> Bool { one.map { abs($0 - other) < 1e-12 } ?? false }

    private func evaluation(_ scores: [[Float]], _ labels: [Int]) -> Evaluation {
        Evaluation(
            classes: scores[0].indices.map { "class \($0)" },
            predictions: zip(scores, labels).enumerated().map { sample, image in
                SamplePrediction(
                    sample: sample, label: image.1, predicted: image.0.indices.max { image.0[$0] < image.0[$1] } ?? 0, loss: 1,
                    probabilities: image.0)
            }, unreadable: [], paths: labels.map { "\($0).jpg" })
    }

    @Test func twoClassesAsScikitLearn() throws {
        let known = try Fixture.read().pair
        let ranked = ranked(known.scores, known.truths)
        #expect(isNear(ranked.receiverOperatingArea, known.area) && isNear(ranked.averagePrecision, known.precision))
        // Its points that are no corners lie on lines between ours.
        let corners = ranked.receiverOperating
        for (x, y) in zip(known.fpr, known.tpr) {
            let isOnCurve = zip(corners, corners.dropFirst()).contains { from, to in
                let across = (to.x - from.x) * (y - from.y) - (to.y - from.y) * (x - from.x)
                return abs(across) < 1e-12 && from.x...to.x ~= x && from.y...to.y ~= y
            }
            #expect(isOnCurve, "(\(x), \(y))")
        }
        let curves = RankCurves(evaluation(known.scores.map { [1 - $0, $0] }, known.truths.map { $0 ? 1 : 0 }))
        #expect(isNear(curves.curve?.receiverOperatingArea, known.area) && curves.curve?.name == "class 1")
    }

    @Test func meansOverClassesAsScikitLearn() throws {
        let known = try Fixture.read().several
        let curves = RankCurves(evaluation(known.scores, known.labels))
        #expect(isNear(curves.macroArea, known.macroArea) && isNear(curves.macroPrecision, known.macroPrecision))
        let points = try #require(curves.curve?.receiverOperating)
        #expect(zip(points, points.dropFirst()).allSatisfy { $0.x <= $1.x && $0.y <= $1.y } && points.last?.y == 1)
    }

    /// Classes beyond those of the fixture have no images and the lowest scores, which changes the ranking of none of the others.
    @Test func manyClassesAreRankedTogether() throws {
        let known = try Fixture.read().several
        let all = RankCurves.pooled(evaluation(known.scores, known.labels))
        #expect(isNear(all.receiverOperatingArea, known.microArea) && isNear(all.averagePrecision, known.microPrecision))
        let wide = known.scores.map { $0 + [Float](repeating: -1, count: Evaluation.fewClasses) }
        let curves = RankCurves(evaluation(wide, known.labels))
        #expect(curves.curve?.name == "all answers together")
        #expect(isNear(curves.curve?.averagePrecision, known.microPrecision) && isNear(curves.macroArea, known.macroArea))
    }

    @Test func averagePrecisionIsTheOneOfLabels() throws {
        let known = try Fixture.read().pair
        let ofLabels = try #require(LabelMetrics(scores: known.scores, truths: known.truths).averagePrecision)
        #expect(isNear(ranked(known.scores, known.truths).averagePrecision, ofLabels))
    }

    @Test func oneClassAloneHasNoCurve() {
        let curves = RankCurves(evaluation([[0.9, 0.1], [0.8, 0.2]], [0, 0]))
        #expect(curves.curve == nil && curves.html.contains("no curves"))
        #expect(ranked([0.5], [true]).receiverOperatingArea == nil && ranked([0.5], [false]).averagePrecision == nil)
    }

    /// Wilson's interval by hand: for 0 of 10 from 0 to z² / (10 + z²), for 50 of 100 as far below a half as above it.
    @Test func sharesHaveTheirIntervals() {
        let (half, none) = (ShareInterval(0.5, of: 100), ShareInterval(0, of: 10))
        #expect(abs(half.low - 0.403_831_5) < 1e-6 && abs(half.high - 0.596_168_5) < 1e-6)
        #expect(none.low == 0 && abs(none.high - 0.277_532_8) < 1e-6)
    }

    /// Points around the origin that are 3 wide one way, 2 another, and 0.1 a third, turned out of the axes.
    @Test func thePlaneIsThatOfMostVariance() {
        var (x, y, turned): ([Double], [Double], [Float]) = ([], [], [])
        for index in 0..<200 {
            let place = Double(index)
            let (a, b, c) = (3 * sin(place * 1.7), 2 * cos(place * 2.9), 0.1 * sin(place * 5.3))
            x.append(a)
            y.append(b)
            turned.append(Float(0.6 * a - 0.8 * b + 5))
            turned.append(Float(0.8 * a + 0.6 * b))
            turned.append(Float(c - 7))
        }
        let plane = PrincipalPlane(turned, width: 3)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let (middleX, middleY) = (mean(x), mean(y))
        var worst = 0.0
        for (index, point) in plane.points.enumerated() {
            worst = max(worst, abs(abs(point.x) - abs(x[index] - middleX)))
            worst = max(worst, abs(abs(point.y) - abs(y[index] - middleY)))
        }
        #expect(worst < 0.1 && plane.share > 0.99, "\(worst) \(plane.share)")
        #expect(PrincipalPlane(turned, width: 3).points.map(\.x) == plane.points.map(\.x))
    }
}
