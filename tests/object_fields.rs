//! Every bit of an object's headers, symbols and relocations, flipped: what the validator accepts, linkers must read as it does.
//!
//! The verdict is about the bytes that two linkers make of the object beside a host. A changed object that is proved either gives the same
//! image, or one that is itself proved as a linked image, or none because the linker refuses it. And where the host lacks an import,
//! no changed object may link. `OBJECT_FIELDS=all` takes every bit instead of a sample.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use support::proofs::{deep, deep_map};
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::arm::object::ObjectFile;
use synth_validator::ladder::Limits;
use synth_validator::validate::{Session, Verdict};

const MODULE: &str = r#"(module
    (type $t (func (param i32) (result i32)))
    (import "env" "host" (func $host (param i32) (result i32)))
    (import "env" "board" (global $board i32))
    (memory 1 2) (data (i32.const 16) "data")
    (data $passive "later")
    (global $g (mut i32) (i32.const 7)) (global $at i32 (global.get $board))
    (table 3 funcref) (elem (i32.const 0) $a $b $host)
    (func $a (type $t) (i32.mul (local.get 0) (i32.const 77)))
    (func $b (type $t) (call $host (local.get 0)))
    (func (export "apply") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 0) (local.get 1)))
    (func (export "store") (param i32 i32)
      (i64.store (local.get 0) (i64.const 0x123456789abcdef)) (global.set $g (call $b (global.get $at))))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "init") (param i32) (memory.init $passive (local.get 0) (i32.const 0) (i32.const 5)))
    (func (export "many") (param i32) (result i32 i32 i32 i32 i32 i32)
      (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (local.get 0) (i32.const 5)))"#;

/// Code that refers to everything that the module's object shows, and defines what it needs.
const HOST: &str = ".syntax unified\n.cpu cortex-m4\n.thumb\n\
    .section .text.host,\"ax\"\n.global _start\n.thumb_func\n_start: bx lr\n\
    .section .rodata.host,\"a\"\n\
    .word apply, store, grow, init, many, __linear_memory_base, __synth_memory_bytes, __synth_results\n";
const IMPORTS: &str = ".section .text.imports,\"ax\"\n.global host\n.thumb_func\nhost: bx lr\n\
    .section .data.imports,\"aw\"\n.global board\nboard: .word 1\n\
    .section .text.memmove,\"ax\"\n.global __aeabi_memmove\n.thumb_func\n__aeabi_memmove: bx lr\n";
const SCRIPT: &str = "ENTRY(_start)\nSECTIONS {\n\
    .text 0x8000 : { *(.text .text.*) }\n.rodata : { *(.rodata .rodata.*) }\n\
    .init_array : { *(.init_array*) }\n.tdata : { *(.tdata*) }\n\
    .data 0x20000000 : { *(.data .data.*) }\n.bss : { *(.bss .bss.* COMMON) }\n\
    .synth.witness 0 : { *(.synth.witness) }\n}\n";

/// Where the headers lie: ELF header, section headers, symbols, relocations.
fn fields(object: &[u8]) -> Vec<(&'static str, std::ops::Range<usize>)> {
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().expect("a word")) as usize;
    let half = |at: usize| u16::from_le_bytes(object[at..at + 2].try_into().expect("a halfword")) as usize;
    let (table, count) = (word(0x20), half(0x30));
    let mut found = vec![("file header", 0..0x34), ("section header", table..table + 40 * count)];
    for section in (0..count).map(|i| table + 40 * i) {
        let (start, size) = (word(section + 16), word(section + 20));
        match word(section + 4) {
            2 => found.push(("symbol", start..start + size)),
            9 => found.push(("relocation", start..start + size)),
            _ => {}
        }
    }
    found
}

fn tool(name: &str, arguments: &[&Path]) -> bool {
    Command::new(name).args(arguments).output().unwrap_or_else(|e| panic!("{name}: {e}")).status.success()
}

struct Linker<'a> {
    name: &'a str,
    folder: &'a Path,
}

impl Linker<'_> {
    /// The image of an object beside the host, with or without the imports.
    fn link(&self, object: &[u8], number: usize, imports: bool) -> Option<Vec<u8>> {
        let file = |ending: &str| self.folder.join(format!("{}-{number}-{imports}.{ending}", self.name));
        let (input, output) = (file("o"), file("elf"));
        std::fs::write(&input, object).expect("written");
        let (script, host, more) =
            (self.folder.join("script.ld"), self.folder.join("host.o"), self.folder.join("imports.o"));
        let mut arguments = vec![Path::new("-T"), &script, Path::new("-o"), &output, &host, &input];
        if imports {
            arguments.push(&more);
        }
        let linked = tool(self.name, &arguments).then(|| std::fs::read(&output).expect("an image"));
        [input, output].iter().for_each(|path| drop(std::fs::remove_file(path)));
        linked
    }
}

