// Element-wise loops. Counts are in elements; activations are NHWC, float32 or, where a format is given, bfloat16.

/// y = f(x); x and y may be the same.
GRAFT_LOOP(void, graft_activate, (const void *x, void *y, size_t count, graft_loop_activation kind, graft_format format),
           (x, y, count, kind, format))
/// y = f(a + b); y may be a or b.
GRAFT_LOOP(void, graft_add_activate,
           (const void *a, const void *b, void *y, size_t count, graft_loop_activation kind, graft_format format),
           (a, b, y, count, kind, format))
/// dx = (a + b) · f′, told from `kept`: f's input for SiLU, its output for the others, unused for the identity. `b` may be null; dx may be
/// a or b.
GRAFT_LOOP(void, graft_combine_gradients,
           (const void *a, const void *b, const void *kept, void *dx, size_t count, graft_loop_activation kind, graft_format format),
           (a, b, kept, dx, count, kind, format))
/// y[p, c] = x[p, c] · gate[c] over the pixels of one image.
GRAFT_LOOP(void, graft_gate, (const float *x, const float *gate, float *y, size_t pixels, size_t channels), (x, gate, y, pixels, channels))
/// dgate[c] = Σ_p dy[p, c] · x[p, c] over the pixels of one image.
GRAFT_LOOP(void, graft_gate_backward, (const float *dy, const float *x, float *dgate, size_t pixels, size_t channels),
           (dy, x, dgate, pixels, channels))
/// y[c] = scale · Σ_p x[p, c] over the pixels of one image, in float32; x has any format. At most 2²³ pixels of bytes.
GRAFT_LOOP(void, graft_pixel_sum, (const void *x, float *y, size_t pixels, size_t channels, float scale, graft_format format),
           (x, y, pixels, channels, scale, format))
/// dx[p, c] = scale · dy[c] for the pixels of one image, from float32.
GRAFT_LOOP(void, graft_pixel_spread, (const float *dy, void *dx, size_t pixels, size_t channels, float scale, graft_format format),
           (dy, dx, pixels, channels, scale, format))
/// y[c, p] = x[p, c] for one image, and back.
GRAFT_LOOP(void, graft_channels_first, (const float *x, float *y, size_t pixels, size_t channels), (x, y, pixels, channels))
GRAFT_LOOP(void, graft_channels_last, (const float *x, float *y, size_t pixels, size_t channels), (x, y, pixels, channels))
/// Dropout of `count` elements: y[i] = x[i] · [u(key, i) ≥ rate] / (1 − rate) with u uniform in [0, 1); the same key gives the same mask,
/// so that backward need not store it. y may be x.
GRAFT_LOOP(void, graft_dropout, (const float *x, float *y, size_t count, uint64_t key, float rate), (x, y, count, key, rate))
/// y[r, :] = scale[r] · x[r, :]; y may be x.
GRAFT_LOOP(void, graft_scale_rows, (const float *x, const float *scale, float *y, size_t rows, size_t columns), (x, scale, y, rows, columns))
/// y = x · factor.
GRAFT_LOOP(void, graft_scale, (const float *x, float *y, size_t count, float factor), (x, y, count, factor))
/// y += x.
GRAFT_LOOP(void, graft_accumulate, (const float *x, float *y, size_t count), (x, y, count))
/// y += x rounded to the grid of `magic`: (x + magic) - magic, as written; 0 leaves x as it is.
GRAFT_LOOP(void, graft_add_on_grid, (const float *x, float magic, float *y, size_t count), (x, magic, y, count))
/// sums[c] = Σ_r x[r, c].
GRAFT_LOOP(void, graft_column_sums, (const float *x, float *sums, size_t rows, size_t columns), (x, sums, rows, columns))
/// float32 to bfloat16, rounded to nearest even, and back.
GRAFT_LOOP(void, graft_to_bfloat16, (const float *x, uint16_t *y, size_t count), (x, y, count))
GRAFT_LOOP(void, graft_from_bfloat16, (const uint16_t *x, float *y, size_t count), (x, y, count))
/// Rounds what is sent and keeps what rounding takes away: y = bfloat16(x), residual = x − y (0 where that is no number). x stays.
GRAFT_LOOP(void, graft_bfloat16_split, (const float *x, uint16_t *y, float *residual, size_t count), (x, y, residual, count))
/// y += x, from bfloat16.
GRAFT_LOOP(void, graft_bfloat16_accumulate, (const uint16_t *x, float *y, size_t count), (x, y, count))
