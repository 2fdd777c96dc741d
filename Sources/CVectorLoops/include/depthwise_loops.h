// Depthwise convolutions over NHWC activations: each channel has its own square filter. Calls are single-threaded, allocate nothing and
// cannot fail; threads share out rows.
#pragma once
#include "elementwise_loops.h"

/// Channels are worked on in blocks of this many. The last block ends with the last channel, so it may overlap the one before.
enum { graft_depthwise_lanes = 16 };

/// Extents of a depthwise convolution; the zeros right and below follow from them.
typedef struct {
    size_t channels, in_height, in_width, out_height, out_width, kernel, stride, pad_top, pad_left;
} graft_depthwise;

/// Floats of packed weights, and of a sum of weight gradients: [blocks][kernel · kernel][lanes].
size_t graft_depthwise_packed_count(const graft_depthwise *shape);
/// Packs weights [channels][kernel][kernel], each channel times its scale (null: 1).
void graft_depthwise_pack(const graft_depthwise *shape, const float *weights, const float *scale, float *packed);
/// Packed sums of weight gradients, each channel times its scale (null: 1), as [channels][kernel][kernel].
void graft_depthwise_unpack(const graft_depthwise *shape, const float *packed, const float *scale, float *gradient);
/// y = f(x ∗ weights + bias) for the output rows first ..< last, where row r is row r mod out_height of image r / out_height. `bias` has
/// one number a channel and may be null.
void graft_depthwise_forward(const graft_depthwise *shape, const float *x, const float *packed, const float *bias, float *y, size_t first,
                             size_t last, graft_loop_activation kind);
/// The same over bfloat16 activations, with float32 weights and sums.
void graft_depthwise_forward_bfloat16(const graft_depthwise *shape, const uint16_t *x, const float *packed, const float *bias, uint16_t *y,
                                      size_t first, size_t last, graft_loop_activation kind);
/// The same over bytes from 0 to 255, which results are rounded to and kept within; weights, bias and sums are float32.
void graft_depthwise_forward_bytes(const graft_depthwise *shape, const uint8_t *x, const float *packed, const float *bias, uint8_t *y,
                                   size_t first, size_t last);
/// dx for the input rows first ..< last (counted over images), from the same packed weights as forward.
void graft_depthwise_backward_data(const graft_depthwise *shape, const float *dy, const float *packed, float *dx, size_t first,
                                   size_t last);
/// Adds the gradient of the weights over the output rows first ..< last to packed sums.
void graft_depthwise_backward_weights(const graft_depthwise *shape, const float *x, const float *dy, float *packed, size_t first,
                                      size_t last);
