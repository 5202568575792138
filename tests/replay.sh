#!/usr/bin/env bash
# Records whole what the suite only samples, and replays it: every event has to do the same again.
#
#   tests/replay.sh [EVENTS]    100000 without a number; about a minute
set -euo pipefail
cd "$(dirname "$0")/.."

# Builds the programs too, which a run of some tests alone does not.
cargo test --workspace --locked --no-run
ZIGTTP_REPLAYED="${1:-100000}" cargo test --workspace --locked --test all -- recording::equal --nocapture
