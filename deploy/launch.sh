#!/usr/bin/env bash
# mpirun that stops gently, and starts again what a machine's failure ended.
#   deploy/launch.sh [--restarts N] [--hosts FILE] MPIRUN'S-ARGUMENTS…
#   e.g. deploy/launch.sh -n 4 graft train config.yaml
#        deploy/launch.sh --restarts 5 --hosts hostfile graft train config.yaml
#
# mpirun answers SIGTERM and control-C by killing its ranks a second later, which leaves no time to save. It does pass SIGUSR1
# on, and graft saves and stops at it. So this runs mpirun in a session of its own, where a terminal's control-C does not
# reach it, and turns SIGTERM and the first SIGINT into SIGUSR1. A second control-C ends the job at once.
#
# --restarts N: after a failure that is not the user's (status 70, a crash, a killed rank, a lost host) it waits, asks each host of
# FILE whether it is there (ssh, ten seconds; the agent that OMPI_MCA_plm_rsh_agent names, if it does), and starts again from the last
# checkpoint with those that answer: as many ranks as they have slots, so -n is left out. It gives up when two restarts in a row saved
# nothing new, and after N. GRAFT_RESTART_WAIT is the wait in seconds, 15 if unset. GRAFT_LAUNCHER stands for mpirun, such as "srun
# --mpi=pmix".
set -u
note() { printf 'launch.sh: %s\n' "$*" >&2; }
refuse() { note "$*"; exit 64; }
if [ "${SLURM_STEP_NUM_TASKS:-1}" -gt 1 ]; then
    refuse "srun has started this $SLURM_STEP_NUM_TASKS times, so as many jobs would train the same run; call it in the batch script without srun"
fi
restarts=
hosts=
while [ $# -gt 0 ]; do
    case $1 in
        --restarts) restarts=${2-}; shift 2 || refuse "--restarts needs a number" ;;
        --hosts) hosts=${2-}; shift 2 || refuse "--hosts needs the name of a hostfile" ;;
        *) break ;;
    esac
done
case $restarts in *[!0-9]*) refuse "--restarts needs a number, not '$restarts'" ;; esac
[ -z "$hosts" ] || [ -r "$hosts" ] || refuse "there is no hostfile $hosts: name one with a host a line, as in 'node01 slots=4'"
if [ -n "$hosts" ]; then
    for argument in "$@"; do
        case $argument in
            graft | */graft) break ;;
            -n | -np | --n | --np | -c | -H | -host | --host | -hostfile | --hostfile | -machinefile | --machinefile)
                refuse "--hosts says which hosts and how many ranks, so leave $argument out" ;;
        esac
    done
fi

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
    if [ "$interrupts" -eq 1 ]; then gently; elif [ -n "$mpirun" ]; then kill -TERM "$mpirun" 2>/dev/null; fi
}
trap gently TERM USR1
trap interrupt INT
work=$(mktemp -d) || exit 74
trap 'rm -rf "$work"' EXIT
# Graft gives up a job whose network is down (communication.patience) and says with which status here. mpirun itself may wait a quarter
# of an hour for the lost host.
export GRAFT_VERDICT=$work/verdict
end_given_up() {
    while sleep 1 && kill -0 "$mpirun" 2>/dev/null; do
        [ -s "$GRAFT_VERDICT" ] && sleep 5 && kill -KILL "$mpirun" 2>/dev/null
    done
}

# Passes a job's output on and notes the last step that it says it saved: rank 0 may be on any host, but its words come here.
listen() {
    trap '' INT TERM USR1
    exec 8> >(grep -aoE --line-buffered $'saved [^\r]*/step-[0-9]+' | while IFS= read -r line; do
        printf '%d\n' "$((10#${line##*step-}))" > "$work/saved"
    done)
    local reader=$!
    tee /dev/fd/8
    exec 8>&-
    wait "$reader"
}

# Runs the job once; its exit status is in `status`.
run() {
    local watcher listener=
    : > "$GRAFT_VERDICT"
    passer=
    # Until mpirun takes SIGUSR1 for itself it must not die of it.
    if [ -z "$restarts" ]; then
        (trap '' USR1; exec setsid ${GRAFT_LAUNCHER:-mpirun} "$@") &
        mpirun=$!
    else
        rm -f "$work/output"
        mkfifo "$work/output"
        listen < "$work/output" &
        listener=$!
        # Should it have to be killed, bash need not say so.
        disown "$listener"
        (trap '' USR1; exec setsid ${GRAFT_LAUNCHER:-mpirun} "$@" > "$work/output") &
        mpirun=$!
    fi
    end_given_up </dev/null >/dev/null 2>&1 &
    watcher=$!
    [ "$asked" -eq 0 ] || gently
    # A trap ends `wait` early; the last one, after mpirun has ended, brings its exit status.
    while :; do
        wait "$mpirun"
        status=$?
        kill -0 "$mpirun" 2>/dev/null || break
    done
    mpirun=
    kill "$watcher" 2>/dev/null
    [ -z "$passer" ] || kill "$passer" 2>/dev/null
    if [ -n "$listener" ]; then
        # What mpirun started may keep its output open, such as an ssh to a host that is gone.
        for _ in $(seq 50); do kill -0 "$listener" 2>/dev/null && sleep 0.1 || break; done
        kill -KILL "$listener" 2>/dev/null
    fi
    given_up=0
    if [ -s "$GRAFT_VERDICT" ]; then
        status=$(cat "$GRAFT_VERDICT")
        given_up=1
    fi
    # Only a rank that has not begun yet dies of SIGUSR1: nothing is lost, and whoever asked may start again.
    if [ "$asked" -eq 1 ] && [ "$status" -eq 138 ]; then status=75; fi
}

