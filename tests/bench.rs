//! `synth bench code`: what it counts is checked on code that is counted by hand, on native code that is wrong or longer by
//! intent, and on programs of the corpus.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use support::modules::interface;
use support::packages::repository;
use support::qemu_engine::{Folder, compile, read};
use support::vectors;
use synth::bench::build::Program;
use synth::bench::compare::{
    CHECKED, Choice, Comparison, NATIVE, NATIVE_INLINING, SYNTH, WASM2C, WASM2C_CONSTANT, compare, geometric_mean,
};
use synth::bench::cycles::{CORTEX_M3, CORTEX_M4, is_spill};
use synth::bench::execution::{Block, Count, by_address};
use synth::bench::image::Instruction;
use synth::bench::measure::{Candidate, Laboratory};
use synth::bench::peer::Peer;
use synth::bench::plot;
use synth::bench::summary::{BYTES, EXECUTED, budgets, ratio, summary};
use synth::pass::Level;
use synth_validator::contract::Bounds;

fn lab() -> Laboratory {
    Laboratory::new(None).unwrap_or_else(|e| panic!("{e}"))
}

fn instruction(text: &str) -> Instruction {
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((text, ""));
    Instruction { bytes: 2, mnemonic: mnemonic.to_string(), operands: operands.to_string() }
}

/// A loop that adds its parameter, 1 less each time, and keeps the sum in the frame at its end.
const COUNTED: &str = "
.syntax unified
.cpu cortex-m4
.thumb
.text
.global triangle
.type triangle, %function
.thumb_func
triangle:
  movs r1, #0
