#!/usr/bin/env bash
# Installs what the tests need beyond building, where it is missing: the emulator, the Arm cross compiler, clang for the native
# reference, the debugger, two solvers, the WebAssembly tools, a third party's optimizer, CMake and Rust for the library example, npm
# for the published modules, and a browser and Python's JSON Schema for the evidence.
# Quiet and without effect if all is there.
set -euo pipefail

fail() {
  echo "setup-test: $1" >&2
  exit 1
}

packages=()
need() { # program, package
  command -v "$1" >/dev/null || packages+=("$2")
}
need qemu-system-arm qemu-system-arm
need arm-none-eabi-gcc gcc-arm-none-eabi
need clang-19 clang-19
need ld.lld-19 lld-19
need llvm-objdump-19 llvm-19
need gdb-multiarch gdb-multiarch
need z3 z3
need cvc5 cvc5
need cmake cmake
need make make
need wasm-objdump wabt
need wasm-opt binaryen
need node nodejs
need chromium chromium
need chromedriver chromium-driver
for package in jsonschema selenium; do
  [ -d /usr/lib/python3/dist-packages/$package ] || packages+=(python3-$package)
done
need npm npm
# Debian's compiler for Rust, because of its library for WebAssembly; another one may come first in the path.
[ -x /usr/bin/rustc ] || packages+=(rustc)
compgen -G '/usr/lib/rustlib/wasm32-unknown-unknown/lib/libcore-*' >/dev/null || packages+=(libstd-rust-dev-wasm32)
# The compiler alone has no C library; ask it where it would take one from.
if command -v arm-none-eabi-gcc >/dev/null &&
  [ "$(arm-none-eabi-gcc -print-file-name=libc.a)" = libc.a ]; then
  packages+=(libnewlib-arm-none-eabi)
elif ! command -v arm-none-eabi-gcc >/dev/null; then
  packages+=(libnewlib-arm-none-eabi)
fi

[ ${#packages[@]} -eq 0 ] && exit 0

command -v apt-get >/dev/null || fail "missing: ${packages[*]}, and there is no apt-get. Install them by hand."
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "missing: ${packages[*]}. Run 'apt-get install ${packages[*]}' as root."
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}")
if ! "${install[@]}" >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update -qq >/dev/null || true
  "${install[@]}" >/dev/null ||
    fail "apt-get cannot install ${packages[*]}. clang-19 and its like come with Debian 12 updates and Ubuntu 24.04 on."
fi
