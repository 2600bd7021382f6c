//! Objects that were proved once although linkers read them otherwise: by the names and types of sections, by names of functions that somebody
//! else means, and by build attributes. `object_readings` has more of them, `image_readings` has those of images.
//!
//! Each case starts from what is right and proved.

mod support;

use object::{Object, ObjectSymbol};
use support::assembler::{assembled, function};
use support::elf::{objcopied, place, put, word};
use support::proofs::{is_proved, is_proved_by, verdict};
use support::wasm;
use synth::c_header;
use synth::error::CompileError;
use synth::object_writer::SymbolOptions;
use synth::pass::Level;
use synth::pipeline::{Compiled, Options, compile};
use synth::simulator::board::Folder;
use synth_validator::contract::MemoryOwner;

/// `f` calls `g`, which is exported too.
const CALLS: &str = r#"(module (func $g (export "g") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "f") (param i32) (result i32) (i32.xor (call $g (local.get 0)) (call $g (i32.const 5)))))"#;

fn compiled(module: &[u8], options: &Options) -> Compiled {
    compile(module, options).expect("compiles")
}

fn plain() -> Options {
    Options { level: Level::O0, ..Options::default() }
}

/// GNU ld takes tables that belong to nothing for data, and places them by name, as `.init_array` whose words start-up code calls; it
/// reads one of two tables of symbols.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn tables_of_an_object_are_those_that_linkers_read() {
    let (module, folder) = (wasm(CALLS), Folder::new().expect("a folder"));
    let object = compiled(&module, &plain()).object;
    let content = folder.write("content", &0x8001u32.to_le_bytes().repeat(2)).expect("written");
    let added = |name: &str| objcopied(&folder, &object, &["--add-section", &format!("{name}={}", content.display())]);
    assert!(is_proved(&module, &added(".synth.more")));
    let number = |file: &[u8], name: &str| (place(file, name) - word(file, 0x20) as usize) as u32 / 40;
    // Texts; relocations of no section, of the first one, and of relocations.
    for name in [".init_array", ".synth.more"] {
        let mut texts = added(name);
        let at = place(&texts, name);
        put(&mut texts, at + 4, &3u32.to_le_bytes());
        assert!(!is_proved(&module, &texts), "texts in {name}");
        for of in ["", ".text.g", ".rel.text.f"] {
            let mut relocations = added(name);
            let of = number(&relocations, of);
            let (at, symbols) = (place(&relocations, name), number(&relocations, ".symtab"));
            put(&mut relocations, at + 4, &9u32.to_le_bytes());
            put(&mut relocations, at + 24, &[symbols, of].map(u32::to_le_bytes).concat());
            put(&mut relocations, at + 36, &8u32.to_le_bytes());
            assert!(!is_proved(&module, &relocations), "relocations of {of} in {name}");
        }
    }
    // Linkers do not read what is compressed.
    let mut compressed = object.clone();
    let header = place(&object, ".rel.text.f");
    put(&mut compressed, header + 8, &0x840u32.to_le_bytes());
    assert!(!is_proved(&module, &compressed));
    let mut attributes = object.clone();
    let name = object.windows(16).position(|w| w == b".ARM.attributes\0").expect("a name");
    put(&mut attributes, name, b".init_array\0");
    assert!(!is_proved(&module, &attributes));
    // The same table of symbols once more.
    let first = place(&object, ".symtab");
    let (from, bytes) = (word(&object, first + 16) as usize, word(&object, first + 20) as usize);
    let copy = folder.write("symbols", &object[from..from + bytes]).expect("written");
    let mut twice = objcopied(&folder, &object, &["--add-section", &format!(".synth.more={}", copy.display())]);
    let (first, second) = (place(&twice, ".symtab"), place(&twice, ".synth.more"));
    let rest = twice[first + 24..first + 40].to_vec();
    put(&mut twice, second + 24, &rest);
    put(&mut twice, second + 4, &2u32.to_le_bytes());
    assert!(!is_proved(&module, &twice));
}

