// The processor's float32 peak, for benchmarks.

/// Multiplies and adds without touching memory; the result only keeps the work from being left out.
GRAFT_LOOP(double, graft_peak_loop, (long rounds), (rounds))
/// The floating-point operations of that many rounds.
GRAFT_LOOP(double, graft_peak_loop_flops, (long rounds), (rounds))
