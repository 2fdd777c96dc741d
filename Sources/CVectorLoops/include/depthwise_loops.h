// Depthwise convolutions over NHWC activations: each channel has its own square filter. Calls are single-threaded, allocate nothing and
// cannot fail; threads share out rows.

/// Floats of packed weights, and of a sum of weight gradients: [blocks][kernel · kernel][lanes].
GRAFT_LOOP(size_t, graft_depthwise_packed_count, (const graft_depthwise *shape), (shape))
/// Packs weights [channels][kernel][kernel], each channel times its scale (null: 1).
GRAFT_LOOP(void, graft_depthwise_pack, (const graft_depthwise *shape, const float *weights, const float *scale, float *packed),
           (shape, weights, scale, packed))
/// Packed sums of weight gradients, each channel times its scale (null: 1), as [channels][kernel][kernel].
GRAFT_LOOP(void, graft_depthwise_unpack, (const graft_depthwise *shape, const float *packed, const float *scale, float *gradient),
           (shape, packed, scale, gradient))
/// y = f(x ∗ weights + bias) for the output rows first ..< last, where row r is row r mod out_height of image r / out_height. `bias` has
/// one number a channel and may be null. x and y are float32, bfloat16, or bytes from 0 to 255, which results are rounded to and kept
/// within; weights, bias and sums are float32.
GRAFT_LOOP(void, graft_depthwise_forward,
           (const graft_depthwise *shape, const void *x, const float *packed, const float *bias, void *y, size_t first, size_t last,
            graft_loop_activation kind, graft_format format),
           (shape, x, packed, bias, y, first, last, kind, format))
/// dx for the input rows first ..< last (counted over images), from the same packed weights as forward.
GRAFT_LOOP(void, graft_depthwise_backward_data,
           (const graft_depthwise *shape, const float *dy, const float *packed, float *dx, size_t first, size_t last),
           (shape, dy, packed, dx, first, last))
/// Adds the gradient of the weights over the output rows first ..< last to packed sums.
GRAFT_LOOP(void, graft_depthwise_backward_weights,
           (const graft_depthwise *shape, const float *x, const float *dy, float *packed, size_t first, size_t last),
           (shape, x, dy, packed, first, last))
