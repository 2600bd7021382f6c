#!/usr/bin/env bash
# Stands before rustc while `scripts/coverage.sh` builds: the validator, and every program that runs it, count what they execute. The
# compiler's library does not, because only the validator's coverage is asked for. Counting branches is an option that rustc calls
# unstable; it changes what is counted and nothing else.
set -euo pipefail
name= kind=
for ((i = 1; i <= $#; i++)); do
  case "${!i}" in
    --crate-name) j=$((i + 1)); name=${!j} ;;
    --test) kind=test ;;
    --crate-type) j=$((i + 1)); [ "${!j}" = bin ] && kind=${kind:-bin} ;;
  esac
done
case "$name" in
  build_script_build | '' | ___) exec "$@" ;;
  synth_validator) ;;
  *) [ -n "$kind" ] || exec "$@" ;;
esac
RUSTC_BOOTSTRAP=1 exec "$@" -C instrument-coverage -Z coverage-options=branch
