#!/usr/bin/env bash
# A Slurm cluster of two pretended nodes on this machine, on which deploy/slurm.sbatch has to do what it says: ranks that find each other,
# signals at any moment, time limits, cancelled jobs, killed daemons, mpirun inside an allocation, and srun mpirun by mistake.
#   sudo deploy/rehearse-slurm.sh [CASE…]       all of them if none is named; build first (swift build -c release)
# Cases: ranks, signals, limit, cancel, daemon, rank, mpirun, mistake. Installs slurm-wlm and munge where they are missing. Whatever it
# starts or writes, in a scratch folder and on loopback, it takes away. Status 1 if a case failed; takes about six minutes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/deploy/environment.sh"
[ "$(id -u)" -eq 0 ] || fail "pretended nodes need root"
graft=$(realpath "${GRAFT:-$root/.build/release/graft}")
[ -x "$graft" ] || fail "there is no $graft: build it with swift build -c release"
"$root/deploy/install-packages.sh" slurm-wlm munge
cases=("$@")
[ $# -gt 0 ] || cases=(ranks signals limit cancel daemon rank mpirun mistake)

# Not in /tmp: each node has its own there.
work=$(mktemp -d /var/tmp/graft-slurm-XXXXXX)
chmod 755 "$work"
# What was started here: daemons say which configuration they have, and their children inherit it.
own_processes() {
    local process
    for process in $(pgrep 'slurm|munged|srun|graft|mpirun|orted|launch.sh'); do
        if { tr '\0' '\n' < "/proc/$process/environ"; } 2>/dev/null | grep -qx "SLURM_CONF=$work/slurm.conf"; then echo "$process"; fi
    done
}
cleanup() {
    trap - EXIT INT TERM
    local processes
    scancel --user=root 2>/dev/null || true
    sleep 2
    for signal in TERM KILL; do
        processes=$(own_processes)
        [ -z "$processes" ] || kill "-$signal" $processes 2>/dev/null || true
        sleep 1
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"

# Ports of loopback that nobody listens on.
free_port() { # FIRST
    local port=$1
    while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}
port=$(free_port $((20000 + RANDOM % 10000)))
(umask 077 && head -c 1024 /dev/urandom > munge.key)
export SLURM_CONF=$work/slurm.conf
munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" --log-file="$work/munged.log" \
    --seed-file="$work/munge.seed"
cores=$(nproc)
cat > slurm.conf <<CONF
ClusterName=rehearsal
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=30
SchedulerParameters=sched_interval=2
NodeName=one NodeHostname=one NodeAddr=127.0.0.1 Port=$(free_port $((port + 1))) CPUs=$cores State=UNKNOWN
NodeName=two NodeHostname=two NodeAddr=127.0.0.1 Port=$(free_port $((port + 100))) CPUs=$cores State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
CONF
mkdir state
slurmctld
printf '127.0.0.1 localhost one two %s\n' "$(hostname)" > hosts
# A name, a /tmp and a list of names for each node: PMIx's folders of two nodes would meet in one /tmp.
for node in one two; do
    mkdir "tmp-$node"
    unshare --mount --uts bash -c "hostname $node && mount --bind '$work/tmp-$node' /tmp && mount --bind '$work/hosts' /etc/hosts && exec slurmd -N $node"
done

write_photographs data 6
cat > config.yaml <<'CONFIG'
run: { name: rehearsal }
network: { architecture: resnet18, weights: random, unfrozen: [layer4.1], preprocessing: { resize: 64, crop: 64 } }
data: { train: data, augmentation: none, loader_threads: 1 }
features: { cache: off }
training: { epochs: 100000, batch_size: 4 }
checkpoints: { keep: 2, every_steps: 1 }
communication: { patience: 20 }
compute: { threads: 1 }
CONFIG
# Where slurm.sbatch looks for what is beside it.
ln -s "$root/deploy" deploy
ln -s "$graft" graft
export PATH=$work:$PATH GRAFT_RESTART_WAIT=1

failures=0
check() { # WHAT COMMAND…
    local what=$1
    shift
    if "$@"; then echo "  right: $what"; else
        echo "  WRONG: $what"
        failures=$((failures + 1))
    fi
}
field() { scontrol show job -o "$1" | sed -n "s/.*[ ^]$2=\([^ ]*\).*/\1/p"; }
is() { [ "$(field "$1" JobState)" = "$2" ]; }
# Waits until a condition holds; false after SECONDS.
within() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}
saved() { [ "$(cat "$1.log" 2>/dev/null | grep -c '^saved ')" -ge "$2" ]; }
says() { grep -Eq "$2" "$1.log" 2>/dev/null; }
job=
submit() { # NAME [SBATCH'S-OPTION…] [-- OPTION…]: deploy/slurm.sbatch with one rank on each node; the job's number is in `job`
    local name=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift || true
    job=$(sbatch --parsable --nodes=2 --ntasks-per-node=1 --cpus-per-task=1 --time=10 "--output=$name.log" ${options[@]+"${options[@]}"} \
        "$root/deploy/slurm.sbatch" config.yaml --set "run.name=$name" "$@")
}
# Ends a job that has been requeued: three more steps. Slurm makes it wait for two minutes first.
finish() { # NAME
    local step
    # A node refuses what comes back within the second in which it ended.
    hurried=$((SECONDS - 17))
    step=$({ find "runs/$1/checkpoints" -maxdepth 1 -name 'step-????????' 2>/dev/null || true; } | sort | tail -n 1 | sed 's/.*step-0*//')
    cp config.yaml whole.yaml
    sed -i "s/batch_size: 4/batch_size: 4, steps: $((${step:-0} + 3))/" config.yaml
    check "it goes on and ends" within 240 is_over_when_hurried
    [ -z "$step" ] || check "from step $step" says "$1" "^resuming from .*, after step $step\$"
    check "with all steps" says "$1" "^finished $((${step:-0} + 3)) steps"
    mv whole.yaml config.yaml
}
# Slurm sets the time to start anew while the former start is being cleared away, so it is told again, but not so often that it never
# comes to scheduling; after two minutes the job starts by itself.
hurried=0
is_over_when_hurried() {
    if [ $((SECONDS - hurried)) -ge 20 ]; then
        hurried=$SECONDS
        scontrol update "JobId=$job" StartTime=now 2>/dev/null || true
    fi
    sleep 1
    is "$job" COMPLETED
}
is_requeued() { [ "$(field "$job" Restarts)" -ge 1 ]; }
is_back() { is_requeued || { says "$1" '^launch.sh: restart 1 of 5 after status [0-9]+, from step [1-9]' && says "$1" '^resuming from'; }; }
is_requeued_or_saves() { is_requeued || saved "$1" 1; }
stepd_of() { # STEP: the daemons of a step
    pgrep -f "^slurmstepd: \[$job\.$1\]" || true
}

rehearse_ranks() {
    submit ranks -- --set training.steps=3
    check "ranks found each other through PMIx" within 60 is "$job" COMPLETED
    check "two ranks on two hosts" says ranks '^2 ranks, '
}
rehearse_signals() {
    local moment number=0
    for moment in 0 0.1 0.2 0.3 0.4 0.6 1 2 4 8; do
        number=$((number + 1))
        echo " scancel --signal=TERM $moment s after the job's start"
        submit "signals$number"
        within 30 is "$job" RUNNING || true
        sleep "$moment"
        scancel --signal=TERM "$job" 2>/dev/null || true
        # Before there is a step nobody hears it, and training begins.
        within 60 is_requeued_or_saves "signals$number" || true
        is_requeued || scancel --signal=TERM "$job" 2>/dev/null || true
        check "requeued" within 60 is_requeued
        check "waiting" within 20 is "$job" PENDING
        finish "signals$number"
    done
}
rehearse_limit() {
    # Slurm keeps such times to within half a minute.
    submit limit --time=1 --signal=TERM@30
    check "requeued before the time is up" within 120 is_requeued
    check "saved at Slurm's signal" says limit 'stopped after step [0-9]+ as asked|stopped before the first step'
    finish limit
}
rehearse_cancel() {
    submit cancel
    check "runs" within 60 saved cancel 2
    scancel "$job"
    check "a cancelled job saves" within 60 says cancel 'stopped after step [0-9]+ as asked'
    check "ends" within 60 is "$job" CANCELLED
    sleep 3
    check "and does not come back" is "$job" CANCELLED
}
rehearse_daemon() {
    local step
    submit daemon
    check "runs" within 60 saved daemon 2
    step=$(stepd_of 0 | shuf -n 1)
    kill -KILL "$step"
    # The rank on the other node ends once its patience is over, and the job goes back into the queue; or srun loses the node first, and
    # the job goes on within, as soon as Slurm gives the node again.
    check "starts again after a killed slurmstepd" within 180 is_back daemon
    check "a sentence says why" \
        says daemon '(rank [01] on host (one|two), not heard of for .*start again with --resume|launch.sh: restart 1 of 5 after status)'
    is_requeued || scancel --signal=TERM "$job"
    check "requeued" within 60 is_requeued
    within 20 is "$job" PENDING || true
    finish daemon
}
rehearse_rank() {
    submit rank
    check "runs" within 60 saved rank 2
    kill -KILL "$(pgrep -x -f "$work/graft train .*run.name=rank" | shuf -n 1)"
    # At once inside of the job where Slurm ends the other rank, or through the queue once that one's patience is over.
    check "starts again after a killed rank" within 120 is_back rank
    is_requeued || scancel --signal=TERM "$job"
    check "requeued" within 60 is_requeued
    within 20 is "$job" PENDING || true
    finish rank
}
rehearse_mpirun() {
    export GRAFT_LAUNCHER=mpirun
    submit mpirun --signal=B:TERM@30
    check "mpirun starts ranks on both nodes" within 60 saved mpirun 2
    check "two ranks" says mpirun '^2 ranks, '
    scancel --batch --signal=TERM "$job"
    check "requeued" within 60 is_requeued
    check "after saving" says mpirun 'stopped after step [0-9]+ as asked'
    within 20 is "$job" PENDING || true
    finish mpirun
    unset GRAFT_LAUNCHER
}
rehearse_mistake() {
    local status
    for launcher in mpirun deploy/launch.sh; do
        status=0
        srun --nodes=1 --ntasks=2 --cpus-per-task=1 --overcommit --time=2 "$launcher" -n 2 --oversubscribe graft train config.yaml \
            --set run.name=mistake > mistake.log 2>&1 || status=$?
        check "srun $launcher is refused (status $status)" [ "$status" -eq 64 ]
        check "in one sentence" says mistake 'srun has started .* 2 times, so .* would train the same run'
    done
    check "nothing was trained" [ ! -e runs/mistake/metrics.jsonl ]
}

has_both_nodes() { [ "$(sinfo --noheader --Node --states=idle 2>/dev/null | wc -l)" -eq 2 ]; }
check "two nodes are there" within 30 has_both_nodes
for name in "${cases[@]}"; do
    start=$SECONDS
    before=$failures
    say "$name"
    "rehearse_$name"
    if [ "$failures" -gt "$before" ]; then tail -n 15 "$name"*.log; fi
    echo "  $((SECONDS - start)) s"
    scancel --user=root 2>/dev/null || true
done
say "${#cases[@]} cases, $failures wrong"
[ "$failures" -eq 0 ]
