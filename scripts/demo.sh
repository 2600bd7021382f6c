#!/usr/bin/env bash
# Compiles a kernel module and a published one, proves every function on the final bytes, and runs the results.
# Needs Rust, a C compiler and z3 only; the published module also needs npm and a network, and is left out without.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }
# Shows a command as typed, then runs it.
show() {
  printf '$ synth'
  printf ' %q' "$@"
  printf '\n'
  target/debug/synth "$@"
}

step "Build the compiler and the checker."
cargo build --quiet --workspace
mkdir -p target/demo
rm -rf target/demo/semaphore.certificate target/demo/xxhash.certificate

step "A kernel's semaphore, in C compiled to WebAssembly: compile it, and prove every function on the final bytes."
# The exit code is 0 only if everything is proved; otherwise no object is written and the table says why.
module=corpus/wasm/semaphore.wasm
object=target/demo/semaphore.o
show --validate "$module" -o "$object" --certificate target/demo/semaphore.certificate

step "What was proved: the machine code of k_sem_give, beside the operators that it comes from."
show disasm "$module" --function k_sem_give

step "Check the certificate without the compiler."
echo "\$ synth-check target/demo/semaphore.certificate $module $object"
target/debug/synth-check target/demo/semaphore.certificate "$module" "$object"

step "Run the object on the Arm interpreter, beside the module on the WebAssembly interpreter."
show run "$object" "$module" --show @sem_a:12 \
  k_sem_init @sem_a 1 3 then k_sem_give @sem_a then k_sem_take @sem_a -1 then k_sem_count @sem_a

step "A module that nobody here wrote: xxhash-wasm 1.1.0 from the npm registry."
if [ -f third-party/xxhash.wasm ] || scripts/fetch-modules.sh; then
  module=third-party/xxhash.wasm
  object=target/demo/xxhash.o
  show --validate "$module" -o "$object" --certificate target/demo/xxhash.certificate
  echo "The 32-bit hash of abc with seed 0 is 32d153ff, the 64-bit one 44bc2cf5ad770999:"
  show run "$object" "$module" --write-text 256=abc xxh32 256 3 0 then xxh64 256 3 0
else
  echo "Left out: it could not be fetched (see the line above). Everything else is done."
fi
