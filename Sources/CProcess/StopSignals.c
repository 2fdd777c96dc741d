// The handler behind StopSignals, and the one thread on which it runs.
//
// oneDNN's generated code uses the stack pointer as one more register: for moments it points into a buffer on the heap, and the kernel
// would put a handler's frame there, over other people's memory. So the signals are blocked in every thread but one that does nothing.
#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

// Signal handlers take no context, so what they touch has to be static.
static volatile sig_atomic_t stop_signal = 0;
static volatile sig_atomic_t interrupts = 0;
static volatile sig_atomic_t speaks = 0;

static const struct { int number; const char *name; } stops[] = {
    {SIGTERM, "SIGTERM"},
    {SIGINT, "SIGINT"},
    {SIGUSR1, "SIGUSR1"},
};
enum { stop_count = sizeof stops / sizeof *stops };

static void say(const char *text) {
    // Nothing can be done here about a standard error that takes no bytes.
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void note_stop(int number) {
    int code = errno;
    if (stop_signal == 0) {
        stop_signal = number;
        if (speaks) {
            // On a terminal a line of progress may stand there.
            if (speaks > 1) say("\r\033[K");
            say("asked to stop (");
            say(graft_stop_signal_name());
            say("): ending as soon as all is saved; a second control-C ends the run at once\n");
        }
    }
    if (number == SIGINT && ++interrupts > 1) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    errno = code;
}

static void fill(sigset_t *signals) {
    sigemptyset(signals);
    for (int i = 0; i < stop_count; ++i) sigaddset(signals, stops[i].number);
}

static void *listen_for_signals(void *unused) {
    (void)unused;
    sigset_t signals;
    fill(&signals);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    for (;;) pause();
    return NULL;
}

static int start_listener(void) {
    static int is_running = 0;
    if (is_running) return 0;
    sigset_t all, former;
    sigfillset(&all);
    // It begins with everything blocked, so that no handler but this file's ever runs on it.
    int error = pthread_sigmask(SIG_SETMASK, &all, &former);
    if (error) return error;
    pthread_t listener;
    error = pthread_create(&listener, NULL, listen_for_signals, NULL);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (error) return error;
    is_running = 1;
    pthread_setname_np(listener, "graft signals");
    return pthread_detach(listener);
}

int graft_stop_signals_install(int is_told) {
    stop_signal = 0;
    interrupts = 0;
    speaks = is_told ? (isatty(STDERR_FILENO) ? 2 : 1) : 0;
    sigset_t signals;
    fill(&signals);
    int error = pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (error) return error;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_stop;
    // Threads of libraries that were there before this call run it too, on an alternate stack where they have one.
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < stop_count; ++i) {
        if (sigaction(stops[i].number, &action, NULL) != 0) return errno;
    }
    return start_listener();
}

int graft_stop_signal(void) { return stop_signal; }

const char *graft_stop_signal_name(void) {
    for (int i = 0; i < stop_count; ++i) {
        if (stops[i].number == stop_signal) return stops[i].name;
    }
    return NULL;
}
