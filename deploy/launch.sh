#!/usr/bin/env bash
# mpirun that stops gently: `deploy/launch.sh -n 4 graft train config.yaml` takes mpirun's own arguments.
#
# mpirun answers SIGTERM and control-C by killing its ranks a second later, which leaves no time to save. It does pass SIGUSR1
# on, and graft saves and stops at it. So this runs mpirun in a session of its own, where a terminal's control-C does not
# reach it, and turns SIGTERM and the first SIGINT into SIGUSR1. A second control-C ends the job at once.
set -u
setsid mpirun "$@" &
mpirun=$!
asked=0
gently() { kill -USR1 "$mpirun" 2>/dev/null; }
interrupt() {
    asked=$((asked + 1))
    if [ "$asked" -eq 1 ]; then gently; else kill -TERM "$mpirun" 2>/dev/null; fi
}
trap gently TERM USR1
trap interrupt INT
# A trap ends `wait` early; the last one, after mpirun has ended, brings its exit status.
while :; do
    wait "$mpirun"
    status=$?
    kill -0 "$mpirun" 2>/dev/null || break
done
exit "$status"
