// Element-wise loops: bound by memory and vector width, so each is compiled for every instruction set worth having.
#include "elementwise_loops.h"
#include "activation_math.h"
#include <string.h>

GRAFT_VECTORIZED void graft_activate(const float *x, float *y, size_t count, graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) y[i] = graft_activated(x[i], K);)
}

GRAFT_VECTORIZED void graft_activate_backward(const float *dy, const float *kept, float *dx, size_t count,
                                              graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = dy[i] * graft_slope(kept[i], K);)
}

GRAFT_VECTORIZED void graft_add_activate(const float *a, const float *b, float *y, size_t count, graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) y[i] = graft_activated(a[i] + b[i], K);)
}

GRAFT_VECTORIZED void graft_combine_gradients(const float *a, const float *b, const float *kept, float *dx, size_t count,
                                              graft_loop_activation kind) {
    if (kind == graft_loop_identity) {
        // Nothing is kept for the identity: `kept` may be null.
        if (b) { GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = a[i] + b[i]; }
        else if (dx != a) memcpy(dx, a, count * sizeof(float));
        return;
    }
    if (b) { GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = (a[i] + b[i]) * graft_slope(kept[i], K);) }
    else { GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = a[i] * graft_slope(kept[i], K);) }
}

GRAFT_VECTORIZED void graft_gate(const float *x, const float *gate, float *y, size_t pixels, size_t channels) {
    for (size_t p = 0; p < pixels; p++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) y[p * channels + c] = x[p * channels + c] * gate[c];
}

GRAFT_VECTORIZED void graft_gate_backward(const float *dy, const float *x, float *dgate, size_t pixels, size_t channels) {
    memset(dgate, 0, channels * sizeof(float));
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) dgate[c] += dy[p * channels + c] * x[p * channels + c];
}

GRAFT_VECTORIZED void graft_pixel_sum(const float *x, float *y, size_t pixels, size_t channels, float scale) {
    memset(y, 0, channels * sizeof(float));
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) y[c] += x[p * channels + c];
    for (size_t c = 0; c < channels; c++) y[c] *= scale;
}

GRAFT_VECTORIZED void graft_pixel_spread(const float *dy, float *dx, size_t pixels, size_t channels, float scale) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) dx[p * channels + c] = dy[c] * scale;
}

GRAFT_VECTORIZED void graft_channels_first(const float *x, float *y, size_t pixels, size_t channels) {
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < pixels; p++) y[c * pixels + p] = x[p * channels + c];
}

GRAFT_VECTORIZED void graft_channels_last(const float *x, float *y, size_t pixels, size_t channels) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) y[p * channels + c] = x[c * pixels + p];
}

GRAFT_VECTORIZED void graft_dropout(const float *x, float *y, size_t count, uint64_t key, float rate) {
    float keep = 1.0f / (1.0f - rate);
    GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) {
        // The finaliser of SplitMix64 over a counter, as in CounterRandom.
        uint64_t z = key + (i + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        float u = (float)(uint32_t)(z >> 40) * 0x1p-24f;
        y[i] = u >= rate ? x[i] * keep : 0;
    }
}

GRAFT_VECTORIZED void graft_scale_rows(const float *x, const float *scale, float *y, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] * scale[r];
}

GRAFT_VECTORIZED void graft_scale(const float *x, float *y, size_t count, float factor) {
    GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) y[i] = x[i] * factor;
}

GRAFT_VECTORIZED void graft_accumulate(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

// Sums of many rows lose digits if each is added to all before it: partial sums of a few hundred keep them.
GRAFT_VECTORIZED void graft_column_sums(const float *x, float *sums, size_t rows, size_t columns) {
    enum { rows_at_once = 256, columns_at_once = 64 };
    memset(sums, 0, columns * sizeof *sums);
    for (size_t row = 0; row < rows; row += rows_at_once) {
        size_t last = row + rows_at_once < rows ? row + rows_at_once : rows;
        for (size_t column = 0; column < columns; column += columns_at_once) {
            size_t width = column + columns_at_once < columns ? columns_at_once : columns - column;
            float partial[columns_at_once] = {0};
            for (size_t r = row; r < last; r++)
                for (size_t c = 0; c < width; c++) partial[c] += x[r * columns + column + c];
            for (size_t c = 0; c < width; c++) sums[column + c] += partial[c];
        }
    }
}

GRAFT_VECTORIZED double graft_dot(const float *a, const float *b, size_t count) {
    double lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (size_t lane = 0; lane < 8; lane++) lanes[lane] += (double)a[i + lane] * b[i + lane];
    for (; i < count; i++) lanes[0] += (double)a[i] * b[i];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

GRAFT_VECTORIZED void graft_to_bfloat16(const float *x, uint16_t *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        uint32_t quiet = (bits >> 16) | 0x40;
        y[i] = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
    }
}

GRAFT_VECTORIZED void graft_from_bfloat16(const uint16_t *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(y + i, &bits, sizeof bits);
    }
}

GRAFT_VECTORIZED void graft_bfloat16_split(const float *x, uint16_t *y, float *rest, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        uint32_t quiet = (bits >> 16) | 0x40;
        uint32_t kept = (bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded;
        uint32_t wide = kept << 16;
        float sent;
        memcpy(&sent, &wide, sizeof sent);
        float difference = x[i] - sent;
        y[i] = (uint16_t)kept;
        rest[i] = difference - difference == 0 ? difference : 0;
    }
}

GRAFT_VECTORIZED void graft_bfloat16_accumulate(const uint16_t *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        y[i] += value;
    }
}
