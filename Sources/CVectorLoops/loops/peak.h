// The processor's float32 peak, for benchmarks: multiply-adds that need no memory, as wide as the processor has registers.

// Eight chains of four cycles' latency keep two units busy.
enum { CHAINS = 8 };

double GRAFT_AT(graft_peak_loop)(long rounds) {
    graft_lanes chain[CHAINS];
    for (int i = 0; i < CHAINS; i++) chain[i] = (graft_lanes)(1.0f + (float)i);
    graft_lanes factor = 0.999f, addend = 0.001f;
    for (long round = 0; round < rounds; round++) {
        GRAFT_UNROLLED for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + addend;
    }
    graft_lanes sum = 0;
    for (int i = 0; i < CHAINS; i++) sum += chain[i];
    return sum[0];
}

double GRAFT_AT(graft_peak_loop_flops)(long rounds) { return 2.0 * 16 * CHAINS * (double)rounds; }
