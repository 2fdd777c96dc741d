// What a process asks of Linux and Swift cannot say: signal handlers, which may only touch what POSIX calls
// async-signal-safe (a Swift function may lazily initialise, retain or allocate, and nothing in the language promises that
// it does not), and the affinity mask, whose calls hide behind a feature macro that Swift's Glibc module does not set.
#pragma once
#include <stddef.h>

/// Makes SIGTERM, SIGINT and SIGUSR1 set a flag instead of ending the process; a second SIGINT ends it at once.
///
/// Blocks them in the calling thread, and so in all threads that it starts from now on, and starts one that takes them.
/// Forgets a signal that came before. `is_told`: whether the first signal is answered by a line on standard error.
/// Returns 0 or an error number.
int graft_stop_signals_install(int is_told);

/// The number of the first stop signal that has arrived since the installation, or 0.
int graft_stop_signal(void);

/// The name of that signal, or NULL.
const char *graft_stop_signal_name(void);

/// Makes crash signals (a trap of the program, a bad address, an abort) write "<who>: crashed (<signal>)" to standard error
/// before they take their former course. `who` is copied, and cut at 255 bytes. The calling thread gets a stack for it.
/// Returns 0 or an error number.
int graft_crash_note_install(const char *who);

/// Gives the calling thread a stack for handlers of its own, if it has none of this function's yet, for the life of the thread.
/// Returns 0 or an error number.
int graft_alternate_stack_install(void);

/// Writes the numbers of the cores on which the calling thread may run, ascending, into `cores` (room for `capacity`).
/// Returns how many there are, or -1 if the system does not tell.
int graft_affinity_cores(int *cores, int capacity);

/// Makes memory without a name that processes of this host can share; it is gone when the last of them is, however they end.
/// Returns a file descriptor, or minus an error number.
int graft_shared_memory_create(size_t bytes);

/// Opens what process `owner` made as its descriptor `number`. Returns a file descriptor, or minus an error number.
int graft_shared_memory_open(int owner, int number);

/// The revision in git that this program was built from, as the environment of the build said it (GRAFT_REVISION); empty where it did not.
const char *graft_revision(void);
