#!/usr/bin/env bash
# Installs what building needs, where it is missing: a C and C++ compiler (capstone is C, z3 is linked with the C++
# library), pkg-config and the z3 library. libclang is not needed: the z3 bindings are generated beforehand.
# Quiet and without effect if all is there.
set -euo pipefail

fail() {
  echo "setup-build: $1" >&2
  exit 1
}

packages=()
command -v cc >/dev/null || packages+=(gcc libc6-dev)
command -v c++ >/dev/null || packages+=(g++)
command -v pkg-config >/dev/null || packages+=(pkg-config)
if ! pkg-config --exists z3 2>/dev/null && [ ! -e /usr/include/z3.h ]; then
  packages+=(libz3-dev)
fi

if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get >/dev/null ||
    fail "missing: ${packages[*]}, and there is no apt-get. Install them, or build with --features vendored-z3."
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing: ${packages[*]}. Run 'apt-get install ${packages[*]}' as root."
    as_root=(sudo)
  fi
  export DEBIAN_FRONTEND=noninteractive
  install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}")
  if ! "${install[@]}" >/dev/null 2>&1; then
    "${as_root[@]}" apt-get update -qq >/dev/null || true
    "${install[@]}" >/dev/null || fail "apt-get cannot install ${packages[*]}. Without z3: --features vendored-z3."
  fi
fi

command -v cargo >/dev/null || fail "cargo is missing. Install Rust 1.88 or later: https://rustup.rs"
