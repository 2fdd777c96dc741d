#!/usr/bin/env bash
# Training with `training.reproducible: ranks` on 1, 2, 3, 4 and 7 ranks, by every algorithm, with three sizes of messages, and resumed on another
# number of ranks: for a head, a middle cut and everything with both kinds of batch statistics. The digests of the last weights are printed.
#   Tests/Soak/ranks.sh       build first (swift build -c release)
# Takes about ten minutes on two cores. Status 1 if digests of one training differ.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
enter_scratch

write_photographs data 15
cat > config.yaml <<'CONFIG'
run: { name: run, seed: 7 }
network: { architecture: resnet18, weights: random, preprocessing: { resize: 72, crop: 64 } }
data: { train: data, augmentation: standard, loader_threads: 1 }
features: { cache: off }
training: { epochs: 2, batch_size: 14, reproducible: ranks, group: 2 }
optimizer: { learning_rate: 0.01 }
compute: { threads: 1 }
CONFIG

# train RANKS FOLDER OPTION…
train() {
    local ranks=$1 folder=$2
    shift 2
    mpirun --oversubscribe --bind-to none -n "$ranks" "$graft" train config.yaml --set "run.folder=$folder" "$@" > log 2>&1 \
        || { tail -n 5 log; exit 1; }
}
digest() { cat "$1"/run/checkpoints/step-*0006/{model,optimizer}.safetensors | sha256sum | cut -c1-16; }

failed=0
for trained in "[]" "[layer4]" "['*'] local" "['*'] synchronized"; do
    read -r unfrozen norm <<< "$trained"
    network=("--set=network.unfrozen=$unfrozen" "--set=network.batch_norm=${norm:-frozen}")
    train 1 alone "${network[@]}"
    wanted=$(digest alone)
    echo "unfrozen $trained: 1 rank $wanted"
    number=0
    for algorithm in ring shared_memory mpi; do
        for ranks in 2 3 4 7; do
            number=$((number + 1))
            bucket=$((4096 << (4 * (number % 3))))
            how=("--set=communication.algorithm=$algorithm" "--set=communication.bucket_bytes=$bucket")
            if [ $((number % 2)) = 0 ]; then
                train "$ranks" other "${network[@]}" "${how[@]}"
                words="$ranks ranks"
            else
                train $((ranks + 1)) other "${network[@]}" "${how[@]}" --set=training.steps=3
                train "$ranks" other "${network[@]}" "${how[@]}" --resume
                words="$((ranks + 1)) ranks, resumed on $ranks"
            fi
            found=$(digest other)
            echo "    $algorithm, $bucket bytes, $words: $found"
            [ "$found" = "$wanted" ] || failed=1
            rm -r other
        done
    done
    rm -r alone
done
exit "$failed"