/// GNU ld takes the symbols before a number in the table's header for local ones, whatever they say.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn symbols_are_local_up_to_the_number_that_linkers_go_by() {
    let module = wasm(CALLS);
    let object = compiled(&module, &plain()).object;
    let header = place(&object, ".symtab");
    let first = word(&object, header + 28);
    for (number, is_right) in [(first, true), (first + 1, false), (first - 1, false)] {
        let mut changed = object.clone();
        put(&mut changed, header + 28, &number.to_le_bytes());
        assert_eq!(is_proved(&module, &changed), is_right, "{number} of {first}");
    }
}

/// Linkers write where relocations say, be it of a section without code or past the end of one that is not loaded.
///
/// Covers TOR-CLAUSE-RELOCATIONS.
#[test]
fn relocations_of_sections_that_are_nobodys_are_looked_at() {
    let module = wasm(r#"(module (func (export "f") (result i32) (i32.const 1)))"#);
    let claim = compiled(&module, &plain()).claim;
    let folder = Folder::new().expect("a folder");
    let object = |more: &str| assembled(&folder, &format!("{}{more}", function(0, "f", "movs r0, #1\nbx lr")));
    let found = |object: &[u8]| is_proved_by(&module, object, claim.clone());
    let padding = ".section .text.aaa,\"ax\"\n.balign 4\n.space 4\n";
    let debug = ".section .debug_x\n.space 4\n";
    assert!(found(&object("")) && found(&object(padding)) && found(&object(debug)));
    for (section, name) in [(padding, ".rel.text.aaa"), (debug, ".rel.debug_x")] {
        let mut related = object(&format!("{section}.reloc 0, R_ARM_ABS32, f\n"));
        assert_eq!(found(&related), section == debug, "{name}");
        let first = word(&related, place(&related, name) + 16) as usize;
        put(&mut related, first, &2u32.to_le_bytes());
        assert!(!found(&related), "{name} past the end");
    }
}

/// Hosts call what has the name of the start-up function, if there is one.
///
/// Covers TOR-CLAUSE-INIT.
#[test]
fn no_function_is_the_start_up_function_as_well() {
    let module = wasm(
        r#"(module (global $n (mut i32) (i32.const 0)) (func (export "f") (global.set $n (i32.const 1)))
        (func (export "g") (result i32) (global.get $n)))"#,
    );
    let object = compiled(&module, &plain()).object;
    assert!(is_proved(&module, &object));
    let file = object::File::parse(&*object).expect("an object");
    let f = file.symbols().find(|s| s.name() == Ok("f")).expect("there");
    let folder = Folder::new().expect("a folder");
    let symbol = "__synth_instance_init=.text.f:1,global,function";
    let mut wrong = objcopied(&folder, &object, &["--add-symbol", symbol]);
    // The new symbol has no size yet.
    let symbols = word(&wrong, place(&wrong, ".symtab") + 16) as usize;
    let names = word(&wrong, place(&wrong, ".strtab") + 16) as usize;
    let count = word(&wrong, place(&wrong, ".symtab") + 20) as usize / 16;
    let is_new = |n: &usize| {
        let name = names + word(&wrong, symbols + 16 * n) as usize;
        wrong[name..].starts_with(b"__synth_instance_init\0")
    };
    let new = (0..count).find(is_new).expect("added");
    put(&mut wrong, symbols + 16 * new + 8, &(f.size() as u32).to_le_bytes());
    let found = verdict(&module, &wrong, None);
    assert!(found.detail().contains("another name of a function"), "{found:?}");
}

