//! The test harness tested: both machines must see the same, and a difference must show.
//!
//! The object under test here is C that follows the object contract by hand, next to a module that says the same.

mod support;

use std::path::Path;
use support::observation::{self, Observation, Run, RunError, TrapKind};
use support::plain_selects::plain_selects;
use support::vectors::{self, Base, Operand, Script, Statement};
use support::{packages, qemu_engine, wasmi_engine};

/// One of each: memory, 64-bit arguments, many arguments, traps, a host call, several results, a constant, a start.
const MODULE: &str = r#"(module
  (import "env" "host-call" (func $host (param i32 i64) (result i64)))
  (import "env" "board" (global $board i32))
  (memory (export "memory") 1 2)
  (global (export "table_at") i32 (i32.const 64))
  (global $count (mut i32) (i32.const 7))
  (data (i32.const 64) "synth")
  (start $init)
  (func $init (i32.store (i32.const 128) (i32.const 0x12345678)))
  (func (export "add64") (param i32 i64) (result i64) (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))
  (func (export "many") (param i32 i64 i32 i64 i32) (result i64)
    (i64.sub (local.get 3) (i64.extend_i32_u (i32.xor (local.get 2) (local.get 4)))))
  (func (export "div/s") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "ask") (param i32) (result i64) (call $host (local.get 0) (i64.const -2)))
  (func (export "board") (result i32) (global.get $board))
  (func (export "three") (param i32) (result i64 i32 i64)
    (i64.const 0x1122334455667788) (local.get 0) (i64.const -1))
  (func (export "next") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count)))"#;

/// The same in C. `@` stands for what a test replaces to plant a difference.
const OBJECT: &str = r#"
typedef unsigned u32; typedef unsigned long long u64; typedef long long i64;
#define TRAP(kind) __asm__ volatile("udf #" #kind)
unsigned char base[131072] __asm__("__linear_memory_base")
  __attribute__((section(".data.synth_memory"), aligned(8))) = { [64] = 's', 'y', 'n', 't', 'h' };
u32 size __asm__("__synth_memory_bytes") = 65536;
u32 more[8] __asm__("__synth_results");
static u32 count = 7;
extern unsigned char board_symbol[] __asm__("env_board");
u64 host(u32, i64) __asm__("\"host-call\"");
void init(void) __asm__("__synth_instance_init");
void init(void) { *(volatile u32 *)(base + 128) = 0x12345678; }
i64 add64(int a, i64 b) { return a + b@ADD; }
i64 many(int a, i64 b, u32 c, i64 d, u32 e) { return d - (c ^ e); }
int division(int a, int b) __asm__("\"div/s\"");
int division(int a, int b) {
  if (!b) TRAP(2);
  if (a == (int)0x80000000 && b == -1) TRAP(3);
  return a / b;
}
void store(u32 at, u32 value) {
  if (at > size - 4) TRAP(4);
  *(volatile u32 *)(base + at) = value;
  @STORE
}
i64 ask(int a) { return host(a, -2); }
u32 board_export(void) __asm__("board");
u32 board_export(void) { return (u32)board_symbol; }
__attribute__((naked)) void three(void) {
  __asm__("ldr r1, =__synth_results\n mov.w r2, #-1\n str r2, [r1]\n mov r3, r2\n mov r2, r0\n"
          "ldr r0, =0x55667788\n ldr r1, =0x11223344\n bx lr");
}
u32 next(void) { return ++count; }
"#;

const SCRIPT: &str = "
call add64 -5 0x100000000
expect 4294967291
call many 1 2 0xf0 -1 15 -> $x
expect -256
call div/s -7 2
expect -3
call div/s 1 0
expect-trap integer-divide-by-zero
call div/s 0x80000000 -1
expect-trap integer-overflow
write 16 a1b2c3d4
load $word 16
call store @table_at $word+1
expect
expect-memory 64 a2b2c3d468
call store 65533 1
expect-trap out-of-bounds-memory
call ask 42 -> $answer
expect-import host-call 42 -2
expect-imports 1
call add64 0 $answer
expect $answer
call next
call next
expect 9
call three 99
expect 0x1122334455667788 99 -1
expect-memory 128 78563412
";

/// The module as bytes; its imported global is renamed where the export `board` would collide with the symbol.
fn module() -> Vec<u8> {
    let text = MODULE.replace("\"env\" \"board\"", "\"env\" \"env_board\"");
    wat::parse_str(text).expect("the module is well formed")
}

fn script(text: &str) -> Script {
    vectors::parse(text).expect("the script is well formed")
}

fn object(add: &str, store: &str) -> Vec<u8> {
    let source = OBJECT.replace("@ADD", add).replace("@STORE", store);
    qemu_engine::compile_c(&source).unwrap_or_else(|error| panic!("{error}"))
}

