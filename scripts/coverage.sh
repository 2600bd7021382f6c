#!/usr/bin/env bash
# Measures which statements (regions of code), lines and branches of the validator crate the tests execute, and writes the table of
# docs/conformance/coverage.md. Takes half an hour on two cores. Arguments: test targets of the compiler's crate that run beside
# all tests of the validator's crate; default: those below.
#
# The profiles are read by Debian's LLVM 19, which reads those of rustc up to 1.95 at least.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
  tests=(claims cli ignored_words linked native negative_controls object_fields optimize refute rewrite selection spec_suite validate)
fi

export CARGO_TARGET_DIR=${COVERAGE_TARGET_DIR:-$PWD/target/coverage}
export RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/coverage-rustc.sh
profiles=$CARGO_TARGET_DIR/profiles
rm -rf "$profiles"
mkdir -p "$profiles"
export LLVM_PROFILE_FILE=$profiles/%2m.profraw

targets=()
for test in "${tests[@]}"; do targets+=(--test "$test"); done
log=$CARGO_TARGET_DIR/coverage.log
cargo test --no-run -p synth-validator 2>&1 | tee "$log"
cargo test --no-run -p synth "${targets[@]}" 2>&1 | tee -a "$log"
failed=()
cargo test --no-fail-fast -p synth-validator || failed+=(synth-validator)
cargo test --no-fail-fast -p synth "${targets[@]}" || failed+=(synth)

objects=()
while read -r program; do objects+=(--object "$program"); done < <(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' "$log" | sort -u)
for program in synth synth-check; do
  [ -x "$CARGO_TARGET_DIR/debug/$program" ] && objects+=(--object "$CARGO_TARGET_DIR/debug/$program")
done

llvm-profdata-19 merge --sparse --failure-mode=all "$profiles"/*.profraw --output "$profiles/all.profdata"
llvm-cov-19 export --format=text --instr-profile "$profiles/all.profdata" "${objects[@]}" --sources "$PWD"/validator/src >"$profiles/all.json" 2>"$profiles/warnings"
scripts/coverage-table.py "$profiles/all.json" "$PWD/" "${tests[*]}" >docs/conformance/coverage.md
if [ ${#failed[@]} -gt 0 ]; then
  echo "coverage: tests failed in ${failed[*]}; the table is of what they executed" >&2
  exit 1
fi
