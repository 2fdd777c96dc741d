// Batch normalisation with masked images, synchronised statistics and fused residuals, which oneDNN's does not offer. Memory-bound:
// what counts is the number of passes, so an activation's derivative is computed again from x instead of read.
#include "normalization_loops.h"
#include "activation_math.h"

// Rows summed in float32 before the sum goes into double precision: short enough that rounding stays below 1e-6.
enum { block_rows = 32 };
// Channels handled at once, so that their partial sums stay in registers and the first-level cache.
enum { block_channels = 256 };

#define UNROLLED _Pragma("clang loop unroll(full)")

GRAFT_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// Rows gone over together: a channel's constants and sums are loaded once for all of them.
enum { rows_together = 4 };

GRAFT_INLINE void add_moments(const float *x, size_t channels, size_t width, int rows, float *sum, float *square) {
    for (size_t c = 0; c < width; c++) {
        float first = 0, second = 0;
        UNROLLED for (int r = 0; r < rows; r++) {
            float value = x[(size_t)r * channels + c];
            first += value;
            second += value * value;
        }
        sum[c] += first;
        square[c] += second;
    }
}

GRAFT_VECTORIZED void graft_channel_moments(const float *x, size_t rows, size_t channels, double *sums, double *squares) {
    for (size_t c = 0; c < channels; c++) sums[c] = squares[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start), r = first;
            float sum[block_channels] = {0}, square[block_channels] = {0};
            for (; r + rows_together <= last; r += rows_together)
                add_moments(x + r * channels + start, channels, width, rows_together, sum, square);
            for (; r < last; r++) add_moments(x + r * channels + start, channels, width, 1, sum, square);
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
            y[i] = graft_activated(value, kind);
        }
}

GRAFT_VECTORIZED void graft_normalize(const float *x, const float *scale, const float *shift, const float *residual, float *y,
                                      size_t rows, size_t channels, graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(if (residual) normalize(x, scale, shift, residual, y, rows, channels, K);
                        else normalize(x, scale, shift, 0, y, rows, channels, K);)
}

GRAFT_INLINE void add_products(const float *dy, const float *x, const float *mean, const float *scale, const float *shift, size_t channels,
                               size_t width, int rows, graft_loop_activation kind, float *sum, float *product) {
    for (size_t c = 0; c < width; c++) {
        float first = 0, second = 0;
        UNROLLED for (int r = 0; r < rows; r++) {
            size_t i = (size_t)r * channels + c;
            float value = graft_masked(dy[i], x[i] * scale[c] + shift[c], kind);
            first += value;
            second += value * (x[i] - mean[c]);
        }
        sum[c] += first;
        product[c] += second;
    }
}

GRAFT_INLINE void backward_sums(const float *dy, const float *x, const float *mean, const float *scale, const float *shift, size_t rows,
                                size_t channels, graft_loop_activation kind, double *sums, double *products) {
    for (size_t c = 0; c < channels; c++) sums[c] = products[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start), r = first, i = first * channels + start;
            float sum[block_channels] = {0}, product[block_channels] = {0};
            const float *m = mean + start, *f = scale + start, *o = shift + start;
            for (; r + rows_together <= last; r += rows_together, i += rows_together * channels)
                add_products(dy + i, x + i, m, f, o, channels, width, rows_together, kind, sum, product);
            for (; r < last; r++, i += channels) add_products(dy + i, x + i, m, f, o, channels, width, 1, kind, sum, product);
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
    GRAFT_FOR_EACH_KIND(backward_sums(dy, x, mean, scale, shift, rows, channels, K, sums, products);)
}

GRAFT_INLINE void backward(const float *dy, const float *x, const float *scale, const float *shift, const float *a, const float *b,
                           const float *d, float *dx, size_t rows, size_t channels, graft_loop_activation kind) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            float value = graft_masked(dy[i], x[i] * scale[c] + shift[c], kind);
            dx[i] = a[c] * value + b[c] * x[i] + d[c];
        }
}

GRAFT_VECTORIZED void graft_normalize_backward(const float *dy, const float *x, const float *scale, const float *shift, const float *a,
                                               const float *b, const float *d, float *dx, size_t rows, size_t channels,
                                               graft_loop_activation kind) {
    GRAFT_FOR_EACH_KIND(backward(dy, x, scale, shift, a, b, d, dx, rows, channels, K);)
}
