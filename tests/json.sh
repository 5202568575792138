#!/usr/bin/env bash
# Runs many of the random programs of which the suite runs some: the engine's `JSON` against QuickJS's own.
#
#   tests/json.sh [PROGRAMS [FIRST]]    100,000 from 0 without numbers; about 10 minutes
set -euo pipefail
cd "$(dirname "$0")/.."

# Builds the programs too, which a run of some tests alone does not.
cargo test --workspace --locked --no-run
ZIGTTP_JSON_PROGRAMS="${1:-100000}" ZIGTTP_JSON_FIRST="${2:-0}" cargo test --workspace --locked --test all -- \
  json::differential --nocapture
