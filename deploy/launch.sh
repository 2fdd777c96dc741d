#!/usr/bin/env bash
# mpirun that stops gently: `deploy/launch.sh -n 4 graft train config.yaml` takes mpirun's own arguments.
#
# mpirun answers SIGTERM and control-C by killing its ranks a second later, which leaves no time to save. It does pass SIGUSR1
# on, and graft saves and stops at it. So this runs mpirun in a session of its own, where a terminal's control-C does not
# reach it, and turns SIGTERM and the first SIGINT into SIGUSR1. A second control-C ends the job at once.
set -u
asked=0
interrupts=0
mpirun=
passer=
# Again and again until mpirun has ended: it drops what comes before its ranks run.
pass_on() { while kill -USR1 "$mpirun" 2>/dev/null; do sleep 0.5; done; }
gently() {
    asked=1
    if [ -n "$mpirun" ] && [ -z "$passer" ]; then
        pass_on </dev/null >/dev/null 2>&1 &
        passer=$!
    fi
}
interrupt() {
    interrupts=$((interrupts + 1))
    if [ "$interrupts" -eq 1 ]; then gently; else kill -TERM "$mpirun" 2>/dev/null; fi
}
trap gently TERM USR1
trap interrupt INT
# Graft gives up a job whose network is down (communication.patience) and says with which status here. mpirun itself may wait a quarter
# of an hour for the lost host.
GRAFT_VERDICT=$(mktemp) || exit 74
export GRAFT_VERDICT
end_given_up() {
    while sleep 1 && kill -0 "$mpirun" 2>/dev/null; do
        [ -s "$GRAFT_VERDICT" ] && sleep 5 && kill -KILL "$mpirun" 2>/dev/null
    done
}
# Until mpirun takes SIGUSR1 for itself it must not die of it.
(trap '' USR1; exec setsid mpirun "$@") &
mpirun=$!
end_given_up </dev/null >/dev/null 2>&1 &
watcher=$!
[ "$asked" -eq 0 ] || gently
# A trap ends `wait` early; the last one, after mpirun has ended, brings its exit status.
while :; do
    wait "$mpirun"
    status=$?
    kill -0 "$mpirun" 2>/dev/null || break
done
kill "$watcher" 2>/dev/null
[ -s "$GRAFT_VERDICT" ] && status=$(cat "$GRAFT_VERDICT")
rm -f "$GRAFT_VERDICT"
[ -z "$passer" ] || kill "$passer" 2>/dev/null
# Only a rank that has not begun yet dies of SIGUSR1: nothing is lost, and whoever asked may start again.
if [ "$asked" -eq 1 ] && [ "$status" -eq 138 ]; then status=75; fi
exit "$status"
