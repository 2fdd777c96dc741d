// The handler behind CrashNote.
#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct { int number; const char *name; } crashes[] = {
    {SIGILL, "SIGILL, a failed check inside the program"},
    {SIGTRAP, "SIGTRAP, a failed check inside the program"},
    {SIGSEGV, "SIGSEGV, a bad memory address"},
    {SIGBUS, "SIGBUS, memory that could not be read: a mapped file that shrank, or a full /dev/shm"},
    {SIGFPE, "SIGFPE, an arithmetic fault"},
    {SIGABRT, "SIGABRT, a library gave up"},
};
enum { crash_count = sizeof crashes / sizeof *crashes };
// Signal handlers take no context, so what they touch has to be static.
static struct sigaction former_actions[crash_count];
static char crash_who[256];

static void say(const char *text) {
    // Nothing can be done here about a standard error that takes no bytes.
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void note_crash(int number) {
    for (int i = 0; i < crash_count; ++i) {
        if (crashes[i].number != number) continue;
        say(crash_who);
        say(": crashed (");
        say(crashes[i].name);
        say(")\n");
        // The former action may print a backtrace (Open MPI's does); the default one ends the process, and mpirun the others.
        sigaction(number, &former_actions[i], NULL);
        raise(number);
    }
}

int graft_crash_note_install(const char *who) {
    strncpy(crash_who, who, sizeof crash_who - 1);
    for (int i = 0; i < crash_count; ++i) {
        struct sigaction action, former;
        memset(&action, 0, sizeof action);
        action.sa_handler = note_crash;
        action.sa_flags = SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        if (sigaction(crashes[i].number, &action, &former) != 0) return errno;
        if (former.sa_handler == note_crash) continue;
        former_actions[i] = former;
        // Open MPI asks for the stack that the thread was on.
        former_actions[i].sa_flags |= SA_ONSTACK;
    }
    return graft_alternate_stack_install();
}

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static pthread_key_t stack_key;
static int stack_key_error;
static size_t stack_bytes;

/// Unmaps the stack of a thread that ends.
static void remove_stack(void *stack) {
    stack_t none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(&none, NULL) == 0) munmap(stack, stack_bytes);
}

static void prepare_stacks(void) {
    stack_key_error = pthread_key_create(&stack_key, remove_stack);
    // What the kernel saves of the registers (11 kB with AMX), and room for printing a backtrace.
    stack_bytes = (size_t)getauxval(AT_MINSIGSTKSZ) + (128 << 10);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    stack_bytes = (stack_bytes + page - 1) / page * page;
}

int graft_alternate_stack_install(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_stacks);
    if (stack_key_error) return stack_key_error;
    if (pthread_getspecific(stack_key)) return 0;
    void *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) return errno;
    stack_t spare = {.ss_sp = stack, .ss_size = stack_bytes, .ss_flags = 0};
    if (sigaltstack(&spare, NULL) != 0) {
        int error = errno;
        munmap(stack, stack_bytes);
        return error;
    }
    return pthread_setspecific(stack_key, stack);
}
