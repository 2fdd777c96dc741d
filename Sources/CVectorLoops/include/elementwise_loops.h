// Element-wise loops over float32 activations. Counts are in elements; activations are NHWC.
#pragma once
#include "vector_target.h"

typedef enum { graft_loop_identity, graft_loop_relu, graft_loop_relu6, graft_loop_silu, graft_loop_sigmoid } graft_loop_activation;

/// y = f(x); x and y may be the same.
void graft_activate(const float *x, float *y, size_t count, graft_loop_activation kind);
/// dx = dy · f′(x), where `kept` is x for SiLU and y = f(x) for the others; dx may be dy.
void graft_activate_backward(const float *dy, const float *kept, float *dx, size_t count, graft_loop_activation kind);
/// y = f(a + b); y may be a or b.
void graft_add_activate(const float *a, const float *b, float *y, size_t count, graft_loop_activation kind);
/// dx = (a + b) · f′, with f′ told from `kept` as above; `b` may be null; dx may be a or b.
void graft_combine_gradients(const float *a, const float *b, const float *kept, float *dx, size_t count, graft_loop_activation kind);
/// y[p, c] = x[p, c] · gate[c] over the pixels of one image.
void graft_gate(const float *x, const float *gate, float *y, size_t pixels, size_t channels);
/// dgate[c] = Σ_p dy[p, c] · x[p, c] over the pixels of one image.
void graft_gate_backward(const float *dy, const float *x, float *dgate, size_t pixels, size_t channels);
/// y[c] = scale · Σ_p x[p, c] over the pixels of one image.
void graft_pixel_sum(const float *x, float *y, size_t pixels, size_t channels, float scale);
/// dx[p, c] = scale · dy[c] for the pixels of one image.
void graft_pixel_spread(const float *dy, float *dx, size_t pixels, size_t channels, float scale);
/// y[c, p] = x[p, c] for one image, and back.
void graft_channels_first(const float *x, float *y, size_t pixels, size_t channels);
void graft_channels_last(const float *x, float *y, size_t pixels, size_t channels);
/// Dropout of `count` elements: y[i] = x[i] · [u(key, i) ≥ rate] / (1 − rate) with u uniform in [0, 1); the same key gives the same mask,
/// so that backward need not store it. y may be x.
void graft_dropout(const float *x, float *y, size_t count, uint64_t key, float rate);
/// y[r, :] = scale[r] · x[r, :]; y may be x.
void graft_scale_rows(const float *x, const float *scale, float *y, size_t rows, size_t columns);
/// y = x · factor.
void graft_scale(const float *x, float *y, size_t count, float factor);
/// y += x.
void graft_accumulate(const float *x, float *y, size_t count);
/// sums[c] = Σ_r x[r, c].
void graft_column_sums(const float *x, float *sums, size_t rows, size_t columns);
/// The sum of a[i] · b[i], in double precision.
double graft_dot(const float *a, const float *b, size_t count);
/// float32 to bfloat16, rounded to nearest even, and back.
void graft_to_bfloat16(const float *x, uint16_t *y, size_t count);
void graft_from_bfloat16(const uint16_t *x, float *y, size_t count);
/// Rounds what is sent and keeps what rounding takes away: y = bfloat16(x), rest = x − y (0 where that is no number). x stays.
void graft_bfloat16_split(const float *x, uint16_t *y, float *rest, size_t count);
/// y += x, from bfloat16.
void graft_bfloat16_accumulate(const uint16_t *x, float *y, size_t count);
