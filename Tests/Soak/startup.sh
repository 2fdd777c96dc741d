#!/usr/bin/env bash
# Starts on large folders: processor seconds until the first step is made; then seconds, processor seconds and memory until the run of one
# step has ended, each of the rank with the most. With the folder in the system's cache and (as root) without, for 1 and 2 ranks; again in
# the same run folder, which keeps the list; the same from tar shards.
#   Tests/Soak/startup.sh [FILES…]        10000 200000, in 1,000 folders; build first (swift build -c release)
# The run's end includes the receipt of all files. Files are links to copies of a photograph of the
# repository's tests. Takes about two minutes; with 1280000, as many as ImageNet has, ten.
set -euo pipefail
counts=("$@")
[ ${#counts[@]} -gt 0 ] || counts=(10000 200000)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
enter_scratch
write_photographs seed 1

# make_folder COUNT: into train/, 1,000 classes or fewer.
make_folder() {
    python3 - "$1" <<'PYTHON'
import os, sys, shutil
count, classes, links = int(sys.argv[1]), 1000, 30000
for number in range(count):
    if number % links == 0:
        source = f"copy-{number // links}.jpg"
        shutil.copy("seed/ant/1.jpg", source)
    folder = f"train/n{number % classes:08d}"
    if number < classes: os.makedirs(folder)
    os.link(source, f"{folder}/photograph_{number:08d}.JPEG")
PYTHON
}

cat > config.yaml <<'CONFIG'
run: { name: startup }
network: { architecture: resnet18, weights: random, preprocessing: { resize: 64, crop: 64 } }
data: { train: train, augmentation: none, loader_threads: 1 }
features: { cache: off }
training: { epochs: 1, batch_size: 2, steps: 1 }
compute: { threads: 1 }
CONFIG

# start WHAT RANKS [--set=…]: one line of the table.
start() {
    local what=$1 ranks=$2
    shift 2
    touch started
    mpirun --oversubscribe --bind-to none -n "$ranks" bash -c \
        'TIMEFORMAT="%R %U %S"; exec 3>&1; { time "$@" --set=run.folder=runs > "log.$OMPI_COMM_WORLD_RANK" 2>&1; } 2> "time.$OMPI_COMM_WORLD_RANK"' \
        - /usr/bin/env python3 -c '
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print("memory", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(status)' "$graft" train config.yaml "$@" &
    local job=$! first seconds processor memory
    while kill -0 "$job" 2> /dev/null \
        && ! { [ runs/startup/metrics.jsonl -nt started ] && grep -qs '"event":"step"' runs/startup/metrics.jsonl; }; do sleep 0.05; done
    # Fields 14 and 15: ticks of a hundredth of a second.
    first=$(for process in $(pgrep -x graft); do awk '{ print ($14 + $15) / 100 }' "/proc/$process/stat" 2> /dev/null || true; done | sort -n | tail -n 1)
    wait "$job" || { tail -n 3 log.0; exit 1; }
    seconds=$(cut -d' ' -f1 time.* | sort -n | tail -n 1)
    processor=$(awk '{ print $2 + $3 }' time.* | sort -n | tail -n 1)
    memory=$(sed -n 's/^memory //p' log.* | sort -n | tail -n 1)
    printf '%-28s %5s %9s s %9s s %9s s %7s MB\n' "$what" "$ranks" "${first:--}" "$seconds" "$processor" "$memory"
    rm -rf time.* log.*
}

forget() { [ "$(id -u)" -eq 0 ] && sync && echo 3 > /proc/sys/vm/drop_caches 2>/dev/null; }

printf '%-28s %5s %11s %11s %11s %10s\n' "files" ranks first-step launch-end processor memory
for count in "${counts[@]}"; do
    make_folder "$count"
    for ranks in 1 2; do
        if forget; then start "$count, cold" "$ranks"; fi
        rm -rf runs
        start "$count, warm" "$ranks"
        start "$count, list kept" "$ranks"
        rm -rf runs
    done
    "$graft" pack train shards > log 2>&1 || { tail -n 3 log; exit 1; }
    for ranks in 1 2; do rm -rf runs; start "$count in shards" "$ranks" '--set=data.train=shards/*.tar'; done
    rm -rf train shards copy-* runs
done
