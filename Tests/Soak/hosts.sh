#!/usr/bin/env bash
# Hosts that die again and again while deploy/launch.sh --restarts holds the job: processes and link of a pretended host, or a rank of the
# other. Nothing saved is lost, and in the end the run goes on by itself.
#   sudo Tests/Soak/hosts.sh [KILLS]      50; build first (swift build -c release)
# Takes about twenty minutes on two cores. Status 1 if the job gave up or its steps do not follow each other.
set -euo pipefail
kills=${1:-50}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
leave_out_unless_root
enter_scratch

write_photographs data 6
cat > config.yaml <<'CONFIG'
run: { name: soak }
network: { architecture: resnet18, weights: random, unfrozen: [layer4.1], preprocessing: { resize: 64, crop: 64 } }
data: { train: data, augmentation: none, loader_threads: 1 }
features: { cache: off }
training: { epochs: 100000, batch_size: 4 }
checkpoints: { keep: 2, every_steps: 1 }
communication: { patience: 15 }
compute: { threads: 1 }
CONFIG
status=0
"$root/deploy/rehearse-cluster.sh" --rate none --kills "$kills" "$graft" train config.yaml > out 2>&1 || status=$?
grep -E '^(launch.sh|rehearse-cluster):' out | grep -v ': restart' || true
if [ "$status" -ne 75 ] || ! grep -q "rehearse-cluster: killed" out; then
    tail -n 20 out
    echo "the job ended with status $status, not as it was asked to"
    exit 1
fi
# Each start goes on where the last checkpoint was: what it says it resumes is what was said to be saved last.
awk '/^saved .*step-/ { sub(/.*step-0*/, ""); saved = $0 + 0 }
    /^resuming from .*, after step/ { resumed++; if ($NF + 0 < saved) { print "step " saved " was saved, but step " $NF " resumed"; lost++ } }
    END { printf "%d resumes, %d saved steps lost, up to step %d\n", resumed, lost, saved; exit lost > 0 }' out
"$graft" train config.yaml --resume --set "training.steps=$(($(sed -n 's/^saved .*step-0*//p' out | tail -n 1) + 3))" > last 2>&1 \
    || { tail -n 3 last; exit 1; }
tail -n 1 last
