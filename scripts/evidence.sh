#!/usr/bin/env bash
# Compiles and proves three programs of the corpus, writes a package of evidence for each into target/evidence/, and verifies it: by
# making it again, and by the checker that needs no compiler. Needs Rust, a C compiler and z3 only.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --release --workspace
mkdir -p target/evidence
for program in semaphore message_queue q15; do
  folder=target/evidence/$program
  target/release/synth compile --validate "corpus/wasm/$program.wasm" -o "target/evidence/$program.o" \
    --evidence "$folder" --replace-evidence | tail -n 1
  target/release/synth report verify "$folder"
  target/release/synth-check "$folder/certificate" "$folder/module.wasm" "$folder/object.o"
done
