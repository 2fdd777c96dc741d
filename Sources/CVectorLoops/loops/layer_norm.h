// Layer normalisation (Ba et al. 2016) over the channels of each pixel. Two passes over a row, which lies in the first-level cache:
// the variance is of what is left after the mean, for a difference of large sums would lose its digits.

GRAFT_INLINE void row_moments(const void *x, size_t start, size_t channels, float epsilon, float *mean, float *inverse,
                              graft_format format) {
    _Pragma("clang fp reassociate(on)") float sum = 0, squares = 0;
    for (size_t c = 0; c < channels; c++) sum += graft_get(x, start + c, format);
    *mean = sum / (float)channels;
    for (size_t c = 0; c < channels; c++) {
        float rest = graft_get(x, start + c, format) - *mean;
        squares += rest * rest;
    }
    *inverse = 1 / sqrtf(squares / (float)channels + epsilon);
}

GRAFT_INLINE void layer_norm(const void *x, const float *scale, const float *shift, void *y, size_t rows, size_t channels, float epsilon,
                             graft_format format) {
    for (size_t r = 0; r < rows; r++) {
        float mean, inverse;
        row_moments(x, r * channels, channels, epsilon, &mean, &inverse, format);
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            graft_put(y, i, (graft_get(x, i, format) - mean) * inverse * scale[c] + shift[c], format);
        }
    }
}

void GRAFT_AT(graft_layer_norm)(const void *x, const float *scale, const float *shift, void *y, size_t rows, size_t channels,
                                float epsilon, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(layer_norm(x, scale, shift, y, rows, channels, epsilon, F);)
}

/// With n the normalised row and g = dy · scale: dx = (g − mean(g) − n · mean(g · n)) / deviation.
GRAFT_INLINE void layer_norm_backward(const void *dy, const void *x, const float *scale, void *dx, size_t rows, size_t channels,
                                      float epsilon, double *scales, double *shifts, graft_format format) {
    for (size_t r = 0; r < rows; r++) {
        _Pragma("clang fp reassociate(on)") size_t start = r * channels;
        float mean, inverse, sum = 0, product = 0;
        row_moments(x, start, channels, epsilon, &mean, &inverse, format);
        for (size_t c = 0; c < channels; c++) {
            float slope = graft_get(dy, start + c, format), normal = (graft_get(x, start + c, format) - mean) * inverse;
            sum += slope * scale[c];
            product += slope * scale[c] * normal;
            scales[c] += slope * normal;
            shifts[c] += slope;
        }
        if (!dx) continue;
        sum /= (float)channels;
        product /= (float)channels;
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) {
            float normal = (graft_get(x, start + c, format) - mean) * inverse;
            graft_put(dx, start + c, (graft_get(dy, start + c, format) * scale[c] - sum - normal * product) * inverse, format);
        }
    }
}

void GRAFT_AT(graft_layer_norm_backward)(const void *dy, const void *x, const float *scale, void *dx, size_t rows, size_t channels,
                                         float epsilon, double *scales, double *shifts, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(layer_norm_backward(dy, x, scale, dx, rows, channels, epsilon, scales, shifts, F);)
}