/// A linker script that defines `g` gives that to a call of the global symbol.
///
/// Covers TOR-CLAUSE-RELOCATIONS.
#[test]
fn calls_do_not_go_through_names_that_others_may_define() {
    let module = wasm(CALLS);
    let object = compiled(&module, &plain()).object;
    assert!(is_proved(&module, &object));
    let relocations = word(&object, place(&object, ".rel.text.f") + 16) as usize;
    let symbols = word(&object, place(&object, ".symtab") + 16) as usize;
    let mut wrong = object.clone();
    assert_eq!(wrong[relocations + 4], 10, "R_ARM_THM_CALL");
    put(&mut wrong, relocations + 5, &[((place(&object, "g") - symbols) / 16) as u8]);
    assert!(!is_proved(&module, &wrong));
}

/// Names with `$` are those of marks in the code only if they are local: others may be somebody's import.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn no_name_is_defined_for_others_but_exports() {
    let (module, folder) = (wasm(CALLS), Folder::new().expect("a folder"));
    let object = compiled(&module, &plain()).object;
    for (name, bound, is_right) in [("$more", "local", true), ("$more", "global", false), ("more", "global", false)] {
        let symbol = format!("{name}=.text.f:1,{bound},function");
        assert_eq!(
            is_proved(&module, &objcopied(&folder, &object, &["--add-symbol", &symbol])),
            is_right,
            "{name}, {bound}"
        );
    }
}

/// What linkers put between functions is made for the profile and the instructions that objects name.
///
/// Covers TOR-INPUT-FIELDS, TOR-CONTRACT-CORE.
#[test]
fn build_attributes_name_the_profile() {
    let module = wasm(CALLS);
    let object = compiled(&module, &Options::default()).object;
    assert!(is_proved(&module, &object));
    let start = word(&object, place(&object, ".ARM.attributes") + 16) as usize;
    // Tag_CPU_arch_profile is not said, but Tag_ABI_PCS_R9_use.
    let found = object[start..].windows(2).position(|bytes| bytes == [7, b'M']).expect("an attribute");
    let mut silent = object.clone();
    put(&mut silent, start + found, &[14, 0]);
    assert!(!is_proved(&module, &silent));
    // Tag_CPU_arch_profile, Tag_THUMB_ISA_use.
    for (before, after) in [([7, b'M'], b'A'), ([9, 2], 1)] {
        let found = object[start..].windows(2).position(|bytes| bytes == before).expect("an attribute");
        let mut wrong = object.clone();
        put(&mut wrong, start + found + 1, &[after]);
        assert!(!is_proved(&module, &wrong), "{before:?}");
    }
}

