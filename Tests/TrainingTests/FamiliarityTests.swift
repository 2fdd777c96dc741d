// Known photographs are refused at the rate that was asked for, and others are told from them.
import Foundation
import Tensors
import Testing

@testable import Training

@Suite struct FamiliarityTests {
    /// Features around one of two directions.
    private func features(_ count: Int, width: Int, seed: UInt64, spread: Float = 0.3) -> [Float] {
        var random = CounterRandom(seed: seed, purpose: .synthetic)
        return (0..<count).flatMap { index -> [Float] in
            let feature = (0..<width).map { ($0 % 2 == index % 2 ? 1 : 0) + spread * random.normal() }
            return feature.withUnsafeBufferPointer { UnitVectors.normalized($0) }
        }
    }

    /// An odd width, so that what is left beside whole vectors counts.
    private static let width = 37

    @Test func strangersAreToldFromTheKnown() throws {
        let known = try #require(Familiarity(features: features(400, width: Self.width, seed: 1), width: Self.width))
        #expect(known.count == 400)
        func distances(_ features: [Float]) -> [Float] {
            features.withUnsafeBufferPointer { all in
                stride(from: 0, to: all.count, by: Self.width).map {
                    known.distance(to: UnsafeBufferPointer(rebasing: all[$0..<$0 + Self.width]))
                }
            }
        }
        let limit = known.limit(rate: 0.05)
        let (alike, strange) = (
            distances(features(1000, width: Self.width, seed: 2)),
            distances(features(1000, width: Self.width, seed: 3, spread: 3))
        )
        let refused = alike.count { $0 > limit }
        #expect((20...100).contains(refused), "\(refused) of 1000")
        #expect(strange.count { $0 > limit } > 990)
        #expect(known.limit(rate: 0.5) < limit)
    }

    @Test func distancesAreToTheFifthNeighbour() throws {
        let values = features(60, width: Self.width, seed: 4)
        let known = try #require(Familiarity(features: values, width: Self.width))
        let asked = Array(features(1, width: Self.width, seed: 5).map { 3 * $0 })
        let length = asked.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let cosines = (0..<60).map { row in
            asked.indices.reduce(Float(0)) { $0 + asked[$1] / length * values[row * Self.width + $1] }
        }.sorted(by: >)
        let found = asked.withUnsafeBufferPointer { known.distance(to: $0) }
        #expect(abs(found - (1 - cosines[4])) < 1e-5)
    }

    @Test func fewPhotographsTellNothing() {
        #expect(Familiarity(features: features(20, width: 8, seed: 6), width: 8) == nil)
        #expect(Familiarity(features: [], width: 0) == nil)
    }
}
