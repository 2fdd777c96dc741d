// Photographs compared by their features.
import Features
import Tensors
import Testing

@Suite struct FeatureVectorTests {
    /// Images of two values: one of two places and two channels, one of a single place.
    private func store() -> FeatureStore {
        let layout = FeatureLayout(shapes: [[1, 2, 2], [1]])
        let store = FeatureStore(layout: layout, sampleCount: 4, views: 1)
        let images: [Int: [[Float]]] = [0: [[1, 0, 3, 0], [0]], 1: [[0, 4, 0, 0], [0]], 3: [[5, 1, 5, 1], [0]]]
        for (sample, values) in images {
            values[0].withUnsafeBufferPointer { first in
                values[1].withUnsafeBufferPointer { second in
                    if let first = first.baseAddress, let second = second.baseAddress { store.keep([first, second], as: sample) }
                }
            }
        }
        return store
    }

    @Test func placesAreAveragedAndLengthsForgotten() {
        let vectors = FeatureVectors(store(), of: 0..<4)
        #expect(vectors.samples == [0, 1, 3] && vectors.length == 3)
        #expect(Array(vectors[0]) == [1, 0, 0] && Array(vectors[1]) == [0, 1, 0])
        let nearest = vectors.nearest(to: vectors[0], without: 0, 2)
        #expect(nearest.map(\.sample) == [3, 1] && nearest[1].likeness == 0)
        #expect(abs(nearest[0].likeness - 5 / Float(26).squareRoot()) < 1e-6)
        #expect(vectors.vector(of: 2) == nil && vectors.vector(of: 3).map { $0.count } == 3)
    }
}
