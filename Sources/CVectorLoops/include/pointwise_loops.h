// Pointwise convolutions: every pixel's channels by one matrix, and what stands behind it while the sums are at hand. Calls are
// single-threaded, allocate nothing and cannot fail; threads share out pixels or blocks of output channels, which changes no bit.

/// Floats of packed weights: [blocks][inputs][lanes], the last block filled up with zeros.
GRAFT_LOOP(size_t, graft_pointwise_packed_count, (size_t inputs, size_t outputs), (inputs, outputs))
/// Packs weights [outputs][inputs], each output channel times its scale (null: 1), for the blocks of outputs first ..< last.
GRAFT_LOOP(void, graft_pointwise_pack,
           (const float *weights, const float *scale, size_t inputs, size_t outputs, size_t first, size_t last, float *packed),
           (weights, scale, inputs, outputs, first, last, packed))
/// The same for the gradient of a source, from which `outputs` numbers come: weights are [inputs][outputs], with one scale an input.
GRAFT_LOOP(void, graft_pointwise_pack_turned,
           (const float *weights, const float *scale, size_t inputs, size_t outputs, size_t first, size_t last, float *packed),
           (weights, scale, inputs, outputs, first, last, packed))
/// y = f(x · weights + bias + residual) for pixels from `x` and `y` on, and the blocks of outputs first ..< last. `bias` and `residual` may
/// be null; the residual may lie where the result goes.
GRAFT_LOOP(void, graft_pointwise,
           (const float *x, const float *packed, const float *bias, const float *residual, float *y, size_t inputs, size_t outputs,
            size_t pixels, size_t first, size_t last, graft_loop_activation kind),
           (x, packed, bias, residual, y, inputs, outputs, pixels, first, last, kind))