fn in_wasmi(text: &str) -> Run {
    wasmi_engine::run(&module(), &script(text), None).unwrap_or_else(|error| panic!("{error}"))
}

fn in_qemu(object: &[u8], text: &str) -> Run {
    qemu_engine::run(object, &module(), &script(text)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn script_statements_are_parsed() {
    let parsed =
        script("write 0x10 00ff # two bytes\n\ncall f -1 0x2 $x+4 @s-8 -> $y $z\n".replace("$x+4 ", "").as_str());
    let number = |offset: i64| Operand { base: Base::Number, offset: offset as u64 };
    let write = Statement::Write { address: number(16), bytes: vec![0, 255] };
    let symbol = Operand { base: Base::Symbol("s".to_string()), offset: (-8i64) as u64 };
    let call = Statement::Call {
        export: "f".to_string(),
        arguments: vec![number(-1), number(2), symbol],
        variables: vec!["y".to_string(), "z".to_string()],
    };
    assert_eq!(parsed.lines, [(1, write), (3, call)]);
}

#[test]
fn script_errors_name_the_line() {
    let check = |text: &str, line: usize, reason: &str| {
        let error = vectors::parse(text).expect_err(text);
        assert_eq!((error.line, error.reason.as_str()), (line, reason), "{text}");
    };
    check("jump 1", 1, "no such statement, or a wrong number of operands: jump");
    check("# fine\nwrite 0 abc", 2, "bytes are pairs of hexadecimal digits, at least one");
    check("write 0 zz", 1, "zz is no byte");
    check("call f $x", 1, "$x is not set before this line");
    check("call f ->", 1, "no variable after ->");
    check("call f 0x10000000000000000", 1, "0x10000000000000000 is no number of 64 bits");
    check("expect 1", 1, "nothing is called before this line");
    check("call f\nexpect-trap stack", 2, "unknown trap kind stack");
}

#[test]
fn a_script_that_does_not_fit_the_module_is_refused() {
    let check = |text: &str, reason: &str| {
        let error = wasmi_engine::run(&module(), &script(text), None).expect_err(text);
        let wanted = vectors::ScriptError { line: 1, reason: reason.to_string() };
        assert_eq!(error, RunError::Script(wanted), "{text}");
    };
    check("call missing", "no exported function missing");
    check("call next 1", "1 arguments where 0 are needed");
    check("call store 0x100000000 1", "argument 0x100000000 does not fit 32 bits");
    check("call store @memory 1", "@memory is no exported immutable i32 global");
    check("call next -> $a $b", "next has only 1 results");
}

#[test]
fn observations_are_lines_and_back() {
    let run = in_wasmi(SCRIPT);
    assert!(run.observations.len() > 10);
    for observation in run.observations {
        assert_eq!(Observation::parse(&observation.to_string()), Some(observation));
    }
}

#[test]
fn wasmi_reports_expectations_that_do_not_hold() {
    let check = |text: &str, failures: usize| assert_eq!(in_wasmi(text).failures.len(), failures, "{text}");
    check(SCRIPT, 0);
    check("call next\nexpect 9", 1);
    check("call next\nexpect-trap unreachable", 1);
    check("call div/s 1 0\nexpect 0", 1);
    check("call store 0 1\nexpect-memory 0 02", 1);
    check("write 65536 00", 1);
    check("call ask 1\nexpect-import host-call 2 -2\nexpect-imports 2", 2);
}

/// The defect of `wasmi` 2.0.0 that the second opinion is for shows, and does not show in the second opinion; once it no longer shows, the second opinion can go.
#[test]
fn selects_on_comparisons_with_zero_have_a_second_opinion() {
    let wasm = |text: &str| wat::parse_str(text).expect("the module is well formed");
    let module = wasm(
        r#"(module
          (func $sum (export "sum") (param i32 i32) (result i32) (local i64)
            (i32.add (local.get 0) (local.get 1)))
          (func (export "if_zero") (param i32 i32 i32) (result i32)
            (select (local.get 1) (local.get 2) (i32.eqz (local.get 0))))
          (func (export "unless_zero") (param i32 i64 i64) (result i64) (local i32 i64)
            (local.set 3 (i32.sub (local.get 0) (i32.const 9)))
            (select (result i64) (local.get 1) (local.get 2) (i32.ne (local.get 0) (i32.const 0)))))"#,
    );
    let script = script(
        "call sum 3 4\nexpect 7\ncall if_zero 0 1 2\nexpect 1\ncall if_zero 5 1 2\nexpect 2\n\
         call unless_zero 0 1 2\nexpect 2\ncall unless_zero 9 1 2\nexpect 1\n",
    );
    let run = |wasm: &[u8]| wasmi_engine::run(wasm, &script, None).unwrap_or_else(|error| panic!("{error}"));
    let second = plain_selects(&module).expect("it has selects");
    assert_eq!(run(&second).failures, [""; 0]);
    assert_ne!(run(&module).failures, [""; 0], "wasmi chooses well now: `plain_selects` has no purpose any more");
    assert_eq!(plain_selects(&wasm("(module (func (export \"f\") (param i32) (result i32) (local.get 0)))")), None);
}

/// Runs a module with its script file; the script's expectations must hold.
fn check_files(module: &Path, script: &Path) {
    let name = script.display();
    let wasm = std::fs::read(module).unwrap_or_else(|error| panic!("{}: {error}", module.display()));
    let text = std::fs::read_to_string(script).unwrap_or_else(|error| panic!("{name}: {error}"));
    let script = vectors::parse(&text).unwrap_or_else(|error| panic!("{name} {error}"));
    let run = wasmi_engine::run(&wasm, &script, None).unwrap_or_else(|error| panic!("{name} {error}"));
    assert_eq!(run.failures, [""; 0], "{name}");
    assert!(run.observations.len() > 1, "{name} calls nothing");
}

#[test]
fn published_modules_follow_their_scripts_in_wasmi() {
    for name in packages::NAMES {
        let script = packages::repository().join("tests/vectors").join(name).with_extension("vec");
        check_files(&packages::module(name), &script);
    }
}

#[test]
fn corpus_modules_follow_their_scripts_in_wasmi() {
    let corpus = packages::repository().join("corpus");
    let scripts = std::fs::read_dir(corpus.join("vectors")).expect("the corpus has scripts");
    for script in scripts.map(|entry| entry.expect("the folder is readable").path()) {
        let name = script.file_stem().expect("scripts have names");
        check_files(&corpus.join("wasm").join(name).with_extension("wasm"), &script);
    }
}

#[test]
fn an_object_that_keeps_the_contract_equals_wasmi() {
    let (left, right) = (in_wasmi(SCRIPT), in_qemu(&object("", ""), SCRIPT));
    assert_eq!(observation::disagreements(&script(SCRIPT), &left, &right), [""; 0]);
    assert_eq!(right.stack_bytes.len(), right.observations.len());
}

#[test]
fn an_imported_global_is_the_address_of_its_symbol() {
    let (left, right) =
        (in_wasmi("call board\nexpect 0x20001000"), in_qemu(&object("", ""), "call board\nexpect 0x20001000"));
    assert_eq!((left.failures, right.failures), (vec![], vec![]));
}

#[test]
fn planted_differences_show() {
    let check = |add: &str, store: &str, text: &str, seen: &str| {
        let (left, right) = (in_wasmi(text), in_qemu(&object(add, store), text));
        let shown = observation::disagreements(&script(text), &left, &right).join("\n");
        assert!(shown.contains(seen), "{seen} is not in:\n{shown}");
    };
    check("+ 1", "", "call add64 1 2", "right: r 1 = 0x0000000000000004");
    check("", "base[5] = 1;", "call store 0 0", "right: r 1 = - | trap none");
    check("", "size += 65536;", "call store 0 0", "mem 131072");
    check("", "__asm__ volatile(\"mov r4, #0\");", "call store 0 0", "clobbered r4");
    check("", "__asm__ volatile(\"sub sp, #8\\n bx lr\");", "call store 0 0", "clobbered sp");
    check("", "TRAP(1);", "call store 0 0", "trap unreachable");
    check("", "TRAP(77);", "call store 0 0", "trap fault");
    check("", "*(volatile u32 *)0xfffffff0 = 1;", "call store 0 0", "fault, CFSR 0x");
    check(
        "",
        "__asm__ volatile(\"movs r0, #0\\n mov sp, r0\\n push {r0}\");",
        "call store 0 0\ncall next\nexpect 8",
        "trap fault",
    );
    check("", "host(1, 2);", "call store 0 0", "calls 1 0x");
    check("", "", "call next\nexpect 9", "line 2: results differ");
    check("", "", "call ask 1\nexpect-import host-call 1 2", "line 2: import call differs");
    check("", "", "call store 0 1\nexpect-memory 0 02", "line 2: memory differs at 0x00000000");
}

#[test]
fn a_trap_while_instantiating_ends_the_run() {
    let wasm = wat::parse_str("(module (func $f unreachable) (start $f) (func (export \"g\")))").expect("well formed");
    let source = "void f(void) __asm__(\"__synth_instance_init\"); void f(void) { __asm__ volatile(\"udf #1\"); }\
                  unsigned size __asm__(\"__synth_memory_bytes\"); void g(void) {}";
    let object = qemu_engine::compile_c(source).unwrap_or_else(|error| panic!("{error}"));
    let script = script("call g");
    let left = wasmi_engine::run(&wasm, &script, None).unwrap_or_else(|error| panic!("{error}"));
    let right = qemu_engine::run(&object, &wasm, &script).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(left.observations[0].trap, Some(TrapKind::Unreachable));
    assert_eq!(left.observations, right.observations);
}
