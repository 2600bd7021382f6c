#!/bin/sh
# Builds every program of the corpus into wasm/ and writes manifest.json.
#
# Usage: corpus/build.sh [name...]      (no name: all programs)
# Needs clang-19, wasm-ld-19 (Debian lld-19), wat2wasm, wasm-validate and wasm-objdump (Debian wabt), python3.
#
# A program may carry, as comments on lines of their own near its top:
#   link: <further options for wasm-ld>      such as the C objects to export
set -eu
cd "$(dirname "$0")"
mkdir -p wasm
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# Runs one command and records it, word for word, as part of the program's build.
run() {
    printf '%s\n' "$*" >>"$log/$name"
    "$@"
}

compile_c() {
    options=$(sed -n 's|^// link: ||p' "programs/$name.c" | tr '\n' ' ')
    run clang-19 --target=wasm32 -O2 -nostdlib -ffreestanding -fno-builtin -mbulk-memory -Wall -Wextra -Werror \
        -c "programs/$name.c" -o "wasm/$name.o"
    # shellcheck disable=SC2086  # the options are words
    run wasm-ld-19 --no-entry --stack-first -z stack-size=4096 --initial-memory=65536 $options \
        "wasm/$name.o" -o "wasm/$name.wasm"
    rm -f "wasm/$name.o"
}

compile_wat() {
    run wat2wasm "programs/$name.wat" -o "wasm/$name.wasm"
}

build() {
    name=$1
    if [ -f "programs/$name.c" ]; then compile_c; else compile_wat; fi
    chmod 644 "wasm/$name.wasm" # wasm-ld marks it executable
    wasm-validate "wasm/$name.wasm"
}

if [ $# -gt 0 ]; then
    for each in "$@"; do build "$each"; done
    echo "built: $*; manifest.json is written by a run over all programs"
    exit 0
fi
for source in programs/*.c programs/*.wat; do
    [ -f "$source" ] || continue
    each=${source##*/}
    build "${each%.*}"
done
python3 manifest.py "$log"
