#!/usr/bin/env bash
# The race: how long it takes from the launch of all ranks to the first evaluation that reaches an accuracy, everything counted (start,
# decoding, precision, features, steps, saving, evaluation), and where the seconds went. Nothing else should run meanwhile.
#
#   deploy/race.sh CONFIG [ACCURACY] [RANKS] [--set key=value …]        0.98 and 2 ranks, unless said otherwise
#
# Every run writes into a scratch folder and starts with empty feature caches. RUNS=3 repeats it that often.
set -euo pipefail
config=${1:?usage: deploy/race.sh CONFIG [ACCURACY] [RANKS] [--set key=value …]}
shift
target=0.98 ranks=2
if [[ ${1:-} =~ ^[0-9.]+$ ]]; then target=$1; shift; fi
if [[ ${1:-} =~ ^[0-9]+$ ]]; then ranks=$1; shift; fi
graft=${GRAFT:-$(command -v graft || echo "$(dirname "$0")/../.build/release/graft")}
[ -x "$graft" ] || { echo "graft is not built: swift build -c release" >&2; exit 1; }
if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for _ in $(seq "${RUNS:-1}"); do
    rm -rf "${scratch:?}"/*
    start=$(date +%s.%N)
    mpirun -n "$ranks" "$graft" train "$config" "$@" --set "run.folder=$scratch/runs" --set "features.folder=$scratch/features" \
        > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
    end=$(date +%s.%N)
    cat "$scratch"/runs/*/metrics.jsonl | awk -v wall="$(echo "$end $start" | awk '{print $1 - $2}')" -v target="$target" '
        function field(name,   found) {
            found = match($0, "\"" name "\":[-0-9.e]+")
            return found ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : 0
        }
        /"event":"step"/ { steps += field("seconds") }
        /"event":"checkpoint"/ { saving += field("seconds") }
        /"event":"evaluation"/ {
            evaluating += field("seconds")
            if (!reached && field("accuracy") >= target) { reached = 1; accuracy = field("accuracy"); step = field("step")
                then = steps + saving + evaluating }
        }
        /"event":"finished"/ { loop = field("seconds") }
        END {
            if (!reached) { printf "accuracy %s was not reached in %.1f s\n", target, wall; exit 1 }
            before = wall - loop
            printf "%.1f s to %.2f %% (step %d): start and preparation %.1f, training and evaluation %.1f (whole run: ", \
                before + then, 100 * accuracy, step, before, then
            printf "steps %.1f, evaluations %.1f, saving %.1f, all %.1f)\n", steps, evaluating, saving, wall
        }'
done
