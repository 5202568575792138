#!/usr/bin/env bash
# Runs test262 in the sandboxes of servers, as the programs are built in the target folder, and compares with
# test262/expected.
#
#   tests/conformance/test262.sh CHECKOUT [--record] [FOLDER...]       all takes some five minutes
#
# CHECKOUT is one of https://github.com/tc39/test262; a folder is one of its tests, as built-ins/RegExp.
# --record writes test262/expected anew, from a run of all.
set -euo pipefail
checkout=$(cd "${1:?"usage: $0 CHECKOUT [--record] [FOLDER...]"}" && pwd)
shift
cd "$(dirname "$0")/../.."

# With the features of the tests: what they were run with is not built anew.
cargo test --workspace --locked --quiet --no-run
node tests/conformance/test262/run.mjs "${CARGO_TARGET_DIR:-target}/debug" "$checkout" "$@"