/// Every object has a cell of its own for further results if the symbol is local: a caller reads another one than the callee writes.
///
/// Covers TOR-CLAUSE-IMAGE, TOR-CONTRACT-NAMES.
#[test]
fn further_results_of_the_border_are_in_one_place() {
    let many = "(result i32 i32 i32 i32 i32) (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)";
    let sum = "(i32.add) (i32.add) (i32.add) (i32.add)";
    let ty = "(param i32) (result i32 i32 i32 i32 i32)";
    let exported = format!(r#"(module (func (export "many") (param i32) {many}))"#);
    let imported = format!(
        r#"(module (import "b" "many" (func $m {ty})) (func (export "f") (param i32) (result i32) (call $m (local.get 0)) {sum}))"#
    );
    let in_table = |exports: &str| {
        format!(
            r#"(module (table {exports} 1 funcref) (elem (i32.const 0) $m) (func $m (param i32) {many})
                (func (export "f") (param i32) (result i32) (call $m (local.get 0)) {sum}))"#
        )
    };
    let options = Options { symbols: SymbolOptions { private_data: true, ..SymbolOptions::default() }, ..plain() };
    let folder = Folder::new().expect("a folder");
    for (text, is_shown) in
        [(exported, true), (imported, true), (in_table(r#"(export "t")"#), true), (in_table(""), false)]
    {
        let module = wasm(&text);
        let compiled = compiled(&module, &options);
        assert!(is_proved(&module, &compiled.object), "{text}");
        let file = object::File::parse(&*compiled.object).expect("an object");
        let cell = file.symbols().find(|s| s.name() == Ok("__synth_results")).expect("there");
        assert_eq!(cell.is_global(), is_shown, "{text}");
        let header = c_header::header(&compiled.module, &compiled.claim.contract, "m", true, false);
        assert_eq!(header.contains("extern uint32_t __synth_results[1]"), is_shown, "{header}");
        let local = objcopied(&folder, &compiled.object, &["--localize-symbol", "__synth_results"]);
        assert_eq!(is_proved(&module, &local), !is_shown, "{text}");
    }
}

/// `__aeabi_memmove` of newlib calls `memmove`, and `__aeabi_uldivmod` of libgcc `__udivmoddi4`: the module's own, if it exports one.
///
/// Covers TOR-CLAUSE-EXPORTS, TOR-CONTRACT-NAMES.
#[test]
fn imports_and_exports_are_not_what_helpers_call() {
    let imports = r#"(module (import "env" "memmovX" (func $m (param i32 i32 i32) (result i32))) (memory 1)
        (func (export "f") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
        (func (export "g") (result i32) (call $m (i32.const 0) (i32.const 8) (i32.const 4))))"#;
    let divides_beside = r#"(module (import "env" "memmovX" (func $m (param i32 i32 i32) (result i32))) (memory 1)
        (func (export "f") (param i64 i64) (result i64) (i64.div_u (local.get 0) (local.get 1)))
        (func (export "g") (result i32) (call $m (i32.const 0) (i32.const 8) (i32.const 4))))"#;
    let calls = r#"(module (import "env" "memmovX" (func $m (param i32 i32 i32) (result i32))) (memory 1)
        (func (export "g") (result i32) (call $m (i32.const 0) (i32.const 8) (i32.const 4))))"#;
    let copies = r#"(module (memory 1) (func (export "memmovX") (param i32 i32 i32)
        (memory.copy (local.get 0) (local.get 1) (local.get 2))))"#;
    let divides = r#"(module (func (export "__udivmodXi4") (param i64 i64) (result i64) (i64.const 7))
        (func (export "f") (param i64 i64) (result i64) (i64.div_u (local.get 0) (local.get 1))))"#;
    let plain = r#"(module (memory 1) (data "x") (func (export "memmovX") (param i32) (result i32) (i32.const 7)))"#;
    let starts = plain.replace(r#"(data "#, r#"(data (i32.const 0) "#);
    let renamed = |file: &[u8], from: &str, to: &str| {
        let mut new = file.to_vec();
        let places = (0..file.len()).filter(|at| file[*at..].starts_with(from.as_bytes()));
        places.for_each(|at| put(&mut new, at, to.as_bytes()));
        new
    };
    for (text, memory, from, to, is_right) in [
        (copies, MemoryOwner::Own, "memmovX", "memmove", false),
        (divides, MemoryOwner::Own, "__udivmodXi4", "__udivmoddi4", false),
        (imports, MemoryOwner::Own, "memmovX", "memmove", false),
        (divides_beside, MemoryOwner::Own, "memmovX", "memmove", true),
        (calls, MemoryOwner::Own, "memmovX", "memmove", true),
        (plain, MemoryOwner::Own, "memmovX", "memmove", true),
        // The start-up function copies data.
        (starts.as_str(), MemoryOwner::Extern, "memmovX", "memmove", false),
        (starts.as_str(), MemoryOwner::Own, "memmovX", "memmove", true),
    ] {
        let (module, options) = (wasm(text), Options { memory, ..Options::default() });
        let object = compiled(&module, &options).object;
        assert!(is_proved(&module, &object), "{text}");
        let module = renamed(&module, from, to);
        assert_eq!(is_proved(&module, &renamed(&object, from, to)), is_right, "{text}");
        match compile(&module, &options) {
            Ok(_) => assert!(is_right, "{text}"),
            Err(CompileError::Border { what, remedy, .. }) => {
                assert!(!is_right && what.contains(to) && what.contains("__aeabi_"), "{what}");
                assert!(remedy.contains("another name"), "{remedy}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}
