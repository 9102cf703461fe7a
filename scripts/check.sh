#!/usr/bin/env bash
# Everything CI asks besides the tests. Runs every step even if one fails, then says how many passed.
# No `set -e` for that reason.
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0

step() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok    $name"
  else
    failed=$((failed + 1))
    echo "FAIL  $name: $*"
  fi
}

bin=node_modules/.bin
colors=()
[ -n "${NO_COLOR:-}" ] && colors=(--colors=off)
step "format and lint" "$bin/biome" ci ${colors[@]+"${colors[@]}"}
step "types" "$bin/tsc" -b tsconfig.test.json
step "packages" npm run --silent check --workspaces --if-present
step "published packages" bash scripts/check-packages.sh
step "import direction" node scripts/dist/check-imports.js
if [ -f scripts/gen-docs.ts ]; then
  step "generated docs" npm run --silent docs -- --check
fi

echo "check: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
