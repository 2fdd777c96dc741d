// Anonymous shared memory. A file in /dev/shm would stay behind when a job is killed, and containers often leave 64 MB there.
#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int graft_shared_memory_create(size_t bytes) {
#ifdef __linux__
    // Taking more than there is would not fail: the system would kill processes until it fits.
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size_t)sysconf(_SC_PHYS_PAGES);
    if (bytes / page > pages / 2) return -ENOMEM;
    const int file = memfd_create("graft", MFD_CLOEXEC);
    if (file < 0) return -errno;
    // Takes the memory now: later a lack of it would be a bus error.
    const int error = posix_fallocate(file, 0, (off_t)bytes);
    if (error == 0) return file;
    close(file);
    return -error;
#else
    (void)bytes;
    return -ENOSYS;
#endif
}

int graft_shared_memory_open(int owner, int number) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", owner, number);
    const int file = open(path, O_RDWR | O_CLOEXEC);
    return file < 0 ? -errno : file;
}
