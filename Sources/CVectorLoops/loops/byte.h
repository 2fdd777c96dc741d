// Loops over 8-bit activations and weights. Arithmetic is float32 or int32, so that sums of bytes are exact.

/// The nearest integer, ties to even, of a number below 2²² in magnitude, as a float.
GRAFT_INLINE float rounded(float x) {
    const float magic = 12582912.0f;  // 1.5 · 2²³: sums with it have no room for fractions.
    return (x + magic) - magic;
}

GRAFT_INLINE float within(float x, float low, float high) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

void GRAFT_AT(graft_to_uint8)(const float *x, uint8_t *y, size_t count, float step) {
    float factor = 1 / step;
    for (size_t i = 0; i < count; i++) y[i] = (uint8_t)(int32_t)rounded(within(x[i] * factor, 0, 255));
}

void GRAFT_AT(graft_to_int8)(const float *x, int8_t *y, size_t count, float step) {
    float factor = 1 / step;
    for (size_t i = 0; i < count; i++) y[i] = (int8_t)(int32_t)rounded(within(x[i] * factor, -127, 127));
}

void GRAFT_AT(graft_from_uint8)(const uint8_t *x, float *y, size_t count, float step) {
    for (size_t i = 0; i < count; i++) y[i] = (float)x[i] * step;
}

void GRAFT_AT(graft_from_int8)(const int8_t *x, float *y, size_t count, float step) {
    for (size_t i = 0; i < count; i++) y[i] = (float)x[i] * step;
}

void GRAFT_AT(graft_quantize_channels)(const float *weights, int8_t *integers, float *steps, size_t channels, size_t count) {
    for (size_t channel = 0; channel < channels; channel++) {
        const float *from = weights + channel * count;
        int8_t *to = integers + channel * count;
        float largest = 0;
        for (size_t i = 0; i < count; i++) {
            float magnitude = from[i] < 0 ? -from[i] : from[i];
            largest = magnitude > largest ? magnitude : largest;
        }
        steps[channel] = largest > 0 ? largest / 127 : 1;
        float factor = 1 / steps[channel];
        for (size_t i = 0; i < count; i++) to[i] = (int8_t)(int32_t)rounded(within(from[i] * factor, -127, 127));
    }
}

float GRAFT_AT(graft_largest_magnitude)(const float *x, size_t count) {
    // Magnitudes order as their bits do, and what is no number stands above infinity.
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7FFFFFFF;
        largest = bits > largest ? bits : largest;
    }
    if (largest > 0x7F800000) largest = 0x7F800000;
    float magnitude;
    memcpy(&magnitude, &largest, sizeof magnitude);
    return magnitude;
}

void GRAFT_AT(graft_count_magnitudes)(const float *x, size_t count, size_t stride, float bins_per_unit, uint32_t *counts, size_t bins) {
    for (size_t i = 0; i < count; i += stride) {
        float magnitude = x[i] < 0 ? -x[i] : x[i];
        size_t bin = (size_t)(magnitude * bins_per_unit);
        counts[bin < bins ? bin : bins - 1]++;
    }
}
