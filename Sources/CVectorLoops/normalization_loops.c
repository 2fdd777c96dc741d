// Batch normalisation with masked images, synchronised statistics and fused residuals, which oneDNN's does not offer. Memory-bound:
// what counts is the number of passes, so the ReLU's mask is computed again from x instead of read from y.
#include "normalization_loops.h"

// Rows summed in float32 before the sum goes into double precision: short enough that rounding stays below 1e-6.
enum { block_rows = 32 };
// Channels handled at once, so that their partial sums stay in registers and the first-level cache.
enum { block_channels = 256 };

GRAFT_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

GRAFT_INLINE float activated(float x, graft_loop_activation kind) {
    if (kind == graft_loop_identity) return x;
    x = x > 0 ? x : 0;
    return kind == graft_loop_relu6 && x > 6 ? 6 : x;
}

/// dy where the activation of `before` passes gradients, else 0.
GRAFT_INLINE float masked(float dy, float before, graft_loop_activation kind) {
    if (kind == graft_loop_relu) return before > 0 ? dy : 0;
    if (kind == graft_loop_relu6) return before > 0 && before < 6 ? dy : 0;
    return dy;
}

GRAFT_VECTORIZED void graft_channel_moments(const float *x, size_t rows, size_t channels, double *sums, double *squares) {
    for (size_t c = 0; c < channels; c++) sums[c] = squares[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start);
            float sum[block_channels] = {0}, square[block_channels] = {0};
            for (size_t r = first; r < last; r++) {
                const float *row = x + r * channels + start;
                for (size_t c = 0; c < width; c++) {
                    sum[c] += row[c];
                    square[c] += row[c] * row[c];
                }
            }
            for (size_t c = 0; c < width; c++) {
                sums[start + c] += sum[c];
                squares[start + c] += square[c];
            }
        }
    }
}

GRAFT_INLINE void normalize(const float *x, const float *scale, const float *shift, const float *residual, float *y, size_t rows,
                            size_t channels, graft_loop_activation kind) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            float value = x[i] * scale[c] + shift[c];
            if (residual) value += residual[i];
            y[i] = activated(value, kind);
        }
}

GRAFT_VECTORIZED void graft_normalize(const float *x, const float *scale, const float *shift, const float *residual, float *y,
                                      size_t rows, size_t channels, graft_loop_activation kind) {
    if (kind == graft_loop_relu && residual) normalize(x, scale, shift, residual, y, rows, channels, graft_loop_relu);
    else if (kind == graft_loop_relu) normalize(x, scale, shift, 0, y, rows, channels, graft_loop_relu);
    else if (kind == graft_loop_relu6) normalize(x, scale, shift, residual, y, rows, channels, graft_loop_relu6);
    else if (residual) normalize(x, scale, shift, residual, y, rows, channels, graft_loop_identity);
    else normalize(x, scale, shift, 0, y, rows, channels, graft_loop_identity);
}

GRAFT_INLINE void backward_sums(const float *dy, const float *x, const float *mean, const float *scale, const float *shift, size_t rows,
                                size_t channels, graft_loop_activation kind, double *sums, double *products) {
    for (size_t c = 0; c < channels; c++) sums[c] = products[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start);
            float sum[block_channels] = {0}, product[block_channels] = {0};
            for (size_t r = first; r < last; r++) {
                const float *g = dy + r * channels + start, *row = x + r * channels + start;
                for (size_t c = 0; c < width; c++) {
                    float value = masked(g[c], row[c] * scale[start + c] + shift[start + c], kind);
                    sum[c] += value;
                    product[c] += value * (row[c] - mean[start + c]);
                }
            }
            for (size_t c = 0; c < width; c++) {
                sums[start + c] += sum[c];
                products[start + c] += product[c];
            }
        }
    }
}

GRAFT_VECTORIZED void graft_normalize_backward_sums(const float *dy, const float *x, const float *mean, const float *scale,
                                                    const float *shift, size_t rows, size_t channels, graft_loop_activation kind,
                                                    double *sums, double *products) {
    if (kind == graft_loop_relu) backward_sums(dy, x, mean, scale, shift, rows, channels, graft_loop_relu, sums, products);
    else if (kind == graft_loop_relu6) backward_sums(dy, x, mean, scale, shift, rows, channels, graft_loop_relu6, sums, products);
    else backward_sums(dy, x, mean, scale, shift, rows, channels, graft_loop_identity, sums, products);
}

GRAFT_INLINE void backward(const float *dy, const float *x, const float *scale, const float *shift, const float *a, const float *b,
                           const float *d, float *dx, size_t rows, size_t channels, graft_loop_activation kind) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            float value = masked(dy[i], x[i] * scale[c] + shift[c], kind);
            dx[i] = a[c] * value + b[c] * x[i] + d[c];
        }
}

GRAFT_VECTORIZED void graft_normalize_backward(const float *dy, const float *x, const float *scale, const float *shift, const float *a,
                                               const float *b, const float *d, float *dx, size_t rows, size_t channels,
                                               graft_loop_activation kind) {
    if (kind == graft_loop_relu) backward(dy, x, scale, shift, a, b, d, dx, rows, channels, graft_loop_relu);
    else if (kind == graft_loop_relu6) backward(dy, x, scale, shift, a, b, d, dx, rows, channels, graft_loop_relu6);
    else backward(dy, x, scale, shift, a, b, d, dx, rows, channels, graft_loop_identity);
}
