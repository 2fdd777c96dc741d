// Which level of instructions the loops use, and every loop by way of that level's table.
#include "loop_table.h"
#include <stdlib.h>
#include <string.h>

graft_instruction_set graft_machine_instructions(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) return graft_avx512;
    if (__builtin_cpu_supports("x86-64-v3")) return graft_avx2;
#endif
    return graft_baseline;
}

static graft_instruction_set current = graft_baseline;
static const graft_loop_table *loops = &graft_loops_baseline;

static void use(graft_instruction_set level) {
    current = level;
#if defined(__x86_64__)
    loops = level == graft_avx512 ? &graft_loops_avx512 : level == graft_avx2 ? &graft_loops_avx2 : &graft_loops_baseline;
#endif
}

/// Before main, so that no loop can run at another level first.
__attribute__((constructor)) static void choose(void) {
    use(graft_machine_instructions());
    const char *wanted = getenv("GRAFT_INSTRUCTIONS");
    if (!wanted) return;
    if (strcmp(wanted, "avx2") == 0) graft_limit_instructions(graft_avx2);
    if (strcmp(wanted, "baseline") == 0) graft_limit_instructions(graft_baseline);
}

graft_instruction_set graft_loop_instructions(void) { return current; }

void graft_limit_instructions(graft_instruction_set most) {
    if (most < current) use(most);
}

#define GRAFT_LOOP(result, name, parameters, arguments)                                                                                   \
    result name parameters { return loops->name arguments; }
#include "loop_list.h"
