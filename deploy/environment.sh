# Sourced by the scripts beside it, and by those of Tests/Soak: what they have in common.

say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

require_swift() {
    command -v swift >/dev/null || fail "swift is not on the PATH: install Swift 6.2 or newer (https://www.swift.org/install/linux) and run this again"
}

# Open MPI refuses to start as root, as is usual in containers and on build machines, unless it is told twice.
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# Containers commonly forbid one process to read another's memory, which Open MPI 4 would try.
export OMPI_MCA_btl_vader_single_copy_mechanism="${OMPI_MCA_btl_vader_single_copy_mechanism:-none}"

# write_photographs FOLDER COUNT: a photograph of the repository's tests, so often under each of two classes, where any will do.
write_photographs() {
    local photograph class number
    photograph=$(find "$(dirname "${BASH_SOURCE[0]}")/../Tests" -name 'ycbcr420.jpg' | sort | head -n 1)
    for class in ant bee; do
        mkdir -p "$1/$class"
        for number in $(seq "$2"); do cp "$photograph" "$1/$class/$number.jpg"; done
    done
}

# For a soak run on pretended hosts: network namespaces are root's.
leave_out_unless_root() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "left out: pretended hosts need root"
        exit 0
    fi
}

# For a soak run: the program into `graft`, and a scratch folder into `work`, which is entered and in the end removed.
enter_scratch() {
    graft=${GRAFT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.build/release/graft}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
}

# Options for `mpirun -n 2` on this machine, into the array mpi_options. Ranks are not bound: Graft shares out the cores itself.
choose_mpi_options() {
    mpi_options=(--bind-to none)
    local cores
    cores=$(lscpu -p=core,socket 2>/dev/null | grep -v '^#' | sort -u | wc -l || true)
    # Open MPI counts physical cores as slots: with only one, a second rank has to be allowed.
    if [ "${cores:-0}" -lt 2 ]; then mpi_options+=(--oversubscribe); fi
}