/// Loaded bytes by address.
fn loaded(image: &[u8]) -> BTreeMap<u64, Vec<u8>> {
    use object::{Object, ObjectSegment};
    let file = object::File::parse(image).expect("an image");
    file.segments().map(|s| (s.address(), s.data().expect("contents").to_vec())).collect()
}

/// Whether an object is proved, given that the object it was made from is.
fn is_proved(session: &Session<'_>, original: &ObjectFile) -> bool {
    let changed = |f: &u32| session.object().functions.get(f) != original.functions.get(f);
    let mut functions = session.functions().into_iter().filter(changed);
    session.image() == Verdict::Proved && functions.all(|f| session.function(f).verdict == Verdict::Proved)
}

/// Covers TOR-INPUT-FIELDS.
#[test]
fn linkers_read_proved_objects_as_the_validator_does() {
    let wasm = wat::parse_str(MODULE).expect("well formed");
    let options = Options { memory_pages_max: Some(2), ..Options::default() };
    let object = compile(&wasm, &options).expect("compiles").object;
    let folder = Folder::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("script.ld"), SCRIPT).expect("written");
    for (name, text) in [("host", HOST.to_string()), ("imports", format!(".syntax unified\n.thumb\n{IMPORTS}"))] {
        let (source, output) = (path(&format!("{name}.s")), path(&format!("{name}.o")));
        std::fs::write(&source, text).expect("written");
        assert!(tool("arm-none-eabi-as", &[&source, Path::new("-o"), &output]), "{name}");
    }
    let linkers = ["arm-none-eabi-ld", "ld.lld-19"].map(|name| Linker { name, folder: folder.path() });
    let images = linkers.each_ref().map(|l| l.link(&object, usize::MAX, true).expect("links"));
    assert!(linkers.iter().all(|l| l.link(&object, usize::MAX, false).is_none()), "an import is missing");
    let base =
        deep(|| Session::new(&wasm, &object, None, Limits::default()).map_err(|e| e.to_string())).expect("reads");
    deep(|| assert!(base.functions().into_iter().all(|f| base.function(f).verdict == Verdict::Proved)));
    deep(|| assert_eq!(base.image(), Verdict::Proved));

    let section_headers = u32::from_le_bytes(object[0x20..0x24].try_into().expect("a word")) as usize;
    let all = std::env::var("OBJECT_FIELDS").is_ok_and(|v| v == "all");
    let bits = fields(&object)
        .into_iter()
        .flat_map(|(what, range)| range.flat_map(move |at| (0..8).map(move |b| (what, at, b))));
    let bits: Vec<_> = bits.enumerate().filter(|(i, _)| all || i % 29 == 0).collect();
    let results = deep_map(&bits, |(number, (what, at, bit))| {
        let mut mutant = object.clone();
        mutant[*at] ^= 1 << bit;
        let Ok(session) = base.with_object(&mutant) else {
            return (*what, "refused", None);
        };
        if !is_proved(&session, base.object()) {
            return (*what, "not proved", None);
        }
        for (linker, right) in linkers.iter().zip(&images) {
            let entry = match *what {
                "section header" => (at - section_headers) % 40,
                _ => 0,
            };
            let place = || Some(format!("{what} at {at:#x} (field {entry:#x}), bit {bit}: {}", linker.name));
            if linker.link(&mutant, *number, false).is_some() {
                return (*what, "WRONG", place().map(|p| format!("{p} links it without the imports")));
            }
            let Some(image) = linker.link(&mutant, *number, true) else { continue };
            if loaded(&image) == loaded(right) {
                continue;
            }
            let session = match Session::new(&wasm, &image, Some(base.claim().clone()), Limits::default()) {
                Ok(session) => session,
                Err(e) => return (*what, "WRONG", place().map(|p| format!("{p}: its image is refused: {e}"))),
            };
            if session.image() != Verdict::Proved
                || session.functions().into_iter().any(|f| session.function(f).verdict != Verdict::Proved)
            {
                return (*what, "WRONG", place().map(|p| format!("{p}: its image is not proved")));
            }
        }
        (*what, "proved", None)
    });
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    results.iter().for_each(|(what, verdict, _)| *counts.entry((what, verdict)).or_default() += 1);
    for ((what, verdict), count) in &counts {
        println!("{what}: {verdict}: {count}");
    }
    let wrong: Vec<&String> = results.iter().filter_map(|r| r.2.as_ref()).collect();
    wrong.iter().take(60).for_each(|text| println!("{text}"));
    assert!(
        wrong.is_empty(),
        "{} accepted objects are linked to something else, the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    assert!(counts.iter().any(|((_, verdict), count)| *verdict == "proved" && *count > 10), "{counts:?}");
}

