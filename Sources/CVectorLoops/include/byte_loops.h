// Loops over 8-bit activations and weights: integers that stand for themselves times a step. Bytes are unsigned where nothing is negative.

/// y = x / step, rounded to nearest even and kept within 0 … 255, or −127 … 127.
GRAFT_LOOP(void, graft_to_uint8, (const float *x, uint8_t *y, size_t count, float step), (x, y, count, step))
GRAFT_LOOP(void, graft_to_int8, (const float *x, int8_t *y, size_t count, float step), (x, y, count, step))
/// y = x · step.
GRAFT_LOOP(void, graft_from_uint8, (const uint8_t *x, float *y, size_t count, float step), (x, y, count, step))
GRAFT_LOOP(void, graft_from_int8, (const int8_t *x, float *y, size_t count, float step), (x, y, count, step))
/// Weights [channels][count] as integers, each channel by a step of its own: its largest magnitude / 127, or 1 for zeros alone.
GRAFT_LOOP(void, graft_quantize_channels, (const float *weights, int8_t *integers, float *steps, size_t channels, size_t count),
           (weights, integers, steps, channels, count))
/// The largest magnitude; infinity if any number is not finite.
GRAFT_LOOP(float, graft_largest_magnitude, (const float *x, size_t count), (x, count))
/// counts[min(⌊|x[i]| · bins_per_unit⌋, bins − 1)] += 1 for every stride-th i.
GRAFT_LOOP(void, graft_count_magnitudes,
           (const float *x, size_t count, size_t stride, float bins_per_unit, uint32_t *counts, size_t bins),
           (x, count, stride, bins_per_unit, counts, bins))
