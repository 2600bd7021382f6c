#!/usr/bin/env bash
# Fetches three published WebAssembly modules for tests into third-party/, which git ignores: they are neither ours nor
# changed. Packages and modules must have the digests in scripts/modules.sha256. Nothing is fetched if all is there.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
digests=$root/scripts/modules.sha256
target=$root/third-party

fail() {
  echo "fetch-modules: $1" >&2
  exit 1
}

# Succeeds if the file $1 has the digest that the list has under the name $2.
matches() {
  local wanted
  wanted=$(awk -v name="$2" '$2 == name { print $1 }' "$digests")
  [ -n "$wanted" ] || fail "$2 has no line in scripts/modules.sha256"
  [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$wanted" ]
}

fetch() { # package@version, path in the package, name of the module
  local archive=${1/@/-}.tgz
  matches "$target/$3.wasm" "$3.wasm" && return 0
  command -v npm >/dev/null || fail "npm is missing. scripts/setup-test.sh installs it."
  # An own cache keeps everything in one folder that goes away again.
  (cd "$work" && npm pack --silent --ignore-scripts --cache "$work/cache" "$1" >/dev/null) ||
    fail "npm cannot fetch $1. Is there a network, and does 'npm ping' answer?"
  matches "$work/$archive" "$archive" || fail "$archive is not the package whose digest is in scripts/modules.sha256"
  tar -xzf "$work/$archive" -C "$work" "package/$2"
  matches "$work/package/$2" "$3.wasm" || fail "$2 of $1 is not the module whose digest is in scripts/modules.sha256"
  mkdir -p "$target"
  # Only a rename makes the module visible, so that two runs at once do no harm.
  cp "$work/package/$2" "$target/$3.wasm.$$"
  mv -f "$target/$3.wasm.$$" "$target/$3.wasm"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch xxhash-wasm@1.1.0 workerd/xxhash.wasm xxhash
fetch source-map@0.7.4 lib/mappings.wasm source-map
fetch snappy-wasm@0.3.0 es/snappy_bg.wasm snappy
