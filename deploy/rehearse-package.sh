#!/usr/bin/env bash
# Installs graft's package into a clean Debian that has no Swift and no compiler, made by debootstrap, and trains there.
#   sudo deploy/rehearse-package.sh [PACKAGE.deb]      makes the package with deploy/package.sh if none is named
# Trains the quickstart's network where quickstart/ has its weights and photographs (deploy/quickstart.sh brings them), and a small one from
# random weights elsewhere. Needs a network for the packages; takes about three minutes and 700 MB, and takes away what it made.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/deploy/environment.sh"
[ "$(id -u)" -eq 0 ] || fail "a system of its own needs root"
"$root/deploy/install-packages.sh" debootstrap
work=$(mktemp -d)
clean=$work/system
cleanup() {
    trap - EXIT INT TERM
    # Whatever still has a file open there, nothing of this machine may be below when the system goes.
    for folder in proc dev; do
        if mountpoint -q "$clean/$folder"; then umount --recursive --lazy "$clean/$folder"; fi
    done
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

package=${1:-}
if [ -z "$package" ]; then
    "$root/deploy/package.sh" "$work/packages"
    package=$(find "$work/packages" -name 'graft_*.deb')
fi
[ -f "$package" ] || fail "there is no package $package"

. /etc/os-release
mirror=$(apt-cache policy base-files | sed -n 's/.* \(https\?:[^ ]*\) .*/\1/p' | head -n 1)
say "Making a clean $VERSION_CODENAME from $mirror"
debootstrap --variant=minbase "$VERSION_CODENAME" "$clean" "$mirror" > "$work/log" 2>&1 || fail "debootstrap failed: $(tail -n 3 "$work/log")"
mount -t proc proc "$clean/proc"
mount --rbind /dev "$clean/dev"
mount --make-rslave "$clean/dev"
cp /etc/resolv.conf "$clean/etc/resolv.conf"
inside() { chroot "$clean" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

say "Installing $(basename "$package")"
cp "$package" "$clean/graft.deb"
inside apt-get update -qq > "$work/log" 2>&1 || fail "apt-get update failed: $(tail -n 3 "$work/log")"
inside apt-get install -y -qq --no-install-recommends /graft.deb > "$work/log" 2>&1 || fail "the package cannot be installed: $(tail -n 5 "$work/log")"
for tool in swift swiftc cc gcc clang ld; do
    if inside sh -c "command -v $tool" > /dev/null; then fail "the clean system has $tool, so it proves nothing"; fi
done
if inside ldd /usr/bin/graft | grep -E 'swift|Foundation|not found'; then fail "graft needs libraries that are not the system's"; fi
inside graft --version
for file in /usr/share/man/man1/graft.1.gz /usr/share/man/man1/graft.train.1.gz /usr/share/bash-completion/completions/graft \
    /usr/share/graft/configs/quickstart.yaml /usr/share/doc/graft/copyright /usr/bin/graft-launch; do
    [ -s "$clean$file" ] || fail "the package has no $file"
done

say "Training with two processes"
mkdir -p "$clean/home"
config=/usr/share/graft/configs/quickstart.yaml
settings=()
if [ -d "$root/quickstart/photographs" ] && [ -f "$root/quickstart/weights/efficientnet-lite0.pth" ]; then
    mkdir "$clean/home/quickstart"
    cp -r "$root/quickstart/photographs" "$root/quickstart/weights" "$clean/home/quickstart/"
else
    write_photographs "$clean/home/quickstart/photographs" 8
    settings=(--set network.weights=random --set training.batch_size=4 --set training.epochs=2)
    echo "of random weights: quickstart/ has neither its weights nor its photographs"
fi
# As root inside, with copying between processes off as in a container.
inside env --chdir=/home OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none \
    graft-launch -n 2 --bind-to none --oversubscribe graft train "$config" "${settings[@]}"
[ -s "$clean/home/quickstart/runs/quickstart/report.html" ] || fail "the training has left no report"
photograph=$(cd "$clean/home" && find quickstart/photographs -type f | LC_ALL=C sort | head -n 1)
inside env --chdir=/home graft predict --run quickstart/runs/quickstart "$photograph"
say "$(basename "$package") works without Swift"
