// The handlers behind StopSignals and CrashNote.
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Signal handlers take no context, so what they touch has to be static.
static volatile sig_atomic_t stop_signal = 0;
static volatile sig_atomic_t interrupts = 0;

static void note_stop(int number) {
    if (stop_signal == 0) stop_signal = number;
    if (number == SIGINT && ++interrupts > 1) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
}

static int install(int number, void (*handler)(int), int flags, struct sigaction *former) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, former) == 0 ? 0 : errno;
}

int graft_stop_signals_install(void) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    sigset_t signals;
    sigemptyset(&signals);
    stop_signal = 0;
    interrupts = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        int error = install(numbers[i], note_stop, SA_RESTART, NULL);
        if (error) return error;
        sigaddset(&signals, numbers[i]);
    }
    // A program that blocks signals passes that on to those it starts, who then would never hear of a wish to stop.
    return pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

int graft_stop_signal(void) { return stop_signal; }

static const struct { int number; const char *name; } crashes[] = {
    {SIGILL, "SIGILL, a failed check inside the program"},
    {SIGTRAP, "SIGTRAP, a failed check inside the program"},
    {SIGSEGV, "SIGSEGV, a bad memory address"},
    {SIGBUS, "SIGBUS, memory that could not be read: a mapped file that shrank, or a full /dev/shm"},
    {SIGFPE, "SIGFPE, an arithmetic fault"},
    {SIGABRT, "SIGABRT, a library gave up"},
};
enum { crash_count = sizeof crashes / sizeof *crashes };
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
    // A stack overflow leaves the handler no stack of its own on this thread, so it gets another.
    static char spare_stack[16384];
    stack_t spare = {.ss_sp = spare_stack, .ss_size = sizeof spare_stack, .ss_flags = 0};
    if (sigaltstack(&spare, NULL) != 0) return errno;
    for (int i = 0; i < crash_count; ++i) {
        struct sigaction former;
        int error = install(crashes[i].number, note_crash, SA_ONSTACK, &former);
        if (error) return error;
        if (former.sa_handler != note_crash) former_actions[i] = former;
    }
    return 0;
}
