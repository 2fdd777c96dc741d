#!/usr/bin/env bash
# Installs what is missing, lints, builds, and runs all tests. The tests need no network, no weights and no photographs but
# those in this repository; MPI is tested by starting it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh

require_swift
deploy/install-packages.sh

say "Linting"
swift format lint --strict -r Sources Tests Package.swift

# Optimised, since the tests compute whole networks; testing is enabled so that they may look inside.
say "Building"
swift build -c release -Xswiftc -enable-testing --build-tests

say "Testing"
swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest
