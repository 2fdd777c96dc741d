// glibc keeps its own allocator reachable under other names, so that a program may define the usual ones itself.
#define _GNU_SOURCE
#include "AllocationCounter.h"
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

enum { most_records = 4096, most_frames = 24 };

static _Thread_local bool is_counting;
static _Thread_local long count;
static _Thread_local void *(*records)[most_frames];

static void note(void) {
    if (!is_counting) return;
    is_counting = false;
    if (count < most_records) {
        memset(records[count], 0, sizeof records[count]);
        backtrace(records[count], most_frames);
    }
    count++;
    is_counting = true;
}

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    note();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    note();
    void *made = __libc_memalign(alignment, size);
    if (!made) return ENOMEM;
    *block = made;
    return 0;
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    note();
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

void allocation_counter_start(void) {
    if (!records) records = __libc_calloc(most_records, sizeof *records);
    // The first backtrace loads a library.
    void *frames[2];
    backtrace(frames, 2);
    count = 0;
    is_counting = true;
}

/// Whether an allocation is a library's own business: the first frame outside this file and the runtime tells.
static bool is_foreign(void *const *frames) {
    static const char *const libraries[] = {"libdnnl", "libgomp", "libstdc++"};
    // Frames 0 and 1 are `note` and the allocator's entry.
    for (int i = 1; i < 4 && frames[i]; i++) {
        Dl_info info;
        if (!dladdr(frames[i], &info) || !info.dli_fname) continue;
        for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++)
            if (strstr(info.dli_fname, libraries[k])) return true;
    }
    return false;
}

static void describe(void *const *frames, char *text, size_t capacity) {
    size_t length = 0;
    for (int i = 1; i < most_frames && frames[i] && length < capacity; i++) {
        Dl_info info;
        const char *name = dladdr(frames[i], &info) && info.dli_sname ? info.dli_sname : "?";
        length += (size_t)snprintf(text + length, capacity - length, "%s\n", name);
    }
}

const char *allocation_counter_stop(void) {
    is_counting = false;
    static _Thread_local char text[4096];
    long counted = 0;
    text[0] = 0;
    for (long i = 0; i < count && i < most_records; i++) {
        if (is_foreign(records[i])) continue;
        if (counted++ == 0) describe(records[i], text, sizeof text);
    }
    return text;
}
