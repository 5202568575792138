#!/usr/bin/env bash
# Runs parts of web-platform-tests in events of a server, and compares with the lists in the folder wpt.
#
#   tests/conformance/wpt.sh WPT [AREA...]
#
# WPT is a checkout of github.com/web-platform-tests/wpt, or a folder that has some of it. Areas are url,
# encoding, headers, request, response, structured-clone, base64, events, abort, blob and form-data. Node is needed.
#
# WPT_RECORD=1 writes the lists anew, WPT_VERBOSE=1 prints why each test has failed.
set -euo pipefail
wpt=$(realpath "${1:?the folder of web-platform-tests}")
shift
cd "$(dirname "$0")/../.."

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT

# With the features of the tests: what they were run with is not built anew.
cargo test --workspace --locked --quiet --no-run
binaries=${CARGO_TARGET_DIR:-target}/debug
"$binaries/zigts" build tests/conformance/wpt.ts -o "$folder/wpt.wasm"
"$binaries/zigttp" run "$folder/wpt.wasm" --port 0 --max-body-size 64MiB --memory-limit 512MiB \
  --cpu-limit 60s --crypto-limit 10m > "$folder/out" 2> "$folder/log" &
server=$!
for _ in $(seq 300); do
  grep -q http:// "$folder/out" && break
  kill -0 "$server" 2> /dev/null || break
  sleep 0.1
done
address=$(sed -n 's|.*\(http://[^ ]*\).*|\1|p' "$folder/out")
if [ -z "$address" ]; then
  cat "$folder/log" >&2
  exit 1
fi
node tests/conformance/wpt.mjs "$address" "$wpt" "$@" || { status=$?; tail -5 "$folder/log" >&2; exit "$status"; }