/// The header of a section, and the entry of a symbol, by name.
fn places(object: &[u8]) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().expect("a word")) as usize;
    let half = |at: usize| u16::from_le_bytes(object[at..at + 2].try_into().expect("a halfword")) as usize;
    let text = |at: usize| {
        let rest = object[at..].split(|b| *b == 0).next().expect("a name");
        String::from_utf8_lossy(rest).into_owned()
    };
    let header = |i: usize| word(0x20) + 40 * i;
    let contents = |i: usize| word(header(i) + 16);
    let names = contents(half(0x32));
    let sections: Vec<usize> = (0..half(0x30)).map(header).collect();
    let table = *sections.iter().find(|h| word(**h + 4) == 2).expect("symbols");
    let strings = contents(word(table + 24));
    let entries = (word(table + 16)..word(table + 16) + word(table + 20)).step_by(16);
    let named = sections.iter().map(|h| (text(names + word(*h)), *h));
    (named.collect(), entries.map(|e| (text(strings + word(e)), e)).collect())
}

/// Each of these was proved once, and is something else to a linker, a loader or the hardware.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn fields_that_linkers_honour_are_refused() {
    let wasm = wat::parse_str(MODULE).expect("well formed");
    let options = Options { memory_pages_max: Some(2), ..Options::default() };
    let object = compile(&wasm, &options).expect("compiles").object;
    let base = Session::new(&wasm, &object, None, Limits::default()).map_err(|e| e.to_string()).expect("reads");
    deep(|| assert_eq!(base.image(), Verdict::Proved));
    let (sections, symbols) = places(&object);
    // Section headers: type 4, flags 8, size 20, alignment 32. Symbols: value 4, size 8, info 12, section 14.
    let section = |name: &str, field: usize, value: u32| (sections[name] + field, value.to_le_bytes().to_vec());
    let symbol = |name: &str, field: usize, value: &[u8]| (symbols[name] + field, value.to_vec());
    let global = |kind: u8| 1 << 4 | kind;
    let edits = [
        ("results in read-only memory", vec![section(".bss.synth_results", 8, 2)]),
        ("too few results", vec![section(".bss.synth_results", 20, 4), symbol("__synth_results", 8, &[4])]),
        ("results at odd addresses", vec![section(".bss.synth_results", 32, 1)]),
        ("linear memory without alignment", vec![section(".data.synth_memory", 32, 0)]),
        ("globals without alignment", vec![section(".data.synth_globals", 32, 0)]),
        ("memory for each thread", vec![section(".data.synth_memory", 8, 0x403)]),
        ("merged constants", vec![section(".rodata.synth_table0", 8, 0x12)]),
        ("data that linkers leave out", vec![section(".rodata.synth_table0", 8, 0x8000_0002)]),
        ("relocations that linkers leave out", vec![section(".rel.rodata.synth_table0", 8, 0x8000_0040)]),
        ("globals that start-up code calls", vec![section(".data.synth_globals", 4, 14)]),
        ("an indirect function", vec![symbol("store", 12, &[global(10)])]),
        ("an import that may be missing", vec![symbol("host", 12, &[2 << 4])]),
        ("host data for each thread", vec![symbol("board", 12, &[global(6)])]),
        (
            "an import defined here too",
            vec![symbol("$t", 0, &object[symbols["host"]..symbols["host"] + 4]), symbol("$t", 12, &[global(0)])],
        ),
        (
            "an import that is an address",
            vec![
                symbol("$t", 0, &object[symbols["host"]..symbols["host"] + 4]),
                symbol("$t", 12, &[global(0), 0, 0xf1, 0xff]),
            ],
        ),
    ];
    for (what, patches) in edits {
        let mut mutant = object.clone();
        patches.iter().for_each(|(at, bytes)| mutant[*at..*at + bytes.len()].copy_from_slice(bytes));
        let found = match base.with_object(&mutant) {
            Ok(session) => deep(|| session.image()),
            Err(e) => Verdict::Unknown(format!("refused: {e}")),
        };
        println!("{what}: {}: {}", found.name(), found.detail());
        assert_ne!(found, Verdict::Proved, "{what}");
    }
}
