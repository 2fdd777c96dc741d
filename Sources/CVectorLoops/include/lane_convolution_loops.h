// Convolutions as products of pixels' channels by packed weights, one for each place in the window, and what stands behind them while the sums
// are at hand. Calls are single-threaded, allocate nothing and cannot fail; threads share out pixels or blocks of output channels, which
// changes no bit.

/// Floats of packed weights: [blocks][window's places][inputs][lanes], the last block filled up with zeros.
GRAFT_LOOP(size_t, graft_lane_packed_count, (const graft_lane_shape *shape), (shape))
/// Packs weights [outputs][inputs][window's places], each output channel times its scale (null: 1), for the blocks of outputs first ..< last.
GRAFT_LOOP(void, graft_lane_pack,
           (const graft_lane_shape *shape, const float *weights, const float *scale, size_t first, size_t last, float *packed),
           (shape, weights, scale, first, last, packed))
/// The same for the gradient of a source behind a window of one pixel, to which `outputs` numbers go: weights are [inputs][outputs], with
/// one scale an input.
GRAFT_LOOP(void, graft_lane_pack_turned,
           (const graft_lane_shape *shape, const float *weights, const float *scale, size_t first, size_t last, float *packed),
           (shape, weights, scale, first, last, packed))
/// y = f(x ∗ weights + bias + residual) for the results' pixels first_pixel ..< last_pixel, counted over the images, and the blocks of outputs
/// first ..< last. `bias` and `residual` may be null; the residual may lie where the result goes.
GRAFT_LOOP(void, graft_lane_convolution,
           (const graft_lane_shape *shape, const float *x, const float *packed, const float *bias, const float *residual, float *y,
            size_t first_pixel, size_t last_pixel, size_t first, size_t last, graft_loop_activation kind),
           (shape, x, packed, bias, residual, y, first_pixel, last_pixel, first, last, kind))
