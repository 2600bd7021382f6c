#!/bin/sh
# Runs a stage of a library's build and records it as JSON: the tool with version and digest, the command, and the digests of what
# went in and came out. No times and no host's name: the same tools and sources give the same records.
#
#   synth-stage.sh run RECORD STAGE OUTPUT INPUT... -- COMMAND...
#   synth-stage.sh skip RECORD STAGE REASON
#   synth-stage.sh manifest OUT LIBRARY RECORD...
set -eu

fail() {
  echo "synth-stage: $1" >&2
  exit 2
}

text() { # a JSON string
  printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

digest() {
  if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

file() { # a path with its digest
  printf '{ "path": %s, "sha256": "%s" }' "$(text "$1")" "$(digest "$1")"
}

run() {
  record=$1 stage=$2 output=$3
  shift 3
  inputs=
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    inputs="$inputs${inputs:+, }$(file "$1")"
    shift
  done
  [ $# -gt 1 ] || fail "stage $stage has no command"
  shift
  tool=$(command -v "$1") || fail "stage $stage: $1 is not there"
  # A failed stage leaves nothing that the next one could take for its input.
  "$@" || {
    status=$?
    rm -f "$output" "$record"
    echo "synth-stage: stage $stage failed" >&2
    exit "$status"
  }
  arguments=
  for argument in "$@"; do
    arguments="$arguments${arguments:+, }$(text "$argument")"
  done
  version=$("$tool" --version 2>&1 | head -n 1)
  {
    printf '{ "stage": %s, "ran": true,\n' "$(text "$stage")"
    printf '  "tool": { "path": %s, "version": %s, "sha256": "%s" },\n' "$(text "$tool")" "$(text "$version")" "$(digest "$tool")"
    printf '  "command": [%s],\n' "$arguments"
    printf '  "inputs": [%s],\n' "$inputs"
    printf '  "output": %s }\n' "$(file "$output")"
  } >"$record"
}

skip() {
  printf '{ "stage": %s, "ran": false, "reason": %s }\n' "$(text "$2")" "$(text "$3")" >"$1"
}

manifest() {
  out=$1 library=$2
  shift 2
  {
    printf '{ "schema": 1, "library": %s, "stages": [\n' "$(text "$library")"
    between=
    for record in "$@"; do
      printf '%s' "$between"
      cat "$record"
      between=', '
    done
    printf '] }\n'
  } >"$out.new"
  mv "$out.new" "$out"
}

[ $# -gt 3 ] || fail "too few arguments"
what=$1
shift
case $what in
run | skip | manifest) "$what" "$@" ;;
*) fail "nothing is called $what" ;;
esac
