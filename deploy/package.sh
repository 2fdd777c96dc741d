#!/usr/bin/env bash
# Packs graft for machines without Swift: a .deb of this distribution and a .tar.gz, each with the program, Swift's own libraries
# inside it, its manual pages, completions, configs and launch scripts, and the licences of what is linked.
#   deploy/package.sh [FOLDER]      packages/ by default
# MPI, oneDNN and the image libraries stay the system's: the .deb asks for those that the program was linked with, the
# .tar.gz lists them. GRAFT_REVISION names the source where there is no git.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh

target=$(realpath -m "${1:-packages}")
require_swift
deploy/install-packages.sh dpkg-dev binutils

# The repository may belong to another user than this container's.
repository() { git -c safe.directory="$PWD" "$@" 2>/dev/null; }
revision=${GRAFT_REVISION:-}
date=
if [ -z "$revision" ] && revision=$(repository rev-parse --short=10 HEAD); then
    date=$(repository log -1 --format=%ct)
    [ -z "$(repository status --porcelain --untracked-files=no)" ] || revision+=-changed
fi
export GRAFT_REVISION=${revision:-unknown}
# Nothing in a package tells when it was packed.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-${date:-$(date +%s)}}

say "Building graft, revision $GRAFT_REVISION, with Swift's libraries inside"
options=(--scratch-path .build-package --static-swift-stdlib)
swift build -c release "${options[@]}" --product graft
program=$(swift build -c release "${options[@]}" --show-bin-path)/graft
version=$("$program" --version | head -n 1)
[ "$GRAFT_REVISION" = unknown ] || version+="+$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).${GRAFT_REVISION//-/.}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
share=$root/usr/share
documents=$share/doc/graft
mkdir -p "$root/usr/bin" "$share/graft" "$documents/examples"
install -m 755 "$program" "$root/usr/bin/graft"
strip "$root/usr/bin/graft"
install -m 755 deploy/launch.sh "$root/usr/bin/graft-launch"
cp -r configs "$share/graft/configs"
cp README.md "$documents/"
cp deploy/README.md "$documents/launching.md"
cp deploy/slurm.sbatch deploy/mpijob.yaml deploy/hostfile.example "$documents/examples/"

say "Writing manual pages and completions"
deploy/manual.sh "$share" "${options[@]}"
gzip -9 -n "$share"/man/man1/*.1
# Where Debian's zsh looks.
mv "$share/zsh/site-functions" "$share/zsh/vendor-completions"

# What the program links, as `readelf` says it, each with its package.
mapfile -t libraries < <(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | LC_ALL=C sort)
package_of() { # LIBRARY
    local path
    path=$(ldd "$program" | awk -v name="$1" '$1 == name { print $3 }')
    # A merged /usr is not what every package's list of files says.
    { dpkg-query -S "$(realpath "$path")" || dpkg-query -S "*/$(basename "$(realpath "$path")")"; } 2>/dev/null | head -n 1 | cut -d: -f1
}
{
    cat LICENSE
    printf '\n\nWhat stands inside the program\n\n'
    cat deploy/notices.txt
    for checkout in .build-package/checkouts/*; do
        for file in "$checkout"/LICENSE*; do printf '\n\n%s\n\n' "$(basename "$checkout")"; cat "$file"; done
    done
    printf '\n\nWhat the program loads: libraries of the system, under the licences of their packages\n\n'
    for library in "${libraries[@]}"; do printf '%s (%s)\n' "$library" "$(package_of "$library")"; done
} > "$documents/copyright"
find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -not -path '*/bin/*' -exec chmod 644 {} +
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

say "Packing"
mkdir -p "$target" "$work/debian" "$root/DEBIAN"
# It wants to stand where a package's source is.
touch "$work/debian/control"
dependencies=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/graft" 2> shlibdeps.log | sed -n 's/^shlibs:Depends=//p') || true
[ -n "$dependencies" ] || fail "dpkg-shlibdeps found no packages for what graft links: $(cat "$work/shlibdeps.log")"
cat > "$root/DEBIAN/control" <<CONTROL
Package: graft
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The authors of Graft <graft@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $dependencies, openmpi-bin
Recommends: openssh-client, curl
Section: science
Priority: optional
Description: fine-tunes pretrained convolutional networks over MPI
 Worker processes each train on a share of an image folder and average the gradients of the layers that are not frozen.
 Hosts are reached with ssh, published weights are fetched with curl.
CONTROL
dpkg-deb --root-owner-group --build "$root" "$target/graft_${version}_$(dpkg --print-architecture).deb" > /dev/null
rm -r "$root/DEBIAN"

# The same tree for any prefix, with the licences of the libraries since no package manager brings them.
mkdir -p "$documents/licences"
for library in "${libraries[@]}"; do
    package=$(package_of "$library")
    if [ -f "/usr/share/doc/$package/copyright" ]; then cp "/usr/share/doc/$package/copyright" "$documents/licences/$package"; fi
done
name=graft-$version-linux-$(uname -m)
mv "$root/usr" "$work/$name"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work" -cf - "$name" | gzip -9 -n > "$target/$name.tar.gz"
(cd "$target" && ls -l "graft_${version}_$(dpkg --print-architecture).deb" "$name.tar.gz")
echo "install with: apt-get install $target/graft_${version}_$(dpkg --print-architecture).deb"
echo "or, where ${libraries[*]} are: tar -xzf $target/$name.tar.gz -C /usr/local --strip-components=1"
