// What the processor could do at most: the measure of every kernel.
internal import CVectorLoops

/// The float32 peak of a number of threads, measured.
package enum PeakRate {
    /// GFLOP/s of multiply-adds in registers, the best of a few tries of some milliseconds. bfloat16 reaches up to twice, int8 up to
    /// four times as many on processors that multiply them natively.
    package static func measure(_ workers: Workers, clock: () -> Double) -> Double {
        let rounds = 2_000_000
        var best = 0.0
        for _ in 0..<5 {
            let start = clock()
            workers.run(workers.count) { piece in
                for _ in piece where graft_peak_loop(rounds) == 0 { preconditionFailure("the chains hold numbers above 0") }
            }
            best = max(best, graft_peak_loop_flops(rounds) * Double(workers.count) / (clock() - start) * 1e-9)
        }
        return best
    }
}
