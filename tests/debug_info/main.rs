//! Debug information: lines against what `synth disasm` and another reader of the module's DWARF say, call frames against what the
//! machine code does, linkers and strippers, and a debugger's session on an emulator.

mod frames;
mod gdb;
mod lines;
mod links;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::packages;
use synth::debug_info::{DebugOptions, Lines};
use synth::pipeline::{Compiled, Options, compile};
use synth::simulator::board::Folder;

/// A library of two units, one of which has code inlined from a header. Line numbers count in the tests.
const WEIGH_H: &str = "\
#define MARK 7
static inline int scaled(int value) {
  while (value > 100) {
    value = (value >> 1) ^ MARK;
  }
  return value;
}
int weigh(int a, int b);
";
const WEIGH_C: &str = r#"
#include "weigh.h"
extern void host_event(int value);
__attribute__((noinline)) int weigh(int a, int b) {
  int sum = 0;
  for (int i = 0; i < a; i++) {
    sum += scaled(b) ^ i;
    host_event(sum);
  }
  return sum;
}
"#;
const SAMPLE_C: &str = r#"
#include "weigh.h"
static int total;
int sample_add(int a, int b) {
  int w = weigh(a, b);
  total += scaled(w);
  return total;
}
int not_needed(int x) {
  return x * 3;
}
"#;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm").join(format!("{name}.wasm"))
}

fn debug(lines: Lines, path: &Path) -> Options {
    Options { debug: Some(DebugOptions { lines, path: text(path).to_string() }), ..Options::default() }
}

fn compiled(path: &Path, options: &Options) -> (Vec<u8>, Compiled) {
    let bytes = std::fs::read(path).expect("a module");
    let compiled = compile(&bytes, options).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (bytes, compiled)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Runs a tool. Result: its exit code, and what it said.
fn run(program: &str, args: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

fn must(program: &str, args: &[&str]) -> String {
    let (code, said) = run(program, args);
    assert_eq!(code, 0, "{program} {args:?}: {said}");
    said
}

fn synth(args: &[&str]) -> (i32, String) {
    run(env!("CARGO_BIN_EXE_synth"), args)
}

/// Builds the library with debug information. Result: its module.
fn library(folder: &Folder) -> PathBuf {
    for (name, source) in [("weigh.h", WEIGH_H), ("weigh.c", WEIGH_C), ("sample.c", SAMPLE_C)] {
        folder.write(name, source.as_bytes()).expect("written");
    }
    let at = |name: &str| text(&folder.path().join(name)).to_string();
    for name in ["weigh", "sample"] {
        let (from, to) = (at(&format!("{name}.c")), at(&format!("{name}.o")));
        must("clang-19", &["--target=wasm32", "-O2", "-g", "-nostdlib", "-c", &from, "-o", &to]);
    }
    let (module, inputs) = (at("library.wasm"), [at("weigh.o"), at("sample.o")]);
    let flags = ["--no-entry", "--export=sample_add", "--export=weigh", "--allow-undefined", "--stack-first"];
    must("wasm-ld-19", &[&flags[..], &["-z", "stack-size=4096", &inputs[0], &inputs[1], "-o", &module]].concat());
    PathBuf::from(module)
}

/// An object with what a module imports.
fn host_object(folder: &Folder, compiled: &Compiled) -> PathBuf {
    let imports = compiled.module.functions.iter().filter_map(|f| f.import.as_ref());
    let define = |i| format!(".global {0}\n.type {0}, %function\n{0}: bx lr\n", compiled.module.import_symbol(i));
    let text_of_all = format!(".syntax unified\n.thumb\n.text\n{}", imports.map(define).collect::<String>());
    let (source, object) =
        (folder.write("host.S", text_of_all.as_bytes()).expect("written"), folder.path().join("host.o"));
    must("arm-none-eabi-gcc", &["-mcpu=cortex-m4", "-mthumb", "-c", text(&source), "-o", text(&object)]);
    object
}

/// Writes an object into a folder and links it alone. Result: paths of object and image.
fn linked(folder: &Folder, object: &[u8], linker: &str, flags: &[&str]) -> (PathBuf, PathBuf) {
    let path = folder.write("linked.o", object).expect("written");
    let image = folder.path().join("linked.elf");
    let alone = ["--unresolved-symbols=ignore-all", "-Ttext=0x8000", "-e", "0x8000"];
    must(linker, &[&alone[..], flags, &[text(&path), "-o", text(&image)]].concat());
    (path, image)
}
