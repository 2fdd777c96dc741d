// What the loops take besides numbers and addresses.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    graft_loop_identity,
    graft_loop_relu,
    graft_loop_relu6,
    graft_loop_silu,
    graft_loop_sigmoid,
    graft_loop_hard_swish,
    graft_loop_hard_sigmoid,
    graft_loop_gelu
} graft_loop_activation;

/// How activations lie in memory: float32, bfloat16, bytes from 0 to 255, or from −127 to 127. Arithmetic is float32.
typedef enum { graft_full, graft_half, graft_unsigned_bytes, graft_signed_bytes } graft_format;

/// Channels that depthwise and Winograd's loops work on at once. The last block ends with the last channel, so it may overlap the one
/// before.
enum { graft_lane_count = 16 };

/// Extents of a depthwise convolution or of pooling; the zeros right and below follow from them.
typedef struct {
    size_t channels, in_height, in_width, out_height, out_width, kernel, stride, pad_top, pad_left;
} graft_depthwise;

/// Extents of a convolution, or of the gradient of a source with the two sides changed over; the zeros right and below follow from them.
typedef struct {
    size_t inputs, in_height, in_width, outputs, out_height, out_width, kernel_height, kernel_width, stride, pad_top, pad_left;
} graft_lane_shape;

/// Extents of a convolution of stride 1 with a square window of `kernel`, and of its tiles, which are counted over images, each from its
/// upper left corner. There are at least 16 channels on both sides.
typedef struct {
    size_t extent;
    size_t in_channels, in_height, in_width, out_channels, out_height, out_width, kernel, pad_top, pad_left;
    /// Floats from one place's matrix to the next: of transformed sources, of products, and of transformed weights. Powers of two make
    /// them collide in the caches.
    size_t in_stride, out_stride, weight_stride;
    /// Of activations, float32 or bfloat16. What is transformed is float32.
    graft_format format;
} graft_winograd;

/// The numbers of one step of Adam or AdamW, worked out in double precision by the caller.
typedef struct {
    float gradient_scale;
    /// Added to the gradient, times the parameter: Adam's decay; 0 for AdamW.
    float weight_decay;
    /// 1 − rate · weight_decay: decoupled decay, multiplied into the parameter.
    float keep;
    /// 1 − beta1.
    float first_gain;
    float beta2;
    /// 1 − beta2.
    float second_gain;
    /// rate / (1 − beta1ᵗ).
    float step_size;
    /// √(1 − beta2ᵗ).
    float correction_root;
    float epsilon;
} graft_adam_step;

/// The numbers of one step of RMSprop.
typedef struct {
    float gradient_scale;
    /// Added to the gradient, times the parameter.
    float weight_decay;
    /// How much of the average of squares is kept.
    float alpha;
    /// 1 − alpha.
    float gain;
    float epsilon;
    float momentum;
    float rate;
    /// Epsilon within the root, and the rate within the momentum, as TensorFlow has them.
    bool as_tensorflow;
} graft_rmsprop_step;
