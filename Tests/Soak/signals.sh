#!/usr/bin/env bash
# Many signals during steps, at every level of oneDNN's instructions. A run that is asked to stop saves and ends with 75, whatever its
# code does at that moment; a signal's handler on the wrong stack would end some with 134 or 139, unsaved.
#   Tests/Soak/signals.sh [RUNS] [SIGNALS]      20 runs and 300 signals a level; build first (swift build -c release)
# Takes about five minutes on two cores. Prints what each level came to; status 1 if any run ended otherwise.
set -euo pipefail
runs=${1:-20}
signals=${2:-300}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
enter_scratch

write_photographs data 8
cat > config.yaml <<'CONFIG'
run: { name: soak }
network: { architecture: resnet18, weights: random, unfrozen: [layer4.1], preprocessing: { resize: 64, crop: 64 } }
data: { train: data, augmentation: none, loader_threads: 1 }
features: { cache: off }
training: { epochs: 100000, batch_size: 8 }
checkpoints: { keep: 1 }
compute: { threads: 1 }
CONFIG

bad=0
for level in SSE41 AVX2 AVX512_CORE ALL; do
    wrong=0
    for run in $(seq "$runs"); do
        ONEDNN_MAX_CPU_ISA=$level "$graft" train config.yaml --set "run.name=$level-$run" > out 2>&1 &
        process=$!
        until grep -qs '"event":"step"' "runs/$level-$run/metrics.jsonl"; do
            kill -0 "$process" 2>/dev/null || break
            sleep 0.02
        done
        # At any moment of a step, not always at the same.
        sleep "0.0$((RANDOM % 10))"
        for _ in $(seq $(((signals + runs - 1) / runs))); do kill -USR1 "$process" 2>/dev/null || break; done
        status=0
        wait "$process" || status=$?
        if [ "$status" -ne 75 ]; then
            wrong=$((wrong + 1))
            echo "$level, run $run: status $status: $(tail -n 1 out)"
        fi
        rm -rf "runs/$level-$run"
    done
    echo "$level: $runs runs, $signals signals, $wrong that did not save and end with 75"
    bad=$((bad + wrong))
done
[ "$bad" -eq 0 ]
