// Sixteen channels at once, as clang's vectors: one register with AVX-512, two with AVX2, four with the baseline. Vectors go to helpers
// by address, since passing them by value would depend on the instruction set; inlining removes the detour.
#pragma once

typedef float graft_lanes __attribute__((ext_vector_type(16)));
typedef int32_t graft_lane_bits __attribute__((ext_vector_type(16)));
typedef uint32_t graft_lane_words __attribute__((ext_vector_type(16)));
typedef uint16_t graft_half_lanes __attribute__((ext_vector_type(16)));
typedef uint8_t graft_byte_lanes __attribute__((ext_vector_type(16)));
// The same at any address.
typedef float graft_loose_lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef uint8_t graft_loose_byte_lanes __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef uint16_t graft_loose_half_lanes __attribute__((ext_vector_type(16), aligned(2), may_alias));

enum { lanes = graft_lane_count };

GRAFT_INLINE size_t block_count(size_t channels) { return (channels + lanes - 1) / lanes; }
/// The last block of channels is moved back to end with the last; it does those that it shares with its neighbour once more.
GRAFT_INLINE size_t block_start(size_t block, size_t channels) {
    return channels < lanes ? 0 : smaller(block * lanes, channels - lanes);
}

/// Loads 16 numbers from element `i`.
GRAFT_INLINE void graft_load(graft_lanes *v, const void *p, size_t i, graft_format format) {
    if (format == graft_unsigned_bytes) {
        graft_byte_lanes bytes = *(const graft_loose_byte_lanes *)((const uint8_t *)p + i);
        *v = __builtin_convertvector(__builtin_convertvector(bytes, graft_lane_bits), graft_lanes);
    } else if (format == graft_half) {
        graft_half_lanes half = *(const graft_loose_half_lanes *)((const uint16_t *)p + i);
        *v = (graft_lanes)(__builtin_convertvector(half, graft_lane_words) << 16);
    } else {
        *v = *(const graft_loose_lanes *)((const float *)p + i);
    }
}

/// Stores 16 numbers at element `i`; bfloat16 and bytes are rounded to nearest even. Not-a-number stays one by its upper bits, quietly,
/// and is 0 as a byte.
GRAFT_INLINE void graft_store(const graft_lanes *v, void *p, size_t i, graft_format format) {
    if (format == graft_unsigned_bytes) {
        graft_lanes zero = 0, most = 255, x = *v;
        x = x > zero ? x : zero;
        x = x < most ? x : most;
        // Adding 1.5 · 2²³ rounds to an integer and leaves it in the lowest bits.
        graft_lane_bits integers = (graft_lane_bits)(x + 12582912.0f);
        *(graft_loose_byte_lanes *)((uint8_t *)p + i) = __builtin_convertvector(integers, graft_byte_lanes);
    } else if (format == graft_half) {
        graft_lane_words bits = (graft_lane_words)*v;
        graft_lane_words rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        graft_lane_words quiet = (bits >> 16) | 0x40;
        rounded = (bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded;
        *(graft_loose_half_lanes *)((uint16_t *)p + i) = __builtin_convertvector(rounded, graft_half_lanes);
    } else {
        *(graft_loose_lanes *)((float *)p + i) = *v;
    }
}

/// eˣ for x within ±87, as graft_exp_within has it.
GRAFT_INLINE void graft_lanes_exp_within(graft_lanes *v) {
    graft_lanes x = *v, rounded = x * 1.44269504088896341f + GRAFT_ROUNDER, n = rounded - GRAFT_ROUNDER;
    graft_lanes r = x - n * GRAFT_LN2 + n * GRAFT_LN2_REST, r2 = r * r;
    *v = (graft_lanes)((graft_lane_words)GRAFT_EXP_POLYNOMIAL(r, r2) + ((graft_lane_words)rounded << 23));
}

/// What is no number stays none.
GRAFT_INLINE void graft_lanes_hold(graft_lanes *v) {
    *v = *v < -87.0f ? (graft_lanes)-87.0f : *v;
    *v = *v > 87.0f ? (graft_lanes)87.0f : *v;
}

GRAFT_INLINE void graft_lanes_sigmoid(graft_lanes *v) {
    graft_lanes_hold(v);
    *v = -*v;
    graft_lanes_exp_within(v);
    *v = 1.0f / (1.0f + *v);
}

/// The normal distribution's Φ, as graft_normal_of has it.
GRAFT_INLINE void graft_lanes_normal(graft_lanes *v) {
    graft_lanes x = *v, bell = -0.5f * x * x, size = x < 0.0f ? -x : x;
    graft_lanes_hold(&bell);
    graft_lanes_exp_within(&bell);
    graft_lanes t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * size), p = t * 1.061405429f - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    graft_lanes tail = 0.5f * t * p * bell;
    *v = x < 0.0f ? tail : 1.0f - tail;
}

GRAFT_INLINE void graft_lanes_hard_sigmoid(graft_lanes *v) {
    graft_lanes zero = 0, one = 1, gate = *v * (1.0f / 6) + 0.5f;
    gate = gate > zero ? gate : zero;
    *v = gate < one ? gate : one;
}

GRAFT_INLINE void graft_lanes_activate(graft_lanes *v, graft_loop_activation kind) {
    graft_lanes zero = 0;
    switch (kind) {
    case graft_loop_identity: break;
    case graft_loop_relu: *v = *v > zero ? *v : zero; break;
    case graft_loop_relu6: {
        graft_lanes six = 6;
        *v = *v > zero ? *v : zero;
        *v = *v < six ? *v : six;
        break;
    }
    case graft_loop_silu: {
        graft_lanes x = *v;
        graft_lanes_sigmoid(v);
        *v *= x;
        break;
    }
    case graft_loop_sigmoid: graft_lanes_sigmoid(v); break;
    case graft_loop_hard_swish: {
        graft_lanes x = *v;
        graft_lanes_hard_sigmoid(v);
        *v *= x;
        break;
    }
    case graft_loop_hard_sigmoid: graft_lanes_hard_sigmoid(v); break;
    case graft_loop_gelu: {
        graft_lanes x = *v;
        graft_lanes_normal(v);
        *v *= x;
        break;
    }
    }
}
