// Every loop is compiled for each of these levels, and one level is chosen at start for the whole process: load-time resolvers could not be
// held to less than the processor has.
#pragma once

/// The baseline is what every processor of the architecture has (SSE2; NEON on Arm), AVX2 is x86-64-v3, AVX-512 x86-64-v4.
typedef enum { graft_baseline, graft_avx2, graft_avx512 } graft_instruction_set;

/// The best that processor and system offer.
graft_instruction_set graft_machine_instructions(void);
/// What the loops use now: the machine's best, unless the environment variable GRAFT_INSTRUCTIONS (`avx512`, `avx2`, `baseline`) or
/// graft_limit_instructions said less.
graft_instruction_set graft_loop_instructions(void);
/// Holds the loops to a level from now on; one above the present changes nothing. No loop may be running.
void graft_limit_instructions(graft_instruction_set most);
