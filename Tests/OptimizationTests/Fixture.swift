// Reads the fixtures that make_fixtures.py wrote with torch.
import Foundation
import Testing

struct OptimizerCase: Decodable, CustomTestStringConvertible {
    struct Settings: Decodable {
        var momentum: Double?
        var nesterov: Bool?
        var betas: [Double]?
        var eps: Double?
        var alpha: Double?
        var trust: Double?

        enum CodingKeys: String, CodingKey {
            case momentum, nesterov, betas, eps, alpha
            case trust = "trust_coeff"
        }
    }
    var name: String
    var kind: String
    var rate: Double
    var decay: Double
    var settings: Settings
    var start: [Float]
    var gradients: [[Float]]
    var after: [[Float]]
    var testDescription: String { name }
}

struct ScheduleFixture: Decodable {
    struct Schedule: Decodable {
        var name: String
        var rates: [Double]
    }
    struct Clipping: Decodable {
        var maximum: Double
        var norm: Double
        var before: [Float]
        var after: [Float]
    }
    var schedules: [Schedule]
    struct Plateau: Decodable {
        var higherIsBetter: Bool
        var patience: Int
        var values: [Double]
        var rates: [Double]
    }
    var clipping: [Clipping]
    var plateaus: [Plateau]
}

func fixture<Content: Decodable>(_ name: String, as type: Content.Type = Content.self) throws -> Content {
    let url = Bundle.module.bundleURL.appending(path: "Fixtures/\(name).json")
    return try JSONDecoder().decode(type, from: Data(contentsOf: url))
}

/// Whether two numbers agree to a relative 1e-6, with as much absolute slack as numbers of size 1 have.
func agree(_ first: Double, _ second: Double) -> Bool {
    abs(first - second) <= 1e-6 * max(1, abs(second))
}
