#!/usr/bin/env bash
# Writes the manual pages and the completion scripts of graft, made from the program itself.
#   deploy/manual.sh [FOLDER]      ~/.local/share by default: `man graft` and completion then work where the system looks there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$(realpath -m "${1:-$HOME/.local/share}")
pages=$target/man/man1
mkdir -p "$pages" "$target/bash-completion/completions" "$target/zsh/site-functions" "$target/fish/vendor_completions.d"
swift package --allow-writing-to-directory "$pages" generate-manual \
    --multi-page --configuration release --output-directory "$pages"
graft=.build/release/graft
"$graft" --generate-completion-script bash > "$target/bash-completion/completions/graft"
"$graft" --generate-completion-script zsh > "$target/zsh/site-functions/_graft"
"$graft" --generate-completion-script fish > "$target/fish/vendor_completions.d/graft.fish"
echo "$(find "$pages" -name 'graft*.1' | wc -l) manual pages and three completion scripts are in $target"
