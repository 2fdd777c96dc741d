// The loops for AVX2, FMA and what else x86-64-v3 has. Features are asked for: a model, as in `arch=haswell`, would be that one alone to a
// resolver, and an architecture brings its own preferences, for x86-64-v4 that of vectors half as wide.
#if defined(__x86_64__)
#include "loop_table.h"
#include <math.h>
#include <string.h>
#define GRAFT_REGISTER_BITS 256
#define GRAFT_AT(name) name##_avx2
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt"))), apply_to = function)
#include "loops/every_loop.h"
#pragma clang attribute pop
#endif
