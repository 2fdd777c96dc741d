// Measures how far the values of a frozen prefix reach, by running it in float32 over a sample of images.
import Graphs
import Kernels
import Tensors

/// Runs a prefix in float32 and keeps a histogram of each of its values; then holds the prefix in bytes against it.
package final class PrefixCalibrator {
    /// Images a run: fixed, for a kernel may round otherwise in larger batches.
    package static let capacity = 8

    private let request: PlanRequest
    private let program: Program
    private let threads: Int
    private let store: ParameterStore
    private var histograms: [String: MagnitudeHistogram] = [:]
    /// What the prefix handed on, value after value of each pass.
    private var results: [Float] = []

    /// - Parameter request: of the network whose prefix is meant; its entry, exit, capacity and precisions do not matter.
    package init(_ request: PlanRequest, _ store: ParameterStore, threads: Int) throws {
        var wanted = request
        (wanted.entry, wanted.capacity, wanted.cacheBytes) = (.images, Self.capacity, nil)
        // Where nothing trains, everything is prefix.
        wanted.exit = Regions(request.graph, request.trainability).boundary.isEmpty ? .logits : .boundary
        (wanted.prefixPrecision, wanted.suffixPrecision) = (.float32, .float32)
        self.request = wanted
        self.store = store
        self.threads = threads
        program = try Self.program(wanted, store, threads: threads)
    }

    private static func program(_ request: PlanRequest, _ store: ParameterStore, threads: Int) throws -> Program {
        let plan = Planner.plan(request)
        return try Program(plan, try ProgramResources(store: store, threads: threads, arenaBytes: plan.arenaBytes))
    }

    /// Takes up images, `[count, H, W, 3]` with room for `capacity`.
    package func observe(_ images: UnsafeMutablePointer<Float>, count: Int) {
        program.forward(PassInput(entries: [UnsafeMutableRawPointer(images)], count: count)) { value, numbers in
            let size = value.shape.count
            for image in 0..<count {
                histograms[value.name, default: MagnitudeHistogram()].add(
                    numbers + image * size, count: size, stride: Self.stride(size))
            }
        }
        for (index, value) in program.plan.exitValues.enumerated() {
            let numbers = program.plan.values[value].shape.count * count
            results.append(contentsOf: UnsafeBufferPointer(start: program.exitValue(index), count: numbers))
        }
    }

    /// The largest magnitude that each value has taken.
    package var largest: [String: Float] { histograms.mapValues(\.largest) }

    /// How often which magnitudes came, in bins that hold these largest ones, value after value in the order of their names: whole
    /// numbers, so that the counts of several calibrators can be added in any order.
    package func counts(reaching largest: [String: Float]) -> [Double] {
        for (name, magnitude) in largest { histograms[name, default: MagnitudeHistogram()].reach(magnitude) }
        return histograms.sorted { $0.key < $1.key }.flatMap { $0.value.counts.map(Double.init) }
    }

    /// Takes the sums of several calibrators' `counts(reaching:)`.
    package func take(_ counts: [Double]) {
        for (index, name) in histograms.keys.sorted().enumerated() {
            let bins = counts[index * MagnitudeHistogram.binCount..<(index + 1) * MagnitudeHistogram.binCount]
            histograms[name]?.take(bins.map { UInt32($0) })
        }
    }

    /// Some ten thousand numbers of an image are enough. The stride has no factor in common with usual numbers of channels.
    private static func stride(_ count: Int) -> Int {
        var stride = max(1, count / 16384)
        while stride > 1
            && (stride.isMultiple(of: 2) || stride.isMultiple(of: 3) || stride.isMultiple(of: 5) || stride.isMultiple(of: 7))
        {
            stride += 1
        }
        return stride
    }

    /// The clipping of every value, by its smallest mean squared error.
    package func ranges() -> QuantizationRanges {
        let plan = Planner.plan(quantized(nil))
        var levels: [String: Float] = [:]
        for value in plan.values where value.type.isQuantized {
            // A copy is named after its original and its type.
            let suffix = "·\(value.type)"
            let name = value.name.hasSuffix(suffix) ? String(value.name.dropLast(suffix.count)) : value.name
            levels[name] = value.type.largestInteger
        }
        // What is always zero may stand for anything.
        return QuantizationRanges(
            limits: histograms.reduce(into: [:]) { limits, entry in
                guard let levels = levels[entry.key] else { return }
                let limit = entry.value.bestLimit(levels: levels)
                limits[entry.key] = limit > 0 ? limit : 1
            })
    }

    /// The prefix with these ranges, to be held against what was observed.
    package func comparison(_ ranges: QuantizationRanges) throws -> PrefixComparison {
        PrefixComparison(exact: results, rounded: try Self.program(quantized(ranges), store, threads: threads))
    }

    private func quantized(_ ranges: QuantizationRanges?) -> PlanRequest {
        var wanted = request
        (wanted.prefixPrecision, wanted.ranges) = (.int8, ranges)
        return wanted
    }
}

/// How far what a prefix hands on is from what it hands on in float32.
package struct PrefixComparison {
    private let exact: [Float]
    private let rounded: Program
    private var position = 0

    init(exact: [Float], rounded: Program) { (self.exact, self.rounded) = (exact, rounded) }

    /// Takes up images: the same in the same passes as the calibrator has observed.
    ///
    /// Returns ‖rounded − exact‖² and ‖exact‖² over them.
    package mutating func add(_ images: UnsafeMutablePointer<Float>, count: Int) -> (difference: Double, length: Double) {
        var (difference, length) = (0.0, 0.0)
        rounded.forward(PassInput(entries: [UnsafeMutableRawPointer(images)], count: count))
        for (index, value) in rounded.plan.exitValues.enumerated() {
            let numbers = rounded.plan.values[value].shape.count * count
            precondition(position + numbers <= exact.count, "only what was observed can be compared")
            let values = rounded.exitValue(index)
            for element in 0..<numbers {
                let expected = Double(exact[position + element])
                let distance = Double(values[element]) - expected
                difference += distance * distance
                length += expected * expected
            }
            position += numbers
        }
        return (difference, length)
    }
}
