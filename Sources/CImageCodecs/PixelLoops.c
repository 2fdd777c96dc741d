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

typedef uint8_t Bytes4 __attribute__((vector_size(4)));
typedef int32_t Ints4 __attribute__((vector_size(16)));
typedef uint8_t Bytes16 __attribute__((vector_size(16)));
typedef int32_t Ints16 __attribute__((vector_size(64)));

enum { HALF = 1 << (PIXEL_WEIGHT_BITS - 1) };

static inline __attribute__((always_inline)) uint8_t clipped(int32_t sum) {
    int32_t level = sum >> PIXEL_WEIGHT_BITS;
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

// One pixel's three channels are summed side by side, in four lanes: the fourth is
// the next pixel's red, which that pixel then overwrites.
EACH_INSTRUCTION_SET
void pixel_row_resample(
    const uint8_t *source, uint8_t *target, int outputs, const int32_t *starts, const int32_t *counts, const int32_t *weights,
    int taps, int mirrored) {
    for (int place = 0; place < outputs; place++) {
        int x = mirrored ? outputs - 1 - place : place;
        const uint8_t *from = source + 3 * (size_t)starts[x];
        const int32_t *weight = weights + (size_t)x * (size_t)taps;
        Ints4 sum = {HALF, HALF, HALF, HALF};
        for (int k = 0; k < counts[x]; k++) {
            Bytes4 pixel;
            memcpy(&pixel, from + 3 * (size_t)k, 4);
            sum += __builtin_convertvector(pixel, Ints4) * weight[k];
        }
        sum = __builtin_elementwise_min(__builtin_elementwise_max(sum >> PIXEL_WEIGHT_BITS, (Ints4){0}), (Ints4){0} + 255);
        Bytes4 pixel = __builtin_convertvector(sum, Bytes4);
        memcpy(target + 3 * (size_t)place, &pixel, place + 1 < outputs ? 4 : 3);
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
            Ints16 level = sum[part] >> PIXEL_WEIGHT_BITS;
            level = __builtin_elementwise_min(__builtin_elementwise_max(level, (Ints16){0}), (Ints16){0} + 255);
            Bytes16 row = __builtin_convertvector(level, Bytes16);
            memcpy(target + x + 16 * part, &row, 16);
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
