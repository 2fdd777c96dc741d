// Elementary functions that the compiler can vectorise: no calls, no branches.
#pragma once

/// eˣ within 2 units in the last place. Range reduction to ±½·ln 2 and the degree-5 polynomial of Cephes' expf (S. Moshier).
GRAFT_INLINE float graft_exp(float x) {
    x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the lowest bits.
    union { float value; uint32_t bits; } rounded = {.value = x * 1.44269504088896341f + 12582912.0f};
    float n = rounded.value - 12582912.0f;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + (r + 1.0f);
    union { uint32_t bits; float value; } power = {.bits = (rounded.bits + 127) << 23};
    return p * power.value;
}

/// The normal distribution's Φ(x) and density φ(x), to 1e-7: formula 7.1.26 of Abramowitz and Stegun for the error function.
GRAFT_INLINE float graft_normal_of(float x, float *density) {
    float size = x < 0 ? -x : x;
    float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * size);
    float bell = graft_exp(-0.5f * x * x);
    float tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)))) * bell;
    *density = 0.39894228f * bell;
    return x < 0 ? 0.5f * tail : 1.0f - 0.5f * tail;
}

GRAFT_INLINE float graft_sigmoid_of(float x) { return 1.0f / (1.0f + graft_exp(-x)); }
