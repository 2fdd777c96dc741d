// The inner loops of resampling and normalising, compiled once for each instruction set (target_clones: the loader picks the
// one the processor has), with the compiler's portable vector types where it would not vectorise by itself.
#include "include/PixelLoops.h"

#include <string.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
// The thread sanitizer cannot bear the loader's choosing, which runs before it is ready.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define EACH_INSTRUCTION_SET __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EACH_INSTRUCTION_SET
#endif

typedef uint8_t Bytes16 __attribute__((vector_size(16)));
typedef int32_t Ints16 __attribute__((vector_size(64)));

enum { HALF = 1 << (PIXEL_WEIGHT_BITS - 1) };

static inline __attribute__((always_inline)) uint8_t clipped(int32_t sum) {
    int32_t level = sum >> PIXEL_WEIGHT_BITS;
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

// By address, for a vector argument's place depends on the instruction set.
static inline __attribute__((always_inline)) void store_clipped(const Ints16 *sum, void *target) {
    Ints16 level = *sum >> PIXEL_WEIGHT_BITS;
    level = __builtin_elementwise_min(__builtin_elementwise_max(level, (Ints16){0}), (Ints16){0} + 255);
    Bytes16 bytes = __builtin_convertvector(level, Bytes16);
    memcpy(target, &bytes, 16);
}

// The three channels of one column's pixels in four rows are summed side by side, each pixel in four lanes: the fourth is the
// next pixel's red. It is written too, and overwritten when the place to the right is.
static inline __attribute__((always_inline)) void resample_four_rows(
    const uint8_t *const from[4], uint8_t *const to[4], int outputs, const int32_t *starts, const int32_t *counts,
    const int32_t *weights, int taps, int mirrored) {
    for (int place = 0; place < outputs; place++) {
        int x = mirrored ? outputs - 1 - place : place;
        const int32_t *weight = weights + (size_t)x * (size_t)taps;
        size_t offset = 3 * (size_t)starts[x];
        Ints16 sum = (Ints16){0} + HALF;
        for (int k = 0; k < counts[x]; k++, offset += 3) {
            uint32_t pixels[4];
            for (int row = 0; row < 4; row++) memcpy(&pixels[row], from[row] + offset, 4);
            Bytes16 bytes;
            memcpy(&bytes, pixels, 16);
            sum += __builtin_convertvector(bytes, Ints16) * weight[k];
        }
        uint32_t pixels[4];
        store_clipped(&sum, pixels);
        if (place + 1 < outputs) {
            for (int row = 0; row < 4; row++) memcpy(to[row] + 3 * (size_t)place, &pixels[row], 4);
        } else {
            for (int row = 0; row < 4; row++) memcpy(to[row] + 3 * (size_t)place, &pixels[row], 3);
        }
    }
}

// Rows beyond the last are the last one again: done twice with the same result.
EACH_INSTRUCTION_SET
void pixel_rows_resample(
    const uint8_t *source, size_t stride, int rows, uint8_t *target, size_t target_stride, int outputs, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, int taps, int mirrored) {
    for (int row = 0; row < rows; row += 4) {
        const uint8_t *from[4];
        uint8_t *to[4];
        for (int i = 0; i < 4; i++) {
            size_t at = (size_t)(row + i < rows ? row + i : rows - 1);
            from[i] = source + at * stride;
            to[i] = target + at * target_stride;
        }
        resample_four_rows(from, to, outputs, starts, counts, weights, taps, mirrored);
    }
}

EACH_INSTRUCTION_SET
void pixel_rows_blend(
    const uint8_t *source, size_t stride, int count, const int32_t *weights, uint8_t *target, size_t bytes) {
    size_t x = 0;
    for (; x + 64 <= bytes; x += 64) {
        Ints16 sum[4];
        for (int part = 0; part < 4; part++) sum[part] = (Ints16){0} + HALF;
        for (int k = 0; k < count; k++) {
            const uint8_t *from = source + (size_t)k * stride + x;
            for (int part = 0; part < 4; part++) {
                Bytes16 row;
                memcpy(&row, from + 16 * part, 16);
                sum[part] += __builtin_convertvector(row, Ints16) * weights[k];
            }
        }
        for (int part = 0; part < 4; part++) {
            store_clipped(&sum[part], target + x + 16 * part);
        }
    }
    for (; x < bytes; x++) {
        int32_t sum = HALF;
        for (int k = 0; k < count; k++) sum += source[(size_t)k * stride + x] * weights[k];
        target[x] = clipped(sum);
    }
}

// 16 pixels are 48 numbers: whole vectors of any width, at which the channels' pattern repeats.
EACH_INSTRUCTION_SET
void pixels_normalize(
    const uint8_t *source, size_t pixels, const float *mean, const float *inverse, int blue_first, float *target) {
    float means[48], inverses[48];
    for (int i = 0; i < 48; i++) {
        means[i] = mean[i % 3];
        inverses[i] = inverse[i % 3];
    }
    size_t count = 3 * pixels;
    for (size_t base = 0; base < count; base += 48) {
        uint8_t swapped[48];
        const uint8_t *from = source + base;
        size_t block = count - base < 48 ? count - base : 48;
        if (blue_first) {
            for (size_t i = 0; i < block; i++) swapped[i] = from[i - i % 3 + 2 - i % 3];
            from = swapped;
        }
        if (block == 48) {
            for (int i = 0; i < 48; i++) target[base + (size_t)i] = ((float)from[i] - means[i]) * inverses[i];
        } else {
            for (size_t i = 0; i < block; i++) target[base + i] = ((float)from[i] - means[i]) * inverses[i];
        }
    }
}
