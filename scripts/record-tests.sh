#!/usr/bin/env bash
# Runs the tests and writes what came of each to a file, for `synth report release --tests FILE`:
#
#   scripts/record-tests.sh -o FILE                  all that `make test` runs
#   scripts/record-tests.sh -o FILE -- ARGUMENTS     one `cargo test ARGUMENTS` (a part of the tests; the record says which)
#
# The record is about one commit: the tree has to be clean. It is a function of what ran, but for its last part, which has date and
# host. Every test that a binary lists has a result: ok, failed, ignored, or missing, where it said none. Exit code: 0 if none failed.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "record-tests: $1" >&2
  exit 2
}

[ "${1:-}" = -o ] && [ -n "${2:-}" ] || fail "say where the record goes: scripts/record-tests.sh -o FILE [-- ARGUMENTS]"
output=$2
shift 2
[ "${1:-}" = -- ] && shift

[ -z "$(git status --porcelain)" ] || fail "the tree has changes that are not committed; a record is about one commit"
commit=$(git rev-parse HEAD)
sources=$(find Cargo.lock Cargo.toml boards build.rs lemmas src validator/Cargo.toml validator/build.rs validator/src -type f |
  LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

quoted() { # a JSON string
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Runs the tests of one `cargo test` command and writes one run of the record. Arguments: those of cargo.
run() {
  local features='' i artifacts=$scratch/artifacts.json
  for ((i = 1; i <= $#; i++)); do
    if [ "${!i}" = --features ]; then local j=$((i + 1)); features=${!j}; fi
  done
  cargo test "$@" --no-run --message-format=json >"$artifacts" </dev/null || fail "the tests do not build"
  # Test programs: source, manifest, executable.
  sed -n '/"reason":"compiler-artifact"/{/"profile":{[^}]*"test":true/{/"executable":null/!s/.*"manifest_path":"\([^"]*\)".*"src_path":"\([^"]*\)".*"executable":"\([^"]*\)".*/\2\t\1\t\3/p}}' \
    "$artifacts" | LC_ALL=C sort -u >"$scratch/programs"
  [ -s "$scratch/programs" ] || fail "there is no test to run"
  printf '    {\n      "features": %s,\n      "binaries": [' "$(quoted "$features")"
  local source manifest program between=''
  while IFS=$'\t' read -r source manifest program; do
    source=${source#"$PWD/"}
    echo "     Running $source" >&2
    local folder log=$scratch/log
    folder=$(dirname "$manifest")
    (cd "$folder" && "$program" --list --format terse 2>/dev/null </dev/null) | sed -n 's/: test$//p' | LC_ALL=C sort >"$scratch/listed"
    local status=0
    (cd "$folder" && CARGO_MANIFEST_DIR=$folder "$program") >"$log" 2>&1 </dev/null || status=$?
    # A failing run is shown; results are read from the lines that the test program prints.
    [ "$status" -eq 0 ] || cat "$log" >&2
    grep '^test result' "$log" >&2 || true
    sed -n 's/^test \(.*\) \.\.\. ok$/\1\tok/p; s/^test \(.*\) \.\.\. FAILED$/\1\tfailed/p; s/^test \(.*\) \.\.\. ignored.*$/\1\tignored/p' "$log" |
      LC_ALL=C sort >"$scratch/results"
    printf '%s\n        { "source": %s, "ended_well": %s, "tests": {' "$between" "$(quoted "$source")" \
      "$([ "$status" -eq 0 ] && echo true || echo false)"
    local name result comma=''
    while IFS= read -r name; do
      result=$(awk -F'\t' -v name="$name" '$1 == name && found != "failed" { found = $2 } END { print found == "" ? "missing" : found }' "$scratch/results")
      printf '%s\n          %s: "%s"' "$comma" "$(quoted "$name")" "$result"
      comma=,
      case "$result" in failed | missing) failures=$((failures + 1)) ;; esac
    done <"$scratch/listed"
    [ "$status" -eq 0 ] || failures=$((failures + 1))
    printf '%s} }' "${comma:+$'\n        '}"
    between=,
  done <"$scratch/programs"
  printf '\n      ]\n    }'
}

sed -n '/^test:/,/^$/s/^\tcargo test //p' Makefile >"$scratch/commands"
[ -s "$scratch/commands" ] || fail "the Makefile's target \`test\` runs no tests"

# With one thread the name of a test and its result stand on two lines if the test prints something.
cores=$(nproc)
export RUST_TEST_THREADS=$((cores > 1 ? cores : 2))

failures=0
selection=all
[ $# -eq 0 ] || selection="cargo test $*"
{
  printf '{\n  "schema": 1,\n  "kind": "synth test record",\n  "commit": "%s",\n  "source_sha256": "%s",\n  "selection": %s,\n  "runs": [\n' \
    "$commit" "$sources" "$(quoted "$selection")"
  if [ $# -gt 0 ]; then
    run "$@"
  else
    # The commands of `make test`.
    separator=
    while read -r -a arguments; do
      printf '%s' "$separator"
      run "${arguments[@]}"
      separator=$',\n'
    done <"$scratch/commands"
  fi
  printf '\n  ],\n  "environment": {\n'
  printf '    "date": "%s",\n    "host": %s,\n    "rustc": %s,\n    "cargo": %s,\n    "qemu": %s,\n    "llvm": %s\n  }\n}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(quoted "$(uname -srm)")" "$(quoted "$(rustc --version)")" "$(quoted "$(cargo --version)")" \
    "$(quoted "$(qemu-system-arm --version 2>/dev/null | head -1)")" "$(quoted "$(llvm-mc-19 --version 2>/dev/null | sed -n 's/^ *//; /version/p' | head -1)")"
} >"$scratch/record"
[ -z "$(git status --porcelain)" ] || fail "the tests changed files of the tree; nothing was recorded"
mkdir -p "$(dirname "$output")"
mv "$scratch/record" "$output"
echo "record-tests: $failures failed or missing; written to $output" >&2
[ "$failures" -eq 0 ] || exit 1
