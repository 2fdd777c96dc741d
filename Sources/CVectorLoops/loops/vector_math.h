// Elementary functions that the compiler can vectorise: no calls, no branches.
#pragma once

// eˣ = 2ⁿ · eʳ with |r| ≤ ½ · ln 2: ln 2 as 355/512 (Cephes' choice, of which n times is exact) and the rest, and for eʳ a polynomial whose
// relative error is 3e-9, with 1 and r as they are (a minimax fit by reweighted least squares). Its halves are worked out beside each other:
// loops over these functions wait for their long chains of operations.
#define GRAFT_LN2 0.693359375f
#define GRAFT_LN2_REST 2.12194440e-4f
#define GRAFT_EXP_POLYNOMIAL(r, r2)                                                                                                        \
    (((1.3814539e-3f * (r2) + (8.3687454e-3f * (r) + 4.1668389e-2f)) * (r2) + (1.6666521e-1f * (r) + 4.9999994e-1f)) * (r2) + (1.0f + (r)))
// Adding 1.5 · 2²³ rounds to an integer and leaves it in the lowest bits, from where it is shifted to the exponent's.
#define GRAFT_ROUNDER 12582912.0f

/// eˣ within 2 units in the last place, for x from −87 to 88.
GRAFT_INLINE float graft_exp_within(float x) {
    union { float value; uint32_t bits; } rounded = {.value = x * 1.44269504088896341f + GRAFT_ROUNDER};
    float n = rounded.value - GRAFT_ROUNDER;
    float r = x - n * GRAFT_LN2 + n * GRAFT_LN2_REST, r2 = r * r;
    union { float value; uint32_t bits; } power = {.value = GRAFT_EXP_POLYNOMIAL(r, r2)};
    power.bits += rounded.bits << 23;
    return power.value;
}

/// What is no number stays none.
GRAFT_INLINE float graft_held(float x) {
    x = x < -87.0f ? -87.0f : x;
    return x > 87.0f ? 87.0f : x;
}

GRAFT_INLINE float graft_exp(float x) { return graft_exp_within(graft_held(x)); }

/// The normal distribution's Φ(x) and density φ(x), to 1e-7: formula 7.1.26 of Abramowitz and Stegun for the error function.
GRAFT_INLINE float graft_normal_of(float x, float *density) {
    float size = x < 0 ? -x : x;
    float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * size);
    float bell = graft_exp(-0.5f * x * x);
    float tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)))) * bell;
    *density = 0.39894228f * bell;
    return x < 0 ? 0.5f * tail : 1.0f - 0.5f * tail;
}

GRAFT_INLINE float graft_sigmoid_of(float x) { return 1.0f / (1.0f + graft_exp_within(-graft_held(x))); }
