// The affinity mask, as core numbers.
#define _GNU_SOURCE
#include "CProcess.h"

#include <sched.h>
#include <stdlib.h>

int graft_affinity_cores(int *cores, int capacity) {
    // The kernel refuses a mask smaller than its own, so this one is made for any machine there is.
    const int most = 1 << 16;
    cpu_set_t *mask = CPU_ALLOC(most);
    if (!mask) return -1;
    const size_t bytes = CPU_ALLOC_SIZE(most);
    CPU_ZERO_S(bytes, mask);
    int count = -1;
    if (sched_getaffinity(0, bytes, mask) == 0) {
        count = 0;
        for (int core = 0; core < most && count < capacity; ++core) {
            if (CPU_ISSET_S(core, bytes, mask)) cores[count++] = core;
        }
    }
    CPU_FREE(mask);
    return count;
}
