//! Addresses that the host gives by its symbols, as imported globals: what linkers make of a sum is what the module computes, also where
//! the symbol is a function's; and the start-up function leaves the size of the host's memory as it is.

mod support;

use std::path::Path;
use support::assembler::{assembled, function, memory_bytes, must};
use support::proofs::{deep, verdict};
use synth::pass::Level;
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::validate::Verdict;

/// `sym` plus even and odd numbers.
const SUMS: &str = r#"(module (import "env" "sym" (global $s i32)) (import "env" "take" (func $take (param i32)))
    (func (export "one") (result i32) (i32.add (global.get $s) (i32.const 1)))
    (func (export "two") (result i32) (i32.add (global.get $s) (i32.const 2)))
    (func (export "even") (result i32) (i32.and (i32.add (global.get $s) (i32.const 1)) (i32.const -2)))
    (func (export "three") (call $take (i32.add (global.get $s) (i32.const 3)))))"#;

/// Linkers compute `(S + A) | T`, which is not `S + A` with an odd addend where `S` is a function's address.
///
/// Covers TOR-CLAUSE-LINKED, TOR-CLAUSE-RELOCATIONS.
#[test]
fn sums_with_addresses_of_functions_are_what_linkers_make_of_them() {
    let module = wat::parse_str(SUMS).expect("valid text");
    let folder = Folder::new().expect("a folder");
    let source = ".global sym, take, _start\n.type sym, %function\n.type take, %function\n.type _start, %function\n\
                  _start:\nsym:\ntake: bx lr\n";
    let host = folder.write("host.o", &assembled(&folder, source)).expect("written");
    for (level, literal_pools) in [(Level::O0, true), (Level::O2, true), (Level::Os, true), (Level::O2, false)] {
        let object =
            compile(&module, &Options { level, literal_pools, ..Options::default() }).expect("compiles").object;
        assert_eq!(verdict(&module, &object, None), Verdict::Proved, "{level:?} {literal_pools}");
        let (object, image) = (folder.write("module.o", &object).expect("written"), folder.path().join("image.elf"));
        for linker in ["arm-none-eabi-ld", "ld.lld-19"] {
            must(linker, &[Path::new("-o"), &image, &host, &object]);
            let image = std::fs::read(&image).expect("an image");
            assert_eq!(verdict(&module, &image, None), Verdict::Proved, "{linker} {level:?} {literal_pools}");
        }
    }
}

/// Covers TOR-CLAUSE-RELOCATIONS.
#[test]
fn addresses_of_the_hosts_symbols_with_odd_addends_are_refused() {
    let folder = Folder::new().expect("a folder");
    let found = |offset: u32, code: &str| {
        let text = format!(
            r#"(module (import "env" "sym" (global $s i32))
            (func (export "f") (result i32) (i32.add (global.get $s) (i32.const {offset}))))"#
        );
        let module = wat::parse_str(text).expect("valid text");
        let claim = compile(&module, &Options::default()).expect("compiles").claim;
        verdict(&module, &assembled(&folder, &function(0, "f", code)), Some(claim))
    };
    for offset in [1, 2, 3, 0x7ffe, 0x7fff] {
        let literal = format!("ldr r0, 1f\nbx lr\n.balign 4\n1: .word sym + {offset}\n");
        let halves = format!("movw r0, #:lower16:(sym + {offset})\nmovt r0, #:upper16:(sym + {offset})\nbx lr\n");
        for code in [literal, halves] {
            assert_eq!(found(offset, &code) == Verdict::Proved, offset % 2 == 0, "{code}");
        }
    }
}

/// An import that is there twice has one symbol, for a global's initial value too.
///
/// Covers TOR-CLAUSE-IMAGE.
#[test]
fn globals_begin_with_the_address_of_an_import_that_is_there_twice() {
    let text = r#"(module (import "env" "s" (global i32)) (import "env" "s" (global $second i32))
        (global $g (mut i32) (global.get $second)) (func (export "f") (result i32) (global.get $g)))"#;
    let module = wat::parse_str(text).expect("valid text");
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert_eq!(deep(|| verdict(&module, &object, None)), Verdict::Proved);
}

/// A host that made its memory larger before it starts a module finds it as large afterwards.
///
/// Covers TOR-CLAUSE-INIT.
#[test]
fn the_start_up_function_sets_no_size() {
    let text = r#"(module (import "env" "memory" (memory 1 8)) (data (i32.const 16) "abcd")
        (func (export "size") (result i32) (memory.size)))"#;
    let module = wat::parse_str(text).expect("valid text");
    let options = Options { memory_pages_max: Some(8), ..Options::default() };
    let claim = compile(&module, &options).expect("compiles").claim;
    let folder = Folder::new().expect("a folder");
    let found = |sets: &str| {
        let address = |register: &str, symbol: &str| {
            format!("movw {register}, #:lower16:{symbol}\nmovt {register}, #:upper16:{symbol}\n")
        };
        let size = address("r0", "__synth_memory_bytes");
        let source = [
            function(0, "size", &format!("{size}ldr r0, [r0]\nlsrs r0, r0, #16\nbx lr")),
            format!(
                ".section .text.__synth_instance_init,\"ax\"\n.balign 4\n.global __synth_instance_init\n.type __synth_instance_init, %function\n\
                 __synth_instance_init:\npush {{r4, lr}}\n{}{}movs r2, #4\nbl __aeabi_memmove\n{sets}pop {{r4, pc}}\n\
                 .size __synth_instance_init, . - __synth_instance_init\n",
                address("r0", "(__linear_memory_base + 16)"),
                address("r1", "__synth_data0")
            ),
            ".section .rodata.synth_data0,\"a\"\n.type __synth_data0, %object\n__synth_data0: .ascii \"abcd\"\n\
             .size __synth_data0, 4\n"
                .to_string(),
            memory_bytes(65_536),
        ];
        let found = deep(|| verdict(&module, &assembled(&folder, &source.concat()), Some(claim.clone())));
        println!("{}: {}", found.name(), found.detail());
        found
    };
    let cell = "movw r1, #:lower16:__synth_memory_bytes\nmovt r1, #:upper16:__synth_memory_bytes\n";
    assert_eq!(found(""), Verdict::Proved);
    assert_eq!(found(&format!("{cell}ldr r0, [r1]\nstr r0, [r1]\n")), Verdict::Proved);
    assert_ne!(found(&format!("{cell}mov r0, #0x10000\nstr r0, [r1]\n")), Verdict::Proved);
}
