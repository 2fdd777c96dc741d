#!/usr/bin/env bash
# Every command on one folder of photographs: seconds and the largest memory, the features computed by the first and found by the others.
#   Tests/Soak/commands.sh [FOLDER [ARCHITECTURE WEIGHTS]]       build first (swift build -c release)
# FOLDER has a folder of photographs for each class; it is only read. Without it, copies of a photograph of the repository's tests under
# two classes, and random weights, show that every command ends well.
set -euo pipefail
folder=${1:+$(realpath "$1")} architecture=${2:-resnet18} weights=${3:-random}
[ -e "$weights" ] && weights=$(realpath "$weights")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
enter_scratch
if [ -n "$folder" ]; then cp -rs "$folder" photographs; else write_photographs photographs 60; fi

cat > config.yaml <<CONFIG
run: { name: first, seed: 17 }
network: { architecture: $architecture, weights: $weights }
data: { train: photographs, validation_fraction: 0.2, augmentation: none }
features: { cache: disk, folder: features }
training: { epochs: 10, batch_size: 64 }
optimizer: { learning_rate: 0.01, momentum: 0.9 }
CONFIG

# measure WHAT COMMAND…: one line of the table. The most memory that the process has had is the kernel's own record, asked for until it ends.
measure() {
    local what=$1 start=$EPOCHREALTIME peak=0 now status=0
    shift
    "$@" > log 2>&1 &
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$!/status" 2>/dev/null) && [ -n "$now" ]; do
        peak=$now
        sleep 0.05
    done
    wait $! || status=$?
    [ "$status" -eq 0 ] || { tail -n 3 log; fail "$what ended with status $status"; }
    awk -v what="$what" -v start="$start" -v end="$EPOCHREALTIME" -v peak="$peak" \
        'BEGIN { printf "%-42s %8.1f s %6d MB\n", what, end - start, peak / 1000 }'
}

echo "$(find -L photographs -type f | wc -l) photographs, $architecture"
printf '%-42s %10s %9s\n' command time memory
measure "verify, pixels alone" "$graft" verify photographs --csv pixels.csv --report pixels.html
measure "train, features computed" "$graft" train config.yaml
measure "train, features found" "$graft" train config.yaml --set run.name=second --set optimizer.learning_rate=0.02
measure "verify, labels too" "$graft" verify config.yaml --csv labels.csv --report labels.html
measure "crossvalidate, 5 folds 10 times" "$graft" crossvalidate config.yaml --repeats 10
measure "tune, 3 learning rates" "$graft" tune config.yaml --rates 0.003,0.01,0.03
measure "choose, the head" "$graft" choose config.yaml
measure "evaluate" "$graft" evaluate runs/first
measure "predict, with --reject" "$graft" predict --run runs/first --reject 0.9 --csv photographs
measure "export, ONNX in 8 bits" "$graft" export runs/first --format onnx --precision int8 --input uint8
measure "runs compare" "$graft" runs compare runs/first runs/second
measure "reproduce" "$graft" reproduce runs/first
mkdir photographs/another
find -L photographs -type f | sort | awk 'NR % 3 == 1 && NR < 60' | while read -r photograph; do
    ln -s "$(realpath "$photograph")" "photographs/another/${photograph//\//-}"
done
measure "train --extend, one class more" "$graft" train --extend runs/first
