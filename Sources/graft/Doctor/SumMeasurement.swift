// How fast this job's ranks sum, alone and beside computing. Every rank runs the same measurement.
import Collectives
import Foundation
import Tensors

/// What sums of one bucket size cost between these ranks.
struct SumMeasurement: Encodable {
    /// The way of the sums.
    var algorithm: String
    /// The size of one sum.
    var bytes: Int
    /// How many sums a repetition starts.
    var sums: Int
    /// One sum alone, the median over repetitions.
    var secondsAlone: Double
    /// A computing loop with no sum under way.
    var computingSeconds: Double
    /// The same loop with the sums started evenly through it, waited for at its end.
    var togetherSeconds: Double
    /// Processor time that the sums added to the loop, of all threads of the rank.
    var addedProcessorSeconds: Double

    /// The share of the sums' time alone that the loop hid, 0…1.
    var hiddenShare: Double {
        let alone = secondsAlone * Double(sums)
        return alone > 0 ? min(1, max(0, 1 - (togetherSeconds - computingSeconds) / alone)) : 1
    }

    /// Bytes of gradients summed per second, alone.
    var bytesPerSecond: Double { secondsAlone > 0 ? Double(bytes) / secondsAlone : 0 }
}

/// Measures sums of different sizes over one communicator.
final class SumBench {
    private let communicator: any Communicator
    private let repetitions: Int
    private var workload = ComputingLoop()

    init(communicator: any Communicator, repetitions: Int) {
        self.communicator = communicator
        self.repetitions = repetitions
    }

    /// Measures `sums` sums of `bytes` bytes, alone and beside `computingSeconds` of computing in `slices` steps.
    func measure(bytes: Int, sums: Int, computingSeconds: Double, slices: Int) throws -> SumMeasurement {
        let buckets = (0..<sums).map { _ in AlignedBuffer(byteCount: bytes) }
        let plan = Rehearsal(
            buckets: buckets, slices: slices, iterations: try agreedIterations(for: computingSeconds / Double(slices)))
        // Interleaved, so that a busy moment of the machine does not fall on one kind alone.
        var samples: [[Sample]] = [[], [], []]
        for _ in 0..<(repetitions + 1) {
            for (kind, (computes, sums)) in [(true, false), (false, true), (true, true)].enumerated() {
                samples[kind].append(try rehearse(plan, computes: computes, sums: sums))
            }
        }
        let best = samples.map { $0.dropFirst() }.map {
            Sample(wall: median($0.map(\.wall)), processor: median($0.map(\.processor)))
        }
        return SumMeasurement(
            algorithm: communicator.algorithm.rawValue, bytes: bytes, sums: sums, secondsAlone: best[1].wall / Double(sums),
            computingSeconds: best[0].wall,
            togetherSeconds: best[2].wall, addedProcessorSeconds: max(0, best[2].processor - best[0].processor))
    }

    private struct Rehearsal {
        var buckets: [AlignedBuffer]
        var slices: Int
        var iterations: Int
    }

    private struct Sample {
        var wall: Double
        var processor: Double
    }

    /// One pass: a stand-in for a backward pass that computes in slices and starts a bucket as it fills.
    private func rehearse(_ plan: Rehearsal, computes: Bool, sums: Bool) throws -> Sample {
        try communicator.barrier()
        let wall = monotonicNanoseconds()
        let processor = processorSeconds()
        var tickets: [SumTicket] = []
        for slice in 1...plan.slices {
            if computes { workload.run(iterations: plan.iterations) }
            while sums && tickets.count < slice * plan.buckets.count / plan.slices {
                tickets.append(try communicator.startSum(plan.buckets[tickets.count].floats))
            }
            try communicator.progress()
        }
        for ticket in tickets { try communicator.wait(ticket) }
        return Sample(wall: Double(monotonicNanoseconds() - wall) * 1e-9, processor: processorSeconds() - processor)
    }

    /// How many iterations take `seconds`, the same number on every rank.
    private func agreedIterations(for seconds: Double) throws -> Int {
        var iterations = 64
        var elapsed = 0.0
        while elapsed < 0.02 {
            iterations *= 2
            let start = monotonicNanoseconds()
            workload.run(iterations: iterations)
            elapsed = Double(monotonicNanoseconds() - start) * 1e-9
        }
        let own = seconds * Double(iterations) / elapsed
        return max(1, Int(try communicator.sum([own])[0] / Double(communicator.size)))
    }
}

/// Arithmetic on a few kilobytes: it takes a core and no memory bandwidth.
private struct ComputingLoop {
    private var values = [Float](repeating: 1, count: 1024)

    mutating func run(iterations: Int) {
        values.withUnsafeMutableBufferPointer { values in
            for _ in 0..<iterations {
                for index in values.indices { values[index] = values[index] * 0.999 + 0.5 }
            }
        }
    }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
}

/// The processor time of all threads of this process so far.
private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
