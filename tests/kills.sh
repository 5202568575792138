#!/usr/bin/env bash
# Runs whole what the suite only samples: kills at any moment, losses of power, and disks that fail at each write.
#
#   tests/kills.sh [KILLS]    1000 of each without a number; about 20 minutes
set -euo pipefail
cd "$(dirname "$0")/.."

# Builds the programs too, which a run of some tests alone does not.
cargo test --workspace --locked --no-run
ZIGTTP_KILLS="${1:-1000}" cargo test --workspace --locked --test all -- \
  durable::crash state::whole_events state::power_loss state::disk_faults --nocapture
