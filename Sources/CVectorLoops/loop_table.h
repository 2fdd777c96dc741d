// One function for every loop: what a level of instructions offers.
#pragma once
#include "instruction_set.h"
#include "loop_types.h"

#define GRAFT_LOOP(result, name, parameters, arguments) result(*name) parameters;
typedef struct {
#include "loop_list.h"
} graft_loop_table;
#undef GRAFT_LOOP

extern const graft_loop_table graft_loops_baseline;
#if defined(__x86_64__)
extern const graft_loop_table graft_loops_avx2, graft_loops_avx512;
#endif
