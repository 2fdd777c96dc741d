#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that Graft builds and runs on, where they are missing; more may be named as arguments.
# Works as root and with sudo; run again, it does nothing.
set -euo pipefail

say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }

# Ubuntu has libjpeg-turbo under another name; libjpeg-dev is right on both.
jpeg=libjpeg62-turbo-dev
command -v apt-get >/dev/null || fail "this script needs apt-get: on other systems install Open MPI, oneDNN, libjpeg-turbo, libpng, libwebp, giflib, libtiff and, for HEIC and AVIF, libheif with their headers"
is_installed libjpeg-turbo8-dev && jpeg=libjpeg-turbo8-dev

missing=()
for package in libopenmpi-dev openmpi-bin libdnnl-dev "$jpeg" libpng-dev libwebp-dev libgif-dev \
    libtiff-dev libheif-dev zlib1g-dev pkg-config "$@"; do
    is_installed "$package" || missing+=("$package")
done
# pkgconf has taken pkg-config's place on newer systems.
if command -v pkg-config >/dev/null; then
    kept=()
    for package in "${missing[@]}"; do [ "$package" = pkg-config ] || kept+=("$package"); done
    missing=("${kept[@]}")
fi

if [ "${#missing[@]}" -eq 0 ]; then
    say "All system packages are installed"
    exit 0
fi

administrator=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing, and there is neither root nor sudo to install them: ${missing[*]}"
    administrator=(sudo)
fi

say "Installing ${missing[*]}"
"${administrator[@]}" apt-get update -qq
for index in "${!missing[@]}"; do
    if [ "${missing[$index]}" = libjpeg62-turbo-dev ] && ! apt-cache show libjpeg62-turbo-dev >/dev/null 2>&1; then
        missing[index]=libjpeg-dev
    fi
done
"${administrator[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
