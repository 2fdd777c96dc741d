// The loops over activations once more for bfloat16 in memory and float32 in registers: half the traffic of memory-bound loops.
// Arguments as in elementwise_loops.h and normalization_loops.h; activations are bit patterns.
#pragma once
#include "elementwise_loops.h"

void graft_bf16_activate(const uint16_t *x, uint16_t *y, size_t count, graft_loop_activation kind);
void graft_bf16_add_activate(const uint16_t *a, const uint16_t *b, uint16_t *y, size_t count, graft_loop_activation kind);
void graft_bf16_combine_gradients(const uint16_t *a, const uint16_t *b, const uint16_t *kept, uint16_t *dx, size_t count,
                                  graft_loop_activation kind);
/// y[c] = scale · Σ_p x[p, c], in float32.
void graft_bf16_pixel_sum(const uint16_t *x, float *y, size_t pixels, size_t channels, float scale);
/// dx[p, c] = scale · dy[c], from float32.
void graft_bf16_pixel_spread(const float *dy, uint16_t *dx, size_t pixels, size_t channels, float scale);

void graft_bf16_channel_moments(const uint16_t *x, size_t rows, size_t channels, double *sums, double *squares);
void graft_bf16_normalize(const uint16_t *x, const float *scale, const float *shift, const uint16_t *residual, uint16_t *y, size_t rows,
                          size_t channels, graft_loop_activation kind);
void graft_bf16_normalize_backward_sums(const uint16_t *dy, const uint16_t *x, const float *mean, const float *scale,
                                        const float *shift, size_t rows, size_t channels, graft_loop_activation kind, double *sums,
                                        double *products);
void graft_bf16_normalize_backward(const uint16_t *dy, const uint16_t *x, const float *scale, const float *shift, const float *a,
                                   const float *b, const float *d, uint16_t *dx, size_t rows, size_t channels,
                                   graft_loop_activation kind);
