// Non-linearities of one number, and loops that are compiled for each of them.
#pragma once

GRAFT_INLINE float graft_hard_sigmoid_of(float x) {
    float gate = x * (1.0f / 6) + 0.5f;
    return gate > 0 ? (gate < 1 ? gate : 1) : 0;
}

GRAFT_INLINE float graft_activated(float x, graft_loop_activation kind) {
    switch (kind) {
    case graft_loop_identity: return x;
    case graft_loop_relu: return x > 0 ? x : 0;
    case graft_loop_relu6: return x > 0 ? (x < 6 ? x : 6) : 0;
    case graft_loop_silu: return x * graft_sigmoid_of(x);
    case graft_loop_sigmoid: return graft_sigmoid_of(x);
    case graft_loop_hard_swish: return x * graft_hard_sigmoid_of(x);
    case graft_loop_hard_sigmoid: return graft_hard_sigmoid_of(x);
    case graft_loop_gelu: {
        float density;
        return x * graft_normal_of(x, &density);
    }
    }
    return x;
}

/// The derivative, from the input for SiLU, hard swish and GELU, and from the output for both sigmoids; the others tell it from either.
GRAFT_INLINE float graft_slope(float kept, graft_loop_activation kind) {
    switch (kind) {
    case graft_loop_identity: return 1;
    case graft_loop_relu: return kept > 0 ? 1 : 0;
    case graft_loop_relu6: return kept > 0 && kept < 6 ? 1 : 0;
    case graft_loop_silu: {
        float s = graft_sigmoid_of(kept);
        return s * (1 + kept * (1 - s));
    }
    case graft_loop_sigmoid: return kept * (1 - kept);
    case graft_loop_hard_swish: return kept > -3 ? (kept < 3 ? kept * (1.0f / 3) + 0.5f : 1) : 0;
    case graft_loop_hard_sigmoid: return kept > 0 && kept < 1 ? 1.0f / 6 : 0;
    case graft_loop_gelu: {
        float density, below = graft_normal_of(kept, &density);
        return below + kept * density;
    }
    }
    return 1;
}

/// dy · f′ of an activation's input; not for those whose slope is told from the output.
GRAFT_INLINE float graft_masked(float dy, float before, graft_loop_activation kind) {
    switch (kind) {
    case graft_loop_relu: return before > 0 ? dy : 0;
    case graft_loop_relu6: return before > 0 && before < 6 ? dy : 0;
    case graft_loop_silu:
    case graft_loop_hard_swish:
    case graft_loop_gelu: return dy * graft_slope(before, kind);
    case graft_loop_identity:
    case graft_loop_sigmoid:
    case graft_loop_hard_sigmoid: return dy;
    }
    return dy;
}

/// One loop a kind, named K in its body, so that the choice stands outside of it and the body vectorises.
#define GRAFT_FOR_EACH_KIND(body)                                                                                                          \
    switch (kind) {                                                                                                                       \
    case graft_loop_identity: { enum { K = graft_loop_identity }; body } break;                                                           \
    case graft_loop_relu: { enum { K = graft_loop_relu }; body } break;                                                                   \
    case graft_loop_relu6: { enum { K = graft_loop_relu6 }; body } break;                                                                 \
    case graft_loop_silu: { enum { K = graft_loop_silu }; body } break;                                                                   \
    case graft_loop_sigmoid: { enum { K = graft_loop_sigmoid }; body } break;                                                             \
    case graft_loop_hard_swish: { enum { K = graft_loop_hard_swish }; body } break;                                                       \
    case graft_loop_hard_sigmoid: { enum { K = graft_loop_hard_sigmoid }; body } break;                                                   \
    case graft_loop_gelu: { enum { K = graft_loop_gelu }; body } break;                                                                   \
    }
