#!/bin/sh
# Makes buffer.js and events.js of this folder from the packages of npm that stand in for Node.js's modules
# in browsers, each with its dependencies in one file. Needs npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund buffer@6.0.3 events@3.3.0 esbuild@0.25.12

cat >buffer.mjs <<'END'
import buffer from "buffer/index.js";
export const { Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength } = buffer;
export const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 536870888 };
export const { atob, btoa } = globalThis;
export default { Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength, constants, atob, btoa };
END
cat >events.mjs <<'END'
import EventEmitter from "events/events.js";
export const { once } = EventEmitter;
export { EventEmitter };
export default EventEmitter;
END
for name in buffer events; do
  npx esbuild "$name.mjs" --bundle --format=esm --legal-comments=none --outfile="$name.js" --log-level=warning
done
{
  echo "// Made by build.sh from buffer 6.0.3 and base64-js 1.5.1 (MIT), and ieee754 1.2.1 (BSD-3-Clause),"
  echo "// by Feross Aboukhadijeh, T. Jameson Little and others: see LICENSES beside this file."
  cat buffer.js
} >"$here/buffer.js"
{
  echo "// Made by build.sh from events 3.3.0 (MIT), by Joyent, Inc. and other Node contributors: see LICENSES"
  echo "// beside this file."
  cat events.js
} >"$here/events.js"
for package in buffer base64-js ieee754 events; do
  echo "== $package"
  cat "node_modules/$package/LICENSE"
  echo
done >"$here/LICENSES"
