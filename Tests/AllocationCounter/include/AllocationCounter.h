// Counts what the calling thread asks the allocator for, in a test executable: its own `malloc` stands before the C library's.
#pragma once
/// Begins to count allocations of the calling thread.
void allocation_counter_start(void);

/// Ends counting. Returns where the first allocation came from, innermost caller first, or an empty text if there was none; those that
/// oneDNN and the OpenMP and C++ libraries make for themselves are left out. Valid until the thread's next call.
const char *allocation_counter_stop(void);
