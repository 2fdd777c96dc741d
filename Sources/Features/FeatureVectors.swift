// Features as short vectors, by which photographs are compared.
internal import Foundation
internal import Tensors

/// Vectors of length 1 of some images: their features, each averaged over its places, one behind the other.
package struct FeatureVectors {
    /// The images whose features there are.
    package private(set) var samples: [Int] = []
    /// `[samples, length]`.
    package private(set) var values: [Float] = []
    /// Numbers of one image.
    package let length: Int

    /// Reads the first view of each of the images.
    package init(_ store: FeatureStore, of wanted: some Sequence<Int>) {
        let shapes = store.layout.shapes
        let rooms = shapes.map { AlignedBuffer(floatCount: $0.count) }
        length = shapes.reduce(0) { $0 + $1[$1.rank - 1] }
        var vector: [Float] = []
        for sample in wanted
        where store.gather(store.index(sample: sample, view: 0), into: rooms.map(\.base), position: 0) {
            vector.removeAll(keepingCapacity: true)
            for (shape, room) in zip(shapes, rooms) { vector += Self.mean(room.floats, channels: shape[shape.rank - 1]) }
            values += vector.withUnsafeBufferPointer(UnitVectors.normalized)
            samples.append(sample)
        }
    }

    /// Vectors that there are already, `[samples, length]`.
    package init(samples: [Int], values: [Float], length: Int) {
        precondition(values.count == samples.count * length, "an image has one vector")
        (self.samples, self.values, self.length) = (samples, values, length)
    }

    /// The vector of the n-th of `samples`.
    package subscript(index: Int) -> ArraySlice<Float> { values[index * length..<(index + 1) * length] }

    /// An image's vector, if it is there.
    package func vector(of sample: Int) -> ArraySlice<Float>? { samples.firstIndex(of: sample).map { self[$0] } }

    /// The images whose vectors' cosines with this one are the largest, `left` excepted.
    package func nearest(to vector: ArraySlice<Float>, without left: Int?, _ count: Int) -> [(sample: Int, likeness: Float)] {
        precondition(vector.count == length, "vectors that are compared are of one length")
        let found = vector.withUnsafeBufferPointer { own in
            samples.indices.filter { samples[$0] != left }.map { index in
                (sample: samples[index], likeness: self[index].withUnsafeBufferPointer { UnitVectors.dot(own, $0) })
            }
        }
        return Array(found.sorted { $0.likeness > $1.likeness }.prefix(count))
    }

    private static func mean(_ values: UnsafeMutableBufferPointer<Float>, channels: Int) -> [Float] {
        var sums = [Float](repeating: 0, count: channels)
        for start in stride(from: 0, to: values.count, by: channels) {
            for channel in 0..<channels { sums[channel] += values[start + channel] }
        }
        let places = Float(values.count / channels)
        return sums.map { $0 / places }
    }
}
