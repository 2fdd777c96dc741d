// Single numbers in and out of the formats of activations, and loops that are compiled for each of them.
#pragma once

GRAFT_INLINE float graft_wide(uint16_t bits) {
    union { uint32_t bits; float value; } word = {.bits = (uint32_t)bits << 16};
    return word.value;
}

/// Rounds to nearest, ties to even. Infinities stay; what is no number stays none, quietly.
GRAFT_INLINE uint16_t graft_narrow(float value) {
    union { float value; uint32_t bits; } word = {.value = value};
    uint32_t rounded = (word.bits + 0x7FFF + ((word.bits >> 16) & 1)) >> 16;
    uint32_t quiet = (word.bits >> 16) | 0x40;
    return (uint16_t)((word.bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
}

/// Number i of float32 or bfloat16 activations.
GRAFT_INLINE float graft_get(const void *p, size_t i, graft_format format) {
    return format == graft_half ? graft_wide(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

GRAFT_INLINE void graft_put(void *p, size_t i, float value, graft_format format) {
    if (format == graft_half) ((uint16_t *)p)[i] = graft_narrow(value);
    else ((float *)p)[i] = value;
}

/// One piece of code for float32 and one for bfloat16, named F in it.
#define GRAFT_FOR_EACH_FORMAT(body)                                                                                                       \
    if (format == graft_half) { enum { F = graft_half }; body }                                                                           \
    else { enum { F = graft_full }; body }
