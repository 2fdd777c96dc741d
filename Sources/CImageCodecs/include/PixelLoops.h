// The inner loops of resampling and normalising. Pixels are R, G, B bytes without gaps.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The fixed point of the filter weights: 8 bits of result and 2 of headroom for overshoot leave 22, as in Pillow.
enum { PIXEL_WEIGHT_BITS = 32 - 8 - 2 };

/// Resamples `rows` rows, each by itself: output pixel `x` is the sum of `counts[x]` source pixels from `starts[x]` on, times the
/// weights from `weights + x * taps` on, rounded and clipped to a byte. With `mirrored`, output `x` goes to place `outputs - 1 - x`.
/// Reads one byte beyond the last source pixel of each row.
void pixel_rows_resample(
    const uint8_t *source, size_t stride, int rows, uint8_t *target, size_t target_stride, int outputs, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, int taps, int mirrored);

/// One output row from `count` source rows that lie `stride` bytes apart: each of `bytes` bytes is their weighted sum, rounded
/// and clipped.
void pixel_rows_blend(
    const uint8_t *source, size_t stride, int count, const int32_t *weights, uint8_t *target, size_t bytes);

/// `target = (source - mean) * inverse` for each channel, as float32. `mean` and `inverse` are in the order of the target; with
/// `blue_first` the target's channels are B, G, R.
void pixels_normalize(
    const uint8_t *source, size_t pixels, const float *mean, const float *inverse, int blue_first, float *target);
