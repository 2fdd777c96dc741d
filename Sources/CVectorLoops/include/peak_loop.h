// The processor's float32 peak, for benchmarks.
#pragma once

/// Multiplies and adds without touching memory; the result only keeps the work from being left out.
double graft_peak_loop(long rounds);

/// The floating-point operations of that many rounds.
double graft_peak_loop_flops(long rounds);
