// Batch normalisation over rows of channels (NHWC with N, H, W run together), float32 or bfloat16.

/// sums[c] = Σ_r x[r, c] and squares[c] = Σ_r x[r, c]², in double precision.
GRAFT_LOOP(void, graft_channel_moments,
           (const void *x, size_t rows, size_t channels, double *sums, double *squares, graft_format format),
           (x, rows, channels, sums, squares, format))
/// y = f(x · scale[c] + shift[c] + residual); `residual` may be null; y may be x or residual.
GRAFT_LOOP(void, graft_normalize,
           (const void *x, const float *scale, const float *shift, const void *residual, void *y, size_t rows, size_t channels,
            graft_loop_activation kind, graft_format format),
           (x, scale, shift, residual, y, rows, channels, kind, format))
/// With g = dy, or dy · f′(x · scale + shift) where `kind` says so: sums[c] = Σ g, products[c] = Σ g · (x − mean[c]), in double precision.
GRAFT_LOOP(void, graft_normalize_backward_sums,
           (const void *dy, const void *x, const float *mean, const float *scale, const float *shift, size_t rows, size_t channels,
            graft_loop_activation kind, double *sums, double *products, graft_format format),
           (dy, x, mean, scale, shift, rows, channels, kind, sums, products, format))
/// dx = a[c] · g + b[c] · x + d[c], with g as above; dx may be dy.
GRAFT_LOOP(void, graft_normalize_backward,
           (const void *dy, const void *x, const float *scale, const float *shift, const float *a, const float *b, const float *d,
            void *dx, size_t rows, size_t channels, graft_loop_activation kind, graft_format format),
           (dy, x, scale, shift, a, b, d, dx, rows, channels, kind, format))
