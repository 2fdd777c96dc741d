// Intervals of cross-validations: quantiles from tables, the width from Nadeau and Bengio's formula.
import Testing

@testable import Training

@Suite struct ResampledMeanTests {
    @Test(arguments: [(1, 12.706205), (2, 4.302653), (4, 2.776445), (9, 2.262157), (49, 2.009575), (999, 1.962341)])
    func quantilesAreStudents(_ freedom: Int, _ quantile: Double) {
        #expect(abs(ResampledMean.quantile(of: freedom) - quantile) < 1e-6)
    }

    @Test func intervalsKnowThatTrainingSetsOverlap() {
        let found = ResampledMean([0.9, 0.92, 0.94, 0.88, 0.91], heldShare: 0.25)
        #expect(abs(found.mean - 0.91) < 1e-12 && abs(found.deviation - 0.0223606797749979) < 1e-12)
        // 2.776445 · √(0.0005 · (1/5 + 1/4)).
        #expect(abs(found.high - found.mean - 0.0416466) < 1e-6 && abs(found.mean - found.low - 0.0416466) < 1e-6)
        #expect(ResampledMean([1, 1, 1], heldShare: 1).high == 1 && ResampledMean([0.5], heldShare: 1).low == 0)
    }
}
