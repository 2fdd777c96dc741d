#!/usr/bin/env bash
# Writes the manual pages and the completion scripts of graft, made from the program itself.
#   deploy/manual.sh [FOLDER [OPTION…]]      ~/.local/share by default: `man graft` and completion then work where the system looks
#                                            there; options go to `swift build`, such as --scratch-path
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$(realpath -m "${1:-$HOME/.local/share}")
shift || true
pages=$target/man/man1
mkdir -p "$pages" "$target/bash-completion/completions" "$target/zsh/site-functions" "$target/fish/vendor_completions.d"
# Both, since pages are made by a tool that comes with swift-argument-parser; its plugin could not be told those options.
for product in graft generate-manual; do swift build -c release "$@" --product "$product"; done
built=$(swift build -c release "$@" --show-bin-path)
"$built/generate-manual" "$built/graft" --multi-page --date "$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%F)" --output-directory "$pages"
"$built/graft" --generate-completion-script bash > "$target/bash-completion/completions/graft"
"$built/graft" --generate-completion-script zsh > "$target/zsh/site-functions/_graft"
"$built/graft" --generate-completion-script fish > "$target/fish/vendor_completions.d/graft.fish"
echo "$(find "$pages" -name 'graft*.1' | wc -l) manual pages and three completion scripts are in $target"
