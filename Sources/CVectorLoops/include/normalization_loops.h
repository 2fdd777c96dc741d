// Batch normalisation over rows of channels (NHWC with N, H, W run together).
#pragma once
#include "elementwise_loops.h"

/// sums[c] = Σ_r x[r, c] and squares[c] = Σ_r x[r, c]², in double precision.
void graft_channel_moments(const float *x, size_t rows, size_t channels, double *sums, double *squares);
/// y = f(x · scale[c] + shift[c] + residual); `residual` may be null; y may be x or residual.
void graft_normalize(const float *x, const float *scale, const float *shift, const float *residual, float *y, size_t rows,
                     size_t channels, graft_loop_activation kind);
/// With g = dy, or dy · [x · scale + shift > 0 (and < 6 for ReLU6)] where `kind` says so:
/// sums[c] = Σ g, products[c] = Σ g · (x − mean[c]), in double precision.
void graft_normalize_backward_sums(const float *dy, const float *x, const float *mean, const float *scale, const float *shift,
                                   size_t rows, size_t channels, graft_loop_activation kind, double *sums, double *products);
/// dx = a[c] · g + b[c] · x + d[c], with g as above; dx may be dy.
void graft_normalize_backward(const float *dy, const float *x, const float *scale, const float *shift, const float *a, const float *b,
                              const float *d, float *dx, size_t rows, size_t channels, graft_loop_activation kind);
