#!/usr/bin/env bash
# Runs for this many minutes (60) what `cargo test` runs for seconds: thousands of connections that open and
# close, and hostile clients of every kind at a server whose limits are all low.
set -euo pipefail
cd "$(dirname "$0")/../.."

minutes=${1:-60}
cargo build --workspace --locked
for test in operate::under_attack::whoever_behaves operate::soak::nothing_is_left; do
  ZIGTTP_SOAK_SECONDS=$((minutes * 60)) cargo test --workspace --locked --test all -- "$test" --nocapture
done
