#!/usr/bin/env bash
# Whether what would be published can be used: publint reads the package.json, attw resolves each entry as every kind of
# TypeScript project does. Packages with a CommonJS copy answer for all of them, the others for ES modules.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=$PWD/node_modules/.bin
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0

quietly() {
  "$@" >"$out" 2>&1 && return
  echo "$*:"
  cat "$out"
  failed=1
}

for folder in packages/{protocol,core,redis,gateway,client,swarm,platform,doctor,aws,cli}; do
  quietly "$bin/publint" --strict "$folder"
  case $folder in
    # The bundle is a script for pages.
    */client) quietly "$bin/attw" --pack "$folder" --format ascii --exclude-entrypoints ./holdfast.min.js ;;
    */protocol) quietly "$bin/attw" --pack "$folder" --format ascii ;;
    *) quietly "$bin/attw" --pack "$folder" --format ascii --profile esm-only ;;
  esac
done
exit "$failed"
