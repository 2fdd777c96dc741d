// One binary, the best code chosen at load: each hot loop is compiled for AVX-512, AVX2 and the baseline.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__linux__)
#define GRAFT_VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=haswell", "default")))
#else
#define GRAFT_VECTORIZED
#endif

/// For helpers that must be compiled inside each clone.
#define GRAFT_INLINE static inline __attribute__((always_inline))

/// Before a loop whose result may stand exactly on an operand: without it the compiler's check for overlap finds one and takes the scalar
/// loop.
#define GRAFT_IN_PLACE _Pragma("clang loop vectorize(assume_safety)")
