// Loops over bfloat16 activations: memory-bound, so that half the bytes is nearly half the time. Arithmetic is float32.
#include "bfloat16_loops.h"
#include "activation_math.h"
#include <string.h>

enum { block_rows = 32, block_channels = 256 };

GRAFT_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

GRAFT_INLINE float wide(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/// Rounds to nearest, ties to even. Infinities stay; a NaN may become one with other bits, or an infinity's neighbour: losses are
/// checked for numbers that are none at every step.
GRAFT_INLINE uint16_t narrow(float value) {
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    return (uint16_t)((word + 0x7FFF + ((word >> 16) & 1)) >> 16);
}

GRAFT_VECTORIZED void graft_bf16_activate(const uint16_t *x, uint16_t *y, size_t count, graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) y[i] = narrow(graft_activated(wide(x[i]), K));)
}

GRAFT_VECTORIZED void graft_bf16_add_activate(const uint16_t *a, const uint16_t *b, uint16_t *y, size_t count,
                                              graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) y[i] = narrow(graft_activated(wide(a[i]) + wide(b[i]), K));)
}

GRAFT_VECTORIZED void graft_bf16_combine_gradients(const uint16_t *a, const uint16_t *b, const uint16_t *kept, uint16_t *dx,
                                                   size_t count, graft_loop_activation kind) {
    if (kind == graft_loop_identity) {
        if (b) { GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = narrow(wide(a[i]) + wide(b[i])); }
        else if (dx != a) memcpy(dx, a, count * sizeof *a);
        return;
    }
    if (b) { GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = narrow((wide(a[i]) + wide(b[i])) * graft_slope(wide(kept[i]), K));) }
    else { GRAFT_FOR_EACH_KIND(GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) dx[i] = narrow(wide(a[i]) * graft_slope(wide(kept[i]), K));) }
}

GRAFT_VECTORIZED void graft_bf16_pixel_sum(const uint16_t *x, float *y, size_t pixels, size_t channels, float scale) {
    memset(y, 0, channels * sizeof *y);
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) y[c] += wide(x[p * channels + c]);
    for (size_t c = 0; c < channels; c++) y[c] *= scale;
}

GRAFT_VECTORIZED void graft_bf16_pixel_spread(const float *dy, uint16_t *dx, size_t pixels, size_t channels, float scale) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) dx[p * channels + c] = narrow(dy[c] * scale);
}

GRAFT_VECTORIZED void graft_bf16_channel_moments(const uint16_t *x, size_t rows, size_t channels, double *sums, double *squares) {
    for (size_t c = 0; c < channels; c++) sums[c] = squares[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start);
            float sum[block_channels] = {0}, square[block_channels] = {0};
            for (size_t r = first; r < last; r++)
                for (size_t c = 0; c < width; c++) {
                    float value = wide(x[r * channels + start + c]);
                    sum[c] += value;
                    square[c] += value * value;
                }
            for (size_t c = 0; c < width; c++) {
                sums[start + c] += sum[c];
                squares[start + c] += square[c];
            }
        }
    }
}

GRAFT_VECTORIZED void graft_bf16_normalize(const uint16_t *x, const float *scale, const float *shift, const uint16_t *residual,
                                           uint16_t *y, size_t rows, size_t channels, graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(
        for (size_t r = 0; r < rows; r++) {
            const uint16_t *row = x + r * channels;
            uint16_t *out = y + r * channels;
            if (residual) {
                const uint16_t *added = residual + r * channels;
                GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) out[c] = narrow(graft_activated(wide(row[c]) * scale[c] + shift[c] + wide(added[c]), K));
            } else {
                GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) out[c] = narrow(graft_activated(wide(row[c]) * scale[c] + shift[c], K));
            }
        })
}

GRAFT_VECTORIZED void graft_bf16_normalize_backward_sums(const uint16_t *dy, const uint16_t *x, const float *mean, const float *scale,
                                                         const float *shift, size_t rows, size_t channels, graft_loop_activation kind,
                                                         double *sums, double *products) {
    for (size_t c = 0; c < channels; c++) sums[c] = products[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start);
            float sum[block_channels] = {0}, product[block_channels] = {0};
            GRAFT_FOR_EACH_KIND(
                for (size_t r = first; r < last; r++)
                    for (size_t c = 0; c < width; c++) {
                        float before = wide(x[r * channels + start + c]);
                        float value = graft_masked(wide(dy[r * channels + start + c]), before * scale[start + c] + shift[start + c], K);
                        sum[c] += value;
                        product[c] += value * (before - mean[start + c]);
                    })
            for (size_t c = 0; c < width; c++) {
                sums[start + c] += sum[c];
                products[start + c] += product[c];
            }
        }
    }
}

GRAFT_VECTORIZED void graft_bf16_normalize_backward(const uint16_t *dy, const uint16_t *x, const float *scale, const float *shift,
                                                    const float *a, const float *b, const float *d, uint16_t *dx, size_t rows,
                                                    size_t channels, graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(
        for (size_t r = 0; r < rows; r++)
            GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
                float before = wide(x[r * channels + c]);
                float value = graft_masked(wide(dy[r * channels + c]), before * scale[c] + shift[c], K);
                dx[r * channels + c] = narrow(a[c] * value + b[c] * before + d[c]);
            })
}
