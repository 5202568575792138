#!/usr/bin/env bash
# Checks the typings with TypeScript's own compiler: it accepts the examples and the fixtures, and rejects
# what misuse.ts does. Installs the versions that projects use from npm, into folders that are removed again.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v npm > /dev/null; then
  echo "skipped: npm, which has TypeScript, is not installed"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# `zigts check --tsc` with the real compiler, where zigts is built.
check_both() {
  local zigts=../../target/debug/zigts
  [ -x "$zigts" ] || return 0
  cp ../../examples/tsconfig.json ../../examples/zigttp.d.ts "$1"
  cat > "$1/handler.ts" << 'END'
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const count: number = data;
  send(ws, "é😀" + nowhere + count);
}
END
  "$zigts" check --tsc --format compact "$1/handler.ts" > "$1/found" && exit 1
  sed "s|^.*/handler.ts|handler.ts|" "$1/found" | diff - <(cat << 'END'
handler.ts:3:9: error TS2322: Type 'string' is not assignable to type 'number'
handler.ts:4:19: error ZTS346: `nowhere` is declared nowhere
END
  )
}

# The last one that is written in TypeScript, and the first one that is not.
for version in 5.9 7; do
  mkdir "$folder/$version"
  if ! npm install --silent --no-audit --no-fund --prefix "$folder/$version" "typescript@$version"; then
    echo "skipped: typescript@$version is not to be had from npm here"
    continue
  fi
  tsc="$folder/$version/node_modules/.bin/tsc"
  "$tsc" --strict --noEmit --project .
  # With the package that one of them imports.
  jose=$(sed -n 's/.*"jose": "\(.*\)".*/\1/p' ../../examples/jwt/package.json)
  npm install --silent --no-audit --no-fund --prefix "$folder/$version" "jose@$jose"
  cp -r ../../examples "$folder/$version/examples"
  "$tsc" --project "$folder/$version/examples"
  check_both "$folder/$version"
  echo "tsc $("$tsc" --version | cut -d' ' -f2) accepts examples and fixtures, and rejects all of misuse.ts"
done
