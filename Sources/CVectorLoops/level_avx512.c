// The loops for AVX-512, as x86-64-v4 has it.
#if defined(__x86_64__)
#include "loop_table.h"
#include <math.h>
#include <string.h>
#define GRAFT_REGISTER_BITS 512
#define GRAFT_AT(name) name##_avx512
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt"))), apply_to = function)
#include "loops/every_loop.h"
#pragma clang attribute pop
#endif
