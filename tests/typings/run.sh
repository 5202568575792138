#!/usr/bin/env bash
# Checks the typings with TypeScript's own compiler: it accepts the examples and the fixtures, and rejects
# what misuse.ts does. Installs it from npm, into a folder that is removed again.
set -euo pipefail
cd "$(dirname "$0")"

# Of this major version; an older one does not know all of "es2025".
typescript=typescript@7

if ! command -v npm > /dev/null; then
  echo "skipped: npm, which has TypeScript, is not installed"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! npm install --silent --no-audit --no-fund --prefix "$folder" "$typescript"; then
  echo "skipped: $typescript is not to be had from npm here"
  exit 0
fi
"$folder/node_modules/.bin/tsc" --strict --noEmit --project .
echo "tsc $("$folder/node_modules/.bin/tsc" --version | cut -d' ' -f2) accepts examples and fixtures, and rejects all of misuse.ts"
