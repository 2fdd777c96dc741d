// Telling numbers from what is none, wherever it stands in an array.
import Tensors
import Testing

@Suite struct FinitenessTests {
    @Test(arguments: [1, 7, 16, 33, 1000], [Float.nan, .infinity, -.infinity]) func oneIsEnough(_ count: Int, _ value: Float) {
        var values = (0..<count).map { Float($0) - 3 }
        values.withUnsafeBufferPointer { #expect($0.areFinite && $0.nonFiniteCount == 0) }
        for index in Set([0, count / 2, count - 1]) {
            let kept = values[index]
            values[index] = value
            values.withUnsafeBufferPointer { #expect(!$0.areFinite && $0.nonFiniteCount == 1) }
            values[index] = kept
        }
    }

    @Test func theLargestMagnitudeHasEitherSign() {
        let values: [Float] = [1, -7.5, 3]
        values.withUnsafeBufferPointer { #expect($0.largestMagnitude == 7.5) }
    }
}
