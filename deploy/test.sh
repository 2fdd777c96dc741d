#!/usr/bin/env bash
# Installs what is missing, lints, builds, and runs all tests. The tests need no network, no weights and no photographs but
# those in this repository; MPI is tested by starting it.
#
#   deploy/test.sh                       what the checks run: under 20 minutes on two cores
#   deploy/test.sh --long                more: every suite at every level of instructions, gradients and logits of every network, soak runs, and
#                                        as root rehearsals of killed hosts, of a Slurm cluster and of a package in a clean system
#   deploy/test.sh --filter WinogradTests    one suite; all arguments go to `swift test`, with the instructions as the environment
#                                        says: GRAFT_INSTRUCTIONS=avx2 deploy/test.sh --filter KernelsTests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh

is_long=
if [ "${1:-}" = --long ]; then
    is_long=yes
    export GRAFT_LONG_TESTS=1
    shift
fi

require_swift
deploy/install-packages.sh

say "Linting"
swift format lint --strict -r Sources Tests Package.swift

# The C targets for Arm, as far as a compiler without an Arm's libraries goes: Debian's headers of those libraries are the same.
say "Checking C for aarch64"
if [ -n "$is_long" ]; then deploy/install-packages.sh libc6-dev-arm64-cross; fi
if [ -d /usr/aarch64-linux-gnu/include ]; then
    for file in Sources/C*/*.c; do
        clang --target=aarch64-linux-gnu -fsyntax-only -Wall -Werror -I "$(dirname "$file")/include" \
            -isystem /usr/aarch64-linux-gnu/include -idirafter /usr/include -idirafter "/usr/include/$(uname -m)-linux-gnu" "$file"
    done
    echo "$(find Sources/C* -name '*.c' | wc -l) files"
else
    echo "left out: libc6-dev-arm64-cross is not installed (deploy/test.sh --long installs it)"
fi

# Optimised, since the tests compute whole networks; testing is enabled so that they may look inside.
options=(-c release -Xswiftc -enable-testing)
say "Building"
swift build "${options[@]}" --build-tests

run_tests() { swift test "${options[@]}" --skip-build --disable-xctest "$@"; }
# The same, held to a level of instructions.
run_held_to() {
    local level=$1
    shift
    say "Testing with GRAFT_INSTRUCTIONS=$level${2:+: $2}"
    GRAFT_INSTRUCTIONS=$level run_tests "$@"
}

if [ $# -gt 0 ]; then
    run_tests "$@"
    exit
fi

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
own=$(.build/release/graft doctor --seconds 0 | sed -n 's/^instructions: \([a-z0-9]*\).*/\1/p')
say "Testing on $processor with $own"
run_tests

# What computes: everything else is the same whatever the instructions.
numeric='KernelsTests|ExecutionTests|GoldenTests|OptimizationTests|ProgramReplicaTests|FeatureCacheTests|AllocationTests'
numeric+='|FeatureCommandTests|ResumeCommandTests|RankCountTests|FrozenTests|InstructionTests'
[ -n "$is_long" ] && numeric=.
if [ "$own" = avx512 ]; then
    # The same networks on numbers are compared at both levels; decoding knows no levels, and maps are made of the same passes.
    left_out=(--skip 'logitsOfAPhotograph|MapTests')
    [ -z "$is_long" ] || left_out=()
    run_held_to avx2 --filter "$numeric" "${left_out[@]}"
    [ -n "$is_long" ] || say "Left to deploy/test.sh --long: families' larger networks; at avx2: logits of photographs, suites that compute nothing, and what they launch"
else
    say "This processor has no AVX-512: its own level was the only one of the two"
fi
run_held_to baseline --filter KernelsTests
[ -n "$is_long" ] || exit 0

for script in Tests/Soak/*.sh; do
    say "Soaking: $script"
    "$script"
done

for rehearsal in deploy/rehearse-slurm.sh deploy/rehearse-package.sh; do
    if [ "$(id -u)" -eq 0 ]; then
        say "Rehearsing: $rehearsal"
        "$rehearsal"
    else
        say "Left out, since it needs root: $rehearsal"
    fi
done