answers() { # HOST
    # This one needs no ssh.
    case " localhost 127.0.0.1 $(hostname) $(hostname -I 2>/dev/null) " in *" $1 "*) return 0 ;; esac
    case ${OMPI_MCA_plm_rsh_agent:-ssh} in
        ssh | *:*) timeout 10 ssh -n -o BatchMode=yes -o ConnectTimeout=10 "$1" true ;;
        # A command, perhaps with options.
        *) timeout 10 $OMPI_MCA_plm_rsh_agent "$1" true </dev/null ;;
    esac >/dev/null 2>&1
}
# Asks all hosts at once; the lines of those that answer land in the job's hostfile, the names of the others in `silent`.
ask_hosts() {
    local line name number=0 asking=()
    rm -f "$work"/answer-*
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%%#*}
        read -r name _ <<< "$line"
        [ -n "$name" ] || continue
        number=$((number + 1))
        (answers "$name" && printf '%s\n' "$line" > "$work/answer-$number" || printf '%s ' "$name" >> "$work/answer-silent") &
        asking+=($!)
    done < "$hosts"
    for number in "${asking[@]}"; do
        while kill -0 "$number" 2>/dev/null; do wait "$number"; done
    done
    : > "$work/hostfile"
    for line in $(cd "$work" && ls | sed -n 's/^answer-\([0-9]*\)$/\1/p' | sort -n); do cat "$work/answer-$line" >> "$work/hostfile"; done
    silent=$(cat "$work/answer-silent" 2>/dev/null)
}

# Whether the job's end is a machine's doing: a defect, a crash, a killed rank, a host that is gone.
is_machines_doing() {
    [ "$asked" -eq 0 ] || return 1
    case $status in
        0 | 64 | 65 | 74 | 130 | 143) return 1 ;;
        70 | 13[2-79]) return 0 ;;
        75) [ "$given_up" -eq 1 ]; return ;;
    esac
    # mpirun has several statuses for a daemon that it lost. A job that has saved, now or before a restart, was launched right; otherwise
    # the hosts tell.
    [ "$saved" -gt 0 ] || { [ -n "$hosts" ] && ask_hosts && [ -n "$silent" ]; }
}

arguments=("$@")
options=()
if [ -n "$hosts" ]; then
    cp "$hosts" "$work/hostfile"
    options=(--hostfile "$work/hostfile")
fi
# Once this job has saved a checkpoint; before that, what is there is of an older run of the same name.
resume() {
    case " ${arguments[*]} " in
        *" --resume "*) ;;
        *" train "*) arguments+=(--resume) ;;
    esac
}

best=0
fruitless=0
restarted=0
while :; do
    run ${options[@]+"${options[@]}"} "${arguments[@]}"
    [ -n "$restarts" ] || exit "$status"
    saved=$(cat "$work/saved" 2>/dev/null || echo 0)
    # No rank ends with 1: it is srun that did not get the nodes again.
    if [ "$restarted" -gt 0 ] && [ "$status" -eq 1 ] && [ -n "${SLURM_JOB_ID-}" ]; then
        note "Slurm does not start the ranks again within this job; start it again with --resume"
        exit 75
    fi
    is_machines_doing || exit "$status"
    if [ "$saved" -gt "$best" ]; then
        best=$saved
        fruitless=0
        resume
    elif [ "$restarted" -gt 0 ]; then
        fruitless=$((fruitless + 1))
    fi
    if [ "$fruitless" -ge 2 ]; then
        note "gave up after status $status: two restarts in a row saved nothing new after step $best; look at what the ranks said above, or save more often (checkpoints.every_minutes)"
        exit "$status"
    fi
    if [ "$restarted" -ge "$restarts" ]; then
        note "gave up after status $status: $restarts restarts are used up (--restarts); start again with --resume"
        exit "$status"
    fi
    restarted=$((restarted + 1))
    # What is left of the job, on hosts that lost their launcher, ends meanwhile.
    sleep "${GRAFT_RESTART_WAIT:-15}" &
    pause=$!
    while kill -0 "$pause" 2>/dev/null; do
        wait "$pause"
        if [ "$asked" -eq 1 ]; then
            kill "$pause" 2>/dev/null
            note "stopped as asked while waiting; start again with --resume"
            exit 75
        fi
    done
    left_out=
    if [ -n "$hosts" ]; then
        ask_hosts
        if [ ! -s "$work/hostfile" ]; then
            fruitless=$((fruitless + 1))
            note "no host of $hosts answers"
            cp "$hosts" "$work/hostfile"
        elif [ -n "$silent" ]; then
            left_out=", without ${silent% }, which did not answer"
        fi
    fi
    note "restart $restarted of $restarts after status $status, from step $best$left_out"
done
