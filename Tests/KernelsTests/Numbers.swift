// What the kernels' tests share: numbers from a seed, and gradients by difference quotients.
import Foundation
import Kernels
import TestSupport
import Tensors

/// Numbers that look random and are the same in every run.
struct Numbers {
    private var random: CounterRandom

    init(seed: Int) { random = CounterRandom(seed: 17, index: seed, purpose: .initialization) }

    /// Numbers between −1 and 1.
    mutating func list(_ count: Int) -> [Float] { (0..<count).map { _ in random.uniform(-1, 1) } }

    /// Numbers between two bounds.
    mutating func list(_ count: Int, _ low: Float, _ high: Float) -> [Float] {
        (0..<count).map { _ in random.uniform(low, high) }
    }
}

/// Σ a · b in double precision: with fixed `b` a loss whose gradient with respect to `a` is `b`.
func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }

/// How far a gradient is from central difference quotients of `loss`, relative to its length, over about `probes` of the coordinates.
func gradientError(
    _ gradient: [Float], at point: [Float], step: Float = 1e-2, probes: Int = 40, loss: ([Float]) -> Double
) -> Double {
    let indices = stride(from: 0, to: point.count, by: max(1, point.count / probes))
    let measured = indices.map { index in
        var (above, below) = (point, point)
        above[index] += step
        below[index] -= step
        return (loss(above) - loss(below)) / Double(above[index] - below[index])
    }
    return relativeDifference(indices.map { Double(gradient[$0]) }, measured)
}

/// The number of workers that kernels are tried with.
let workerCounts = [1, 3]

extension Activation? {
    /// The function itself, in double precision.
    func reference(_ x: Double) -> Double {
        switch self {
        case nil: x
        case .relu: max(x, 0)
        case .relu6: min(max(x, 0), 6)
        case .silu: x / (1 + exp(-x))
        case .sigmoid: 1 / (1 + exp(-x))
        case .hardSwish: x * min(max(x + 3, 0), 6) / 6
        case .hardSigmoid: min(max(x + 3, 0), 6) / 6
        case .gelu: x * (1 + erf(x / 2.0.squareRoot())) / 2
        }
    }

    /// Its derivative.
    func referenceSlope(_ x: Double) -> Double {
        let sigmoid = 1 / (1 + exp(-x))
        return switch self {
        case nil: 1
        case .relu: x > 0 ? 1 : 0
        case .relu6: x > 0 && x < 6 ? 1 : 0
        case .silu: sigmoid * (1 + x * (1 - sigmoid))
        case .sigmoid: sigmoid * (1 - sigmoid)
        case .hardSwish: x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6
        case .hardSigmoid: abs(x) < 3 ? 1.0 / 6 : 0
        case .gelu: (1 + erf(x / 2.0.squareRoot())) / 2 + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
        }
    }

    static let all: [Activation?] = [nil] + Activation.allCases
}

/// Numbers at an address that stays, as kernels want them.
final class Floats {
    private let buffer: AlignedBuffer
    private let count: Int

    init(_ values: [Float]) {
        (buffer, count) = (AlignedBuffer(floatCount: values.count), values.count)
        for (index, value) in values.enumerated() { pointer[index] = value }
    }

    convenience init(zeros count: Int) { self.init([Float](repeating: 0, count: count)) }

    var pointer: UnsafeMutablePointer<Float> { buffer.base.assumingMemoryBound(to: Float.self) }
    var activations: Activations { Activations(buffer.base, .float32) }
    var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
