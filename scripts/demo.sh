#!/usr/bin/env bash
# Compiles a kernel module, proves the object and runs it in an emulator: the whole way in one minute.
set -euo pipefail
cd "$(dirname "$0")/.."

module=${1:-corpus/wasm/semaphore.wasm}
name=$(basename "$module" .wasm)
object=target/demo/$name.o

[ -f "$module" ] || {
  echo "demo: there is no $module. Modules to choose from: corpus/wasm/*.wasm" >&2
  exit 1
}
mkdir -p target/demo

echo "1. Build the compiler."
cargo build --quiet

echo "2. Compile $module and prove the object."
# The exit code is 0 only if every function is proved; otherwise no object is written and the table says why.
cargo run --quiet -- --validate "$module" -o "$object"

echo "3. Prove the object again from its bytes, without the compiler."
cargo run --quiet -- validate "$module" "$object"

echo "4. Run it."
# FIXME: needs the command that links an object with the emulator's firmware.
if command -v arm-none-eabi-objdump >/dev/null; then
  arm-none-eabi-objdump --syms "$object" | awk '/ g .*F \.text/ { print "   " $NF }'
fi
