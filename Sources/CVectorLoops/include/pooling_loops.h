// Max pooling with a square window over NHWC activations, where nothing has to be remembered for a gradient. Calls are single-threaded,
// allocate nothing and cannot fail; threads share out rows. There are at least 16 channels.

/// The largest number of each channel under the window, for the output rows first ..< last, counted over images. x and y are float32 or
/// bfloat16; every window sees a pixel.
GRAFT_LOOP(void, graft_max_pool,
           (const graft_depthwise *shape, const void *x, void *y, size_t first, size_t last, graft_format format),
           (shape, x, y, first, last, format))
