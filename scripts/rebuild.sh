#!/usr/bin/env bash
# Builds the program twice, from two copies of the same commit in different folders, and compares the digests:
#
#   scripts/rebuild.sh [PROGRAM]
#
# With PROGRAM the digest of the second build is also compared with that of this file. Paths of the build are replaced in what rustc
# writes, so that the folder has no part in the bytes; for C and C++ (capstone) the same is asked of the compiler.
# Exit code: 0 if all digests are the same, 1 if not, 2 if something keeps the comparison from being made. See docs/rebuild.md.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "rebuild: $1" >&2
  exit 2
}

[ -z "$(git status --porcelain)" ] || fail "the tree has changes that are not committed; a rebuild is of one commit"
commit=$(git rev-parse HEAD)
scratch=${REBUILD_FOLDER:-$(mktemp -d)}
[ -n "${REBUILD_KEEP:-}" ] || trap 'rm -rf "$scratch"' EXIT

registry=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)

build() { # folder
  local folder=$1
  rm -rf "$folder"
  git clone -q --no-hardlinks . "$folder" || fail "cannot clone"
  git -C "$folder" checkout -q "$commit"
  (
    cd "$folder"
    unset CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR
    export CARGO_INCREMENTAL=0
    # C sources of packages have the time of their compilation in a text.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
    export RUSTFLAGS="--remap-path-prefix=$folder=/synth --remap-path-prefix=$registry=/cargo --remap-path-prefix=$sysroot=/rustc"
    export CFLAGS="-ffile-prefix-map=$folder=/synth -ffile-prefix-map=$registry=/cargo"
    export CXXFLAGS=$CFLAGS
    cargo build --release --locked --workspace --bins
  ) || fail "it does not build"
}

build "$scratch/first/synth"
build "$scratch/second-in-a-longer-path/synth"

digest() { # file
  sha256sum <"$1" | cut -d' ' -f1
}

same=yes
for program in synth synth-check; do
  first=$(digest "$scratch/first/synth/target/release/$program")
  second=$(digest "$scratch/second-in-a-longer-path/synth/target/release/$program")
  if [ "$first" = "$second" ]; then
    echo "$program: $first, twice"
  else
    echo "$program: $first and $second differ"
    same=no
  fi
done
if [ $# -gt 0 ]; then
  given=$(digest "$1")
  built=$(digest "$scratch/second-in-a-longer-path/synth/target/release/synth")
  if [ "$given" = "$built" ]; then
    echo "$1: the same"
  else
    echo "$1: $given differs from $built"
    same=no
  fi
fi
[ "$same" = yes ] || exit 1