1:
  adds r1, r1, r0
  subs r0, #1
  bne 1b
  sub sp, #8
  str r1, [sp, #4]
  ldr r0, [sp, #4]
  add sp, #8
  bx lr
.size triangle, . - triangle
.section .rodata.table
.word 1, 2, 3
.data
.word 4
";

#[test]
fn a_counted_loop_gives_the_counted_figures() {
    let folder = Folder::new().expect("there is a folder");
    let object = compile(&folder, "counted.s", COUNTED).unwrap_or_else(|e| panic!("{e}"));
    let wasm = wat::parse_str("(module (func (export \"triangle\") (param i32) (result i32) local.get 0))");
    let interface = interface(&wasm.expect("it is a module")).expect("it is a module");
    let script = vectors::parse("call triangle 4\nexpect 10\ncall triangle 1\nexpect 1\n").expect("it is a script");
    let candidate = Candidate { object: read(&object).expect("is there"), native: true, ..Candidate::default() };
    let measured = lab().measure("counted", &candidate, &interface, &script).unwrap_or_else(|e| panic!("{e}"));
    assert!(measured.run.failures.is_empty(), "{:?}", measured.run.failures);
    // Each call: 1 before the loop, 3 in each round, 5 behind it; 5 rounds in both calls together.
    assert_eq!(measured.total.executed, 2 * 6 + 5 * 3);
    assert_eq!(measured.total.instructions, 9);
    // 18 bytes of code, 12 of constants, 4 of data.
    assert_eq!((measured.bytes.code, measured.bytes.constants, measured.bytes.data), (18, 12, 4));
    assert_eq!(measured.total.bytes, 34);
    // A cycle each, but 2 for the load; 2 more for each of 3 taken branches and 2 returns.
    assert_eq!(measured.total.cycles_m4, 27 + 2 + 2 * (3 + 2));
    assert_eq!((measured.total.spills, measured.total.spills_executed), (2, 4));
    assert_eq!(measured.stack_bytes, 4, "only what is written shows");
    assert_eq!(measured.functions["triangle"].executed, measured.total.executed);
    assert_eq!(measured.helpers_executed, 0);
}

/// Instructions of 4 bytes that lie on both sides of the ends of 1 KiB pages, one behind an instruction of 2 bytes, one behind one of 4.
const STRADDLING: &str = "
.syntax unified
.cpu cortex-m4
.thumb
.text
.balign 1024
.global over
.type over, %function
.thumb_func
over:
  b.w 1f
.org over + 0x3fc
1:
  movs r1, #1
  add.w r0, r0, r1
  b.w 2f
.org over + 0x7fa
2:
  mov.w r1, #2
  add.w r0, r0, r1
  bx lr
.size over, . - over
";

#[test]
fn an_instruction_over_the_end_of_a_page_counts_once() {
    let folder = Folder::new().expect("there is a folder");
    let object = compile(&folder, "straddling.s", STRADDLING).unwrap_or_else(|e| panic!("{e}"));
    let wasm = wat::parse_str("(module (func (export \"over\") (param i32) (result i32) local.get 0))");
    let interface = interface(&wasm.expect("it is a module")).expect("it is a module");
    let script = vectors::parse("call over 4\nexpect 7\ncall over 1\nexpect 4\n").expect("it is a script");
    let candidate = Candidate { object: read(&object).expect("is there"), native: true, ..Candidate::default() };
    let measured = lab().measure("straddling", &candidate, &interface, &script).unwrap_or_else(|e| panic!("{e}"));
    assert!(measured.run.failures.is_empty(), "{:?}", measured.run.failures);
    assert_eq!(measured.total.executed, 2 * 7);
    // A cycle each; 2 more for each of two branches and the return.
    assert_eq!(measured.total.cycles_m4, 2 * (7 + 2 * 3));
}

#[test]
fn cycles_are_those_of_the_manuals() {
    for (text, m3, m4) in [
        ("adds r0, r1, r2", 1, 1),
        ("mla r0, r1, r2, r3", 2, 1),
        ("umull r0, r1, r2, r3", 4, 1),
        ("smlal r0, r1, r2, r3", 5, 1),
        ("udiv r0, r1, r2", 7, 7),
        ("ldrb.w r0, [r1, #4]", 2, 2),
        ("str r0, [r1, #4]", 1, 1),
        ("str r0, [r1]", 1, 1),
        ("strh.w r0, [r1, r2, lsl #1]", 2, 2),
        ("ldrd r0, r1, [r2]", 3, 3),
        ("push {r4, r5, lr}", 4, 4),
        ("ldm r0!, {r1, r2}", 3, 3),
        ("tbb [pc, r0]", 2, 2),
        ("blt #0x10", 1, 1),
        ("muls r0, r1, r0", 1, 1),
    ] {
        let found = [CORTEX_M3, CORTEX_M4].map(|t| t.cycles(&instruction(text), None));
        assert_eq!(found, [m3, m4], "{text}");
    }
    let pair = |first: &str, second: &str| CORTEX_M4.cycles(&instruction(second), Some(&instruction(first)));
    assert_eq!(pair("ldr r0, [r1]", "ldr r2, [r3]"), 1);
    assert_eq!(pair("ldr r0, [r1]", "ldr r2, [r0]"), 2, "the address is not there yet");
    assert_eq!(pair("str r0, [r1]", "ldr r2, [r3]"), 2);
    assert!(is_spill(&instruction("ldr r0, [sp, #8]")) && is_spill(&instruction("strd r0, r1, [sp]")));
    assert!(!is_spill(&instruction("push {r4, lr}")) && !is_spill(&instruction("ldr r0, [r1]")));
}

#[test]
fn blocks_give_counts_by_address() {
    let block = |start, last, count, left| Block { start, last, count, left };
    // 0, 2 and 6, the last of 2 bytes; a second block starts in the middle of the first.
    let next = |at| [(0, 2), (2, 6), (6, 8)].iter().find(|(a, _)| *a == at).map(|(_, n)| *n);
    let counts = by_address(&[block(0, 6, 10, 3), block(2, 6, 5, 1), block(100, 100, 7, 7)], next);
    let count = |executed, left| Count { executed, left };
    assert_eq!(counts, BTreeMap::from([(0, count(10, 0)), (2, count(15, 0)), (6, count(15, 4))]));
}

#[test]
fn means_are_geometric() {
    let mean = geometric_mean([2.0, 8.0, 0.5, 0.5]).expect("there are ratios");
    assert!((mean - 1.414_213_562).abs() < 1e-6, "{mean}");
    assert_eq!(geometric_mean([]), None);
}

/// A program of three lines, and what native code does besides.
fn program(folder: &Folder, only_native: &str) -> Program {
    let header = repository().join("corpus/programs/firmware.h");
    let c = format!(
        "// link: --export=kept\n#include \"{}\"\nuint32_t kept[4] = {{3, 4, 5, 6}};\nuint32_t IMPORT(scale)(uint32_t);\n\
         uint32_t EXPORT(weigh)(uint32_t n) {{\n  uint32_t sum = scale(n) & 7;\n#ifdef __arm__\n{only_native}\n#endif\n  \
         for (uint32_t i = 0; i < n; i++) sum += kept[i & 3] * i;\n  return sum;\n}}\n\
         uint32_t *EXPORT(place)(uint32_t i) {{ return &kept[i & 3]; }}\n",
        header.display()
    );
    let script = "write @kept 09000000\ncall weigh 0\ncall weigh 9\ncall place 2\nexpect @kept+8\nexpect-memory @kept 0900000004\n";
    Program {
        name: "weigh".to_string(),
        c: Some(folder.write("weigh.c", c.as_bytes()).expect("is written")),
        wasm: PathBuf::new(),
        script: folder.write("weigh.vec", script.as_bytes()).expect("is written"),
    }
}

fn measured(lab: &Laboratory, only_native: &str, peers: Vec<Peer>) -> Comparison {
    let folder = Folder::new().expect("there is a folder");
    let choice = Choice { bounds: Bounds::None, peers };
    compare(lab, &program(&folder, only_native), Level::O2, &choice).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn native_code_is_compared_and_counted() {
    let lab = lab();
    let command = format!("{} compile \"$WASM\" -o \"$OBJECT\" --bounds none $LEVEL", env!("CARGO_BIN_EXE_synth"));
    let peers =
        vec![format!("again={command}").parse().expect("it is a peer"), "none=false".parse().expect("it is a peer")];
    let plain = measured(&lab, "", peers);
    for build in [SYNTH, CHECKED, NATIVE, NATIVE_INLINING, WASM2C, WASM2C_CONSTANT, "again"] {
        assert!(plain.measured(build).is_some(), "{build}: {:?}", plain.entries);
    }
    assert_eq!(ratio(&plain, EXECUTED, SYNTH, "again"), Some(1.0));
    assert_eq!(ratio(&plain, BYTES, SYNTH, "again"), Some(1.0));
    assert!(plain.entries.iter().any(|e| e.build == "none" && e.result.is_err()));

    let longer = measured(&lab, "for (volatile uint32_t i = 0; i < 50; i++) {}", Vec::new());
    let [before, after] = [&plain, &longer].map(|c| ratio(c, EXECUTED, SYNTH, NATIVE).expect("both are measured"));
    assert!(after < before / 2.0, "{before} {after}");

    let wrong = measured(&lab, "sum += n == 9;", Vec::new());
    let native = wrong.entries.iter().find(|e| e.build == NATIVE).expect("it is there");
    assert!(native.differences.iter().any(|d| d.contains("call weigh")), "{:?}", native.differences);
    assert!(wrong.measured(NATIVE).is_none(), "what does something else does not count");
    assert_eq!(summary(&[wrong], EXECUTED, SYNTH, NATIVE).map(|s| s.programs), None);

    let rows = budgets(&[(Level::O2, vec![plain.clone()])]);
    let native = rows.iter().find(|r| r.name == "executed instructions / native, -O2").expect("it is there");
    assert_eq!(native.held, before <= 1.10);
    let picture = plot::svg(&[(Level::O2, vec![plain])]);
    assert_eq!(picture.matches("<title>weigh / ").count(), 2 * 3, "two panels, three references");
}

#[test]
fn the_command_measures_the_corpus() {
    let folder = Folder::new().expect("there is a folder");
    let kept = folder.path().join("kept");
    let mut command = Command::new(env!("CARGO_BIN_EXE_synth"));
    command
        .args(["bench", "--only", "kernel_stack", "--only", "globals", "-Os", "--format", "json", "--keep"])
        .arg(&kept);
    let output = command.current_dir(repository()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let programs = report["levels"][0]["programs"].as_array().expect("there are programs");
    let builds: Vec<usize> = programs.iter().map(|p| p["builds"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(builds, [4, 6], "`globals` has no C");
    for build in programs.iter().flat_map(|p| p["builds"].as_array().expect("there are builds")) {
        assert!(build["measured"]["total"]["executed"].as_u64() > Some(0), "{build}");
        assert_eq!(build["differences"], serde_json::json!([]));
    }
    assert!(programs[1]["calls_left_out"].as_u64() > Some(0), "calls that trap");
    assert!(report["levels"][0]["summaries"].as_array().is_some_and(|s| s.len() == 24));
    assert!(kept.join("kernel_stack-Os-native.elf").exists());
}
