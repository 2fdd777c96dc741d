// Layer normalisation: each row of channels by its own mean and variance, float32 or bfloat16.

/// y = (x − mean) / √(variance + epsilon) · scale[c] + shift[c] row by row; y may be x.
GRAFT_LOOP(void, graft_layer_norm,
           (const void *x, const float *scale, const float *shift, void *y, size_t rows, size_t channels, float epsilon,
            graft_format format),
           (x, scale, shift, y, rows, channels, epsilon, format))
/// The gradients of x, row by row; and added to what is there: shifts[c] += Σ dy, scales[c] += Σ dy · normalised x. `dx` may be null.
GRAFT_LOOP(void, graft_layer_norm_backward,
           (const void *dy, const void *x, const float *scale, void *dx, size_t rows, size_t channels, float epsilon, double *scales,
            double *shifts, graft_format format),
           (dy, x, scale, dx, rows, channels, epsilon, scales, shifts, format))
