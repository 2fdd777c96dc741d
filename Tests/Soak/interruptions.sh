#!/usr/bin/env bash
# Kills and stop signals at random moments, again and again, each followed by --resume: nothing saved is lost, no resume fails, and
# in the end the weights are bit for bit those of a run that nobody disturbed.
#   Tests/Soak/interruptions.sh [KILLS] [SIGNALS]     500 of each; build first (swift build -c release)
# Three networks, two levels of instructions, 1 to 4 ranks. Takes about seventy minutes on two cores. Prints what each course came to;
# status 1 if anything was lost, crashed or differed.
set -euo pipefail
kills=${1:-500}
signals=${2:-500}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
enter_scratch
process=
trap '[ -z "$process" ] || pkill -KILL -s "$process"; rm -rf "$work"' EXIT

write_photographs data 6
cat > config.yaml <<'CONFIG'
run: { name: soak }
network: { weights: random, preprocessing: { resize: 64, crop: 64 } }
data: { train: data, loader_threads: 1, shuffle: true }
features: { cache: off }
training: { epochs: 100000, batch_size: 4 }
checkpoints: { keep: 2, every_steps: 1 }
optimizer: { learning_rate: 0.001 }
schedule: { kind: constant }
compute: { threads: 1 }
CONFIG

course() { # NAME RANKS [OPTION…]: graft train under the launcher, or alone
    local name=$1 ranks=$2
    shift 2
    local launcher=(mpirun -n "$ranks" --oversubscribe --bind-to none)
    [ "$ranks" -gt 1 ] || launcher=()
    exec setsid "${launcher[@]}" "$graft" train config.yaml --set "run.name=$name" "$@"
}
# Each launch is a session of its own: nobody else's processes are touched.
ranks_of() { pgrep -s "$1" -x graft || true; }
pick() { shuf -n 1; }
newest_of() { { find "runs/$1/checkpoints" -maxdepth 1 -name 'step-????????' 2>/dev/null || true; } | sort | tail -n 1; }

total_kills=0 total_signals=0 lost=0 crashes=0 differences=0
combinations=()
for network in resnet18 efficientnet_lite0 alexnet; do
    for level in avx2 auto; do for ranks in 1 2 3 4; do combinations+=("$network $level $ranks"); done; done
done
number=0
for combination in "${combinations[@]}"; do
    read -r network level ranks <<< "$combination"
    own_kills=$((kills * (number + 1) / ${#combinations[@]} - kills * number / ${#combinations[@]}))
    own_signals=$((signals * (number + 1) / ${#combinations[@]} - signals * number / ${#combinations[@]}))
    number=$((number + 1))
    options=(--set "network.architecture=$network" --set "compute.instructions=$level")
    [ "$network" = alexnet ] && options+=(--set network.preprocessing.resize=64 --set network.preprocessing.crop=64)
    case $network in
        resnet18) options+=(--set 'network.unfrozen=[layer4.1]') ;;
        efficientnet_lite0) options+=(--set 'network.unfrozen=["*"]' --set network.batch_norm=local) ;;
        alexnet) options+=(--set optimizer.kind=adamw) ;;
    esac
    name=disturbed
    rm -rf runs
    deeds=$( (for _ in $(seq "$own_kills"); do echo kill; done; for _ in $(seq "$own_signals"); do echo signal; done) | shuf)
    for deed in $deeds; do
        before=$(newest_of "$name")
        (course "$name" "$ranks" "${options[@]}" --resume) > out 2>&1 < /dev/null &
        process=$!
        sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
        targets=$(ranks_of "$process")
        if [ "$deed" = kill ]; then
            total_kills=$((total_kills + 1))
            victim=$(pick <<< "${targets:-$process}")
            kill -KILL "$victim" 2>/dev/null || true
        else
            total_signals=$((total_signals + 1))
            # Before its ranks are there nobody hears a launcher's signal: then it comes once they are.
            for _ in $(seq 100); do
                [ -z "$targets" ] && kill -0 "$process" 2>/dev/null || break
                sleep 0.02
                targets=$(ranks_of "$process")
            done
            kill -"$(printf 'TERM\nINT\nUSR1\n' | pick)" "$(pick <<< "${targets:-$process}")" 2>/dev/null || true
        fi
        for _ in $(seq 600); do kill -0 "$process" 2>/dev/null || break; sleep 0.1; done
        if kill -0 "$process" 2>/dev/null; then
            crashes=$((crashes + 1))
            echo "$combination: $deed: still there after a minute: $(tail -n 1 out)"
            pkill -KILL -s "$process" 2>/dev/null || true
        fi
        status=0
        { wait "$process" || status=$?; } 2>/dev/null
        for _ in $(seq 100); do pgrep -s "$process" > /dev/null || break; sleep 0.05; done
        pkill -KILL -s "$process" 2>/dev/null || true
        # 138 and 143: a process that had not begun to listen yet.
        case $deed-$status in
            signal-75 | signal-138 | signal-143 | signal-130 | kill-137 | kill-9 | kill-1) ;;
            *) crashes=$((crashes + 1)); echo "$combination: $deed: status $status: $(tail -n 2 out | tr '\n' ' ')" ;;
        esac
        if grep -Eq 'crashed \(|corrupted|damaged|refused' out; then
            crashes=$((crashes + 1))
            echo "$combination: $deed: $(grep -E 'crashed \(|corrupted|damaged|refused' out | head -n 1)"
        fi
        after=$(newest_of "$name")
        if [[ "$after" < "$before" ]]; then lost=$((lost + 1)); echo "$combination: $deed: $before was there, now $after"; fi
    done
    step=$(newest_of "$name" | sed 's/.*step-0*//')
    end=$((${step:-0} + 3))
    (course "$name" "$ranks" "${options[@]}" --resume --set "training.steps=$end") > out 2>&1 || { lost=$((lost + 1)); tail -n 2 out; }
    # With as many checkpoints: running statistics are averaged over ranks at each, which rounds.
    (course straight "$ranks" "${options[@]}" --set "training.steps=$end") > out 2>&1
    for file in model optimizer; do
        if ! cmp -s "$(newest_of "$name")/$file.safetensors" "$(newest_of straight)/$file.safetensors"; then
            differences=$((differences + 1))
            echo "$combination: $file.safetensors differs after $end steps"
        fi
    done
    echo "$network, $level, $ranks ranks: $own_kills kills and $own_signals signals over $end steps"
done
echo "$total_kills kills, $total_signals signals: $lost lost, $crashes crashes, $differences differences"
[ $((lost + crashes + differences)) -eq 0 ]
