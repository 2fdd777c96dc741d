// Max pooling with a square window over NHWC activations of at least 16 channels. Calls are single-threaded, allocate nothing and cannot
// fail; threads share out rows. Activations are float32 or bfloat16; every window sees a pixel.

/// The largest number of each channel under the window, for the output rows first ..< last, counted over images. Unless null, `places` of
/// windows of at most 15 × 15 get the first place of each, counted along the window's rows, also those outside.
GRAFT_LOOP(void, graft_max_pool,
           (const graft_depthwise *shape, const void *x, void *y, uint8_t *places, size_t first, size_t last, graft_format format),
           (shape, x, y, places, first, last, format))
/// dx for the input rows first ..< last, counted over images: of each window's gradient, at its place.
GRAFT_LOOP(void, graft_max_pool_gradient,
           (const graft_depthwise *shape, const void *dy, const uint8_t *places, void *dx, size_t first, size_t last, graft_format format),
           (shape, dy, places, dx, first, last, format))
