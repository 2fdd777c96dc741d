// Batch normalisation with masked images, synchronised statistics and fused residuals, which oneDNN's does not offer. Memory-bound:
// what counts is the number of passes, so an activation's derivative is computed again from x instead of read.

// Rows summed in float32 before the sum goes into double precision: short enough that rounding stays below 1e-6.
enum { block_rows = 32 };
// Rows gone over together: a channel's constants and sums are loaded once for all of them.
enum { rows_together = 4 };

GRAFT_INLINE void add_moments(const void *x, size_t start, size_t channels, size_t width, int rows, float *sum, float *square,
                              graft_format format) {
    for (size_t c = 0; c < width; c++) {
        float first = 0, second = 0;
        GRAFT_UNROLLED for (int r = 0; r < rows; r++) {
            float value = graft_get(x, start + (size_t)r * channels + c, format);
            first += value;
            second += value * value;
        }
        sum[c] += first;
        square[c] += second;
    }
}

GRAFT_INLINE void moments(const void *x, size_t rows, size_t channels, double *sums, double *squares, graft_format format) {
    for (size_t c = 0; c < channels; c++) sums[c] = squares[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start), r = first;
            float sum[block_channels] = {0}, square[block_channels] = {0};
            for (; r + rows_together <= last; r += rows_together)
                add_moments(x, r * channels + start, channels, width, rows_together, sum, square, format);
            for (; r < last; r++) add_moments(x, r * channels + start, channels, width, 1, sum, square, format);
            for (size_t c = 0; c < width; c++) {
                sums[start + c] += sum[c];
                squares[start + c] += square[c];
            }
        }
    }
}

void GRAFT_AT(graft_channel_moments)(const void *x, size_t rows, size_t channels, double *sums, double *squares, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(moments(x, rows, channels, sums, squares, F);)
}

GRAFT_INLINE void normalize(const void *x, const float *scale, const float *shift, const void *residual, void *y, size_t rows,
                            size_t channels, graft_loop_activation kind, graft_format format) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            float value = graft_get(x, i, format) * scale[c] + shift[c];
            if (residual) value += graft_get(residual, i, format);
            graft_put(y, i, graft_activated(value, kind), format);
        }
}

void GRAFT_AT(graft_normalize)(const void *x, const float *scale, const float *shift, const void *residual, void *y, size_t rows,
                               size_t channels, graft_loop_activation kind, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(GRAFT_FOR_EACH_KIND(
        if (residual) normalize(x, scale, shift, residual, y, rows, channels, K, F);
        else normalize(x, scale, shift, 0, y, rows, channels, K, F);))
}

GRAFT_INLINE void add_products(const void *dy, const void *x, size_t start, const float *mean, const float *scale, const float *shift,
                               size_t channels, size_t width, int rows, graft_loop_activation kind, float *sum, float *product,
                               graft_format format) {
    for (size_t c = 0; c < width; c++) {
        float first = 0, second = 0;
        GRAFT_UNROLLED for (int r = 0; r < rows; r++) {
            size_t i = start + (size_t)r * channels + c;
            float before = graft_get(x, i, format);
            float value = graft_masked(graft_get(dy, i, format), before * scale[c] + shift[c], kind);
            first += value;
            second += value * (before - mean[c]);
        }
        sum[c] += first;
        product[c] += second;
    }
}

GRAFT_INLINE void backward_sums(const void *dy, const void *x, const float *mean, const float *scale, const float *shift, size_t rows,
                                size_t channels, graft_loop_activation kind, double *sums, double *products, graft_format format) {
    for (size_t c = 0; c < channels; c++) sums[c] = products[c] = 0;
    for (size_t first = 0; first < rows; first += block_rows) {
        size_t last = smaller(first + block_rows, rows);
        for (size_t start = 0; start < channels; start += block_channels) {
            size_t width = smaller(block_channels, channels - start), r = first, i = first * channels + start;
            float sum[block_channels] = {0}, product[block_channels] = {0};
            const float *m = mean + start, *f = scale + start, *o = shift + start;
            for (; r + rows_together <= last; r += rows_together, i += rows_together * channels)
                add_products(dy, x, i, m, f, o, channels, width, rows_together, kind, sum, product, format);
            for (; r < last; r++, i += channels) add_products(dy, x, i, m, f, o, channels, width, 1, kind, sum, product, format);
            for (size_t c = 0; c < width; c++) {
                sums[start + c] += sum[c];
                products[start + c] += product[c];
            }
        }
    }
}

void GRAFT_AT(graft_normalize_backward_sums)(const void *dy, const void *x, const float *mean, const float *scale, const float *shift,
                                             size_t rows, size_t channels, graft_loop_activation kind, double *sums, double *products,
                                             graft_format format) {
    GRAFT_FOR_EACH_FORMAT(
        GRAFT_FOR_EACH_KIND(backward_sums(dy, x, mean, scale, shift, rows, channels, K, sums, products, F);))
}

GRAFT_INLINE void backward(const void *dy, const void *x, const float *scale, const float *shift, const float *a, const float *b,
                           const float *d, void *dx, size_t rows, size_t channels, graft_loop_activation kind, graft_format format) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            float before = graft_get(x, i, format);
            float value = graft_masked(graft_get(dy, i, format), before * scale[c] + shift[c], kind);
            graft_put(dx, i, a[c] * value + b[c] * before + d[c], format);
        }
}

void GRAFT_AT(graft_normalize_backward)(const void *dy, const void *x, const float *scale, const float *shift, const float *a,
                                        const float *b, const float *d, void *dx, size_t rows, size_t channels,
                                        graft_loop_activation kind, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(GRAFT_FOR_EACH_KIND(backward(dy, x, scale, shift, a, b, d, dx, rows, channels, K, F);))
}
