//! Objects and images that were proved once and did something else: what an assessor found who wanted a wrong `Proved`.
//!
//! Each case starts from what is right and proved. What is changed then means something else to a linker, to start-up code or to the core.

mod support;

use std::path::Path;
use std::process::Command;
use support::assembler::{assembled, function, memory, memory_bytes, must};
use support::elf::{objcopied, place, put};
use support::proofs::{is_proved, is_proved_by, verdict};
use support::wasm;
use synth::compile::Core;
use synth::object_writer::{ExportBinding, SymbolOptions};
use synth::pass::Level;
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::claim::Claim;
use synth_validator::contract::Bounds;
use synth_validator::validate::Verdict;

const MEMORY: &str = r#"(module (memory (export "m") 1) (data (i32.const 8) "hello")
    (func (export "f") (result i32) (i32.load8_u (i32.const 8))))"#;

/// The size of a memory that the module has not was taken to be 0, and the image's word was compared with nothing.
///
/// Covers TOR-CLAUSE-IMAGE.
#[test]
fn a_module_without_memory_has_no_size_of_it() {
    let module = wasm(r#"(module (func (export "f") (result i32) (i32.const 0)))"#);
    let (claim, folder) =
        (compile(&module, &Options::default()).expect("compiles").claim, Folder::new().expect("a folder"));
    let right = assembled(&folder, &function(0, "f", "movs r0, #0\nbx lr"));
    assert!(is_proved_by(&module, &right, claim.clone()));
    let code = "movw r0, #:lower16:__synth_memory_bytes\nmovt r0, #:upper16:__synth_memory_bytes\nldr r0, [r0]\nbx lr";
    let wrong = assembled(&folder, &format!("{}{}", function(0, "f", code), memory_bytes(42)));
    assert!(!is_proved_by(&module, &wrong, claim));
}

/// A call through a weak name goes to whoever else defines it.
///
/// Covers TOR-CLAUSE-RELOCATIONS.
#[test]
fn calls_do_not_go_through_weak_names() {
    let module = wasm(
        r#"(module (func $g (export "g") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func (export "f") (param i32) (result i32) (i32.xor (call $g (local.get 0)) (call $g (i32.const 5)))))"#,
    );
    let symbols = SymbolOptions { exports: ExportBinding::Weak, ..SymbolOptions::default() };
    let object =
        compile(&module, &Options { level: Level::O0, symbols, ..Options::default() }).expect("compiles").object;
    assert!(is_proved(&module, &object));
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().expect("a word")) as usize;
    let (relocations, symbols) = (word(place(&object, ".rel.text.f") + 16), word(place(&object, ".symtab") + 16));
    let number = ((place(&object, "g") - symbols) / 16) as u8;
    let mut wrong = object.clone();
    assert_eq!(wrong[relocations + 4], 10, "R_ARM_THM_CALL");
    put(&mut wrong, relocations + 5, &[number]);
    assert!(!is_proved(&module, &wrong));
}

/// A linker with a compiler's plugin compiles such sections, and leaves out the code beside them.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn sections_that_linkers_compile_are_refused() {
    let module = wasm(MEMORY);
    let object = compile(&module, &Options::default()).expect("compiles").object;
    let folder = Folder::new().expect("a folder");
    let (input, content) =
        (folder.write("in.o", &object).expect("written"), folder.write("more", b"1").expect("written"));
    for (name, is_right) in [(".comment", true), (".gnu.lto_.symtab.1", false), (".llvm.lto", false)] {
        let (add, output) = (format!("{name}={}", content.display()), folder.path().join("out.o"));
        must("arm-none-eabi-objcopy", &[Path::new("--add-section"), Path::new(&add), &input, &output]);
        assert_eq!(is_proved(&module, &std::fs::read(output).expect("an object")), is_right, "{name}");
    }
}

/// A linker applies relocations whatever table of symbols their section names; they were not read if it named none.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn relocations_that_only_linkers_see_are_refused() {
    let module = wasm(r#"(module (func (export "f") (result i32) (i32.const 0)))"#);
    let (claim, folder) =
        (compile(&module, &Options::default()).expect("compiles").claim, Folder::new().expect("a folder"));
    let source = function(0, "f", "movw r0, #0\nbx lr");
    assert!(is_proved_by(&module, &assembled(&folder, &source), claim.clone()));
    let mut wrong = assembled(&folder, &format!("{source}.reloc 0, R_ARM_THM_MOVW_ABS_NC, f\n"));
    let header = place(&wrong, ".rel.text.f");
    put(&mut wrong, header + 24, &[0]);
    assert!(!is_proved_by(&module, &wrong, claim));
}

/// A linker takes an import from a section that is not loaded too, if the object itself defines it there.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn imports_are_defined_in_no_unloaded_section() {
    let module = wasm(
        r#"(module (import "env" "imp" (func $imp (param i32) (result i32)))
            (func (export "f") (param i32) (result i32) (call $imp (local.get 0))))"#,
    );
    let object = compile(&module, &Options::default()).expect("compiles").object;
    let folder = Folder::new().expect("a folder");
    let (input, output) = (folder.write("in.o", &object).expect("written"), folder.path().join("out.o"));
    let symbol = Path::new("imx=.synth.witness:0,global,function");
    must("arm-none-eabi-objcopy", &[Path::new("--add-symbol"), symbol, &input, &output]);
    let mut wrong = std::fs::read(output).expect("an object");
    let name = wrong.windows(5).position(|w| w == b"\0imx\0").expect("a name");
    put(&mut wrong, name + 1, b"imp");
    assert!(!is_proved(&module, &wrong));
}

/// Start-up code clears `.bss` and `.bss.*`, and nothing else of such a name.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn sections_have_names_that_linker_scripts_know() {
    let module = wasm(&MEMORY.replace(r#"(data (i32.const 8) "hello")"#, ""));
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object));
    let name = object.windows(17).position(|w| w == b".bss.synth_memory").expect("a name");
    let mut wrong = object.clone();
    put(&mut wrong, name, b".bssx");
    assert!(!is_proved(&module, &wrong));
}

/// A linker sets bit 0 of the address of what is called a function.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn data_is_no_function() {
    let module = wasm(&MEMORY.replace("(i32.load8_u (i32.const 8))", "(i32.const 8)"));
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object));
    let symbol = place(&object, "__linear_memory_base");
    let mut wrong = object.clone();
    put(&mut wrong, symbol + 4, &[1]);
    put(&mut wrong, symbol + 12, &[1 << 4 | 2]);
    assert!(!is_proved(&module, &wrong));
}

/// An image of an object and a host's source.
fn linked(folder: &Folder, object: &[u8], host: &str) -> Vec<u8> {
    let host = folder.write("host.o", &assembled(folder, host)).expect("written");
    let (object, output) = (folder.write("module.o", object).expect("written"), folder.path().join("image.elf"));
    let places = ["-Ttext=0x8000", "-Tdata=0x20000000", "-e", "main", "-o"].map(Path::new);
    must("arm-none-eabi-ld", &[&places[..], &[&output, &host, &object]].concat());
    std::fs::read(output).expect("an image")
}

/// Linear memory whose symbol names no loaded place was taken for the host's, and its contents were compared with nothing.
///
/// Covers TOR-CLAUSE-LINKED.
#[test]
fn own_memory_in_an_image_is_looked_at_wherever_its_symbol_says() {
    let (module, folder) = (wasm(MEMORY), Folder::new().expect("a folder"));
    let object = compile(&module, &Options::default()).expect("compiles").object;
    let image = linked(&folder, &object, ".global main\n.thumb_func\nmain: b.w f\n");
    assert!(is_proved(&module, &image));
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().expect("a word")) as usize;
    let (data, headers) = (word(place(&image, ".data") + 16), word(0x20));
    let unloaded = ((place(&image, ".synth.witness") - headers) / 40) as u8;
    let mut wrong = image.clone();
    put(&mut wrong, place(&image, "__linear_memory_base") + 14, &[unloaded, 0]);
    assert_eq!(&wrong[data + 8..data + 13], b"hello");
    put(&mut wrong, data + 8, b"EVIL!");
    assert!(!is_proved(&module, &wrong));
}

/// Code without a mask was proved under a contract that masks, because the module's accesses are meant to be in range.
///
/// Covers TOR-CONTRACT-BOUNDS.
#[test]
fn masked_code_masks_also_what_is_out_of_range() {
    let module = wasm(r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load (local.get 0))))"#);
    let folder = Folder::new().expect("a folder");
    let code = |mask: &str| {
        let base = "movw r1, #:lower16:__linear_memory_base\nmovt r1, #:upper16:__linear_memory_base";
        function(0, "f", &format!("{mask}\n{base}\nldr r0, [r1, r0]\nbx lr"))
    };
    let claim = |bounds| compile(&module, &Options { bounds, ..Options::default() }).expect("compiles").claim;
    let right = assembled(&folder, &format!("{}{}", code("uxth r0, r0"), memory(65_544)));
    assert!(is_proved_by(&module, &right, claim(Bounds::Mask)));
    let unchecked = assembled(&folder, &format!("{}{}", code(""), memory(65_536)));
    assert!(is_proved_by(&module, &unchecked, claim(Bounds::None)));
    let mut forged = claim(Bounds::None);
    forged.contract.bounds = Bounds::Mask;
    let wrong = assembled(&folder, &format!("{}{}", code(""), memory(65_544)));
    assert!(!is_proved_by(&module, &wrong, forged));
}

/// Covers TOR-CONTRACT-CORE.
#[test]
fn instructions_that_the_core_lacks_are_unsupported() {
    let module = wasm(
        r#"(module (func (export "f") (param i32 i32) (result i32)
            (i32.add (local.get 0) (i32.and (local.get 1) (i32.const 255)))))"#,
    );
    let compiled = |core| compile(&module, &Options { core, ..Options::default() }).expect("it compiles");
    let [with, without] = [Core::CortexM4, Core::CortexM3].map(compiled);
    assert_ne!(with.functions[0].code, without.functions[0].code, "both do without `uxtab`");
    for right in [&with, &without] {
        assert!(is_proved(&module, &right.object));
    }
    // What was made for one core is no code for the other.
    let wrong = verdict(&module, &with.object, Some(Claim { contract: without.claim.contract, ..with.claim }));
    assert!(matches!(&wrong, Verdict::Unsupported(what) if what.contains("DSP")), "{wrong:?}");
}

/// `ldrd` does not align the pc as `ldr` does: where it is no multiple of 4, DDI 0403E says nothing.
///
/// Covers TOR-ARM-UNDECODABLE.
#[test]
fn ldrd_of_a_literal_stands_at_a_multiple_of_4() {
    let module = wasm(r#"(module (func (export "f") (result i64) (i64.const 0x1122334455667788)))"#);
    let claim = compile(&module, &Options::default()).expect("compiles").claim;
    let folder = Folder::new().expect("a folder");
    let code = |before: &str, between: &str| {
        let code = format!("{before}.inst.w 0xe9df0101\n{between}bx lr\n.balign 4\n.word 0x55667788, 0x11223344");
        verdict(&module, &assembled(&folder, &function(0, "f", &code)), Some(claim.clone()))
    };
    assert_eq!(code("", "nop\n"), Verdict::Proved);
    assert_eq!(code("nop\nnop\n", "nop\n"), Verdict::Proved);
    let wrong = code("nop\n", "");
    assert!(matches!(&wrong, Verdict::Unsupported(what) if what.contains("UNPREDICTABLE")), "{wrong:?}");
}

/// A Cortex-M3 that is interrupted in `ldrd` into its base register starts it again with what was loaded.
///
/// Covers TOR-CONTRACT-CORE.
#[test]
fn ldrd_into_its_base_is_no_code_for_cortex_m3() {
    let module = wasm(r#"(module (memory 1) (func (export "f") (result i64) (i64.load (i32.const 8))))"#);
    let folder = Folder::new().expect("a folder");
    let found = |core, load: &str| {
        let claim = compile(&module, &Options { core, ..Options::default() }).expect("compiles").claim;
        let base = "movw r1, #:lower16:__linear_memory_base\nmovt r1, #:upper16:__linear_memory_base\nmov r0, r1";
        let code = function(0, "f", &format!("{base}\n{load}\nbx lr"));
        verdict(&module, &assembled(&folder, &format!("{code}{}", memory(65_536))), Some(claim))
    };
    let (first, second) = ("ldrd r0, r1, [r0, #8]", "ldrd r0, r1, [r1, #8]");
    assert_eq!([Core::CortexM4, Core::CortexM3].map(|core| found(core, second)), [Verdict::Proved, Verdict::Proved]);
    assert_eq!(found(Core::CortexM4, first), Verdict::Proved);
    let wrong = found(Core::CortexM3, first);
    assert!(matches!(&wrong, Verdict::Unsupported(what) if what.contains("602117")), "{wrong:?}");
}

/// Linkers take what stands before `@@` for the name, so an export was the definition of an import.
///
/// Covers TOR-CONTRACT-NAMES.
#[test]
fn names_with_versions_are_names_of_no_symbol() {
    let module = wasm(
        r#"(module (import "env" "x" (func $x (result i32))) (func (export "x@@V") (result i32) (i32.const 42))
            (func (export "go") (result i32) (call $x)))"#,
    );
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object));
    let folder = Folder::new().expect("a folder");
    let host = |defines: &str| {
        let host = format!(".global main\n.thumb_func\nmain: b.w go\n{defines}");
        let host = folder.write("host.o", &assembled(&folder, &host)).expect("written");
        let module = folder.write("module.o", &object).expect("written");
        let mut linker = Command::new("arm-none-eabi-ld");
        linker.args(["-e", "main", "-o"]).args([folder.path().join("image.elf"), host, module]);
        linker.status().expect("runs").success()
    };
    assert!(host(".global x\n.thumb_func\nx: movs r0, #1\nbx lr\n"));
    assert!(!host(""), "an export is the import");
}

/// Linker scripts place sections by name, whether they are loaded or not: start-up code called what stood in `.init_array`.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn no_section_has_a_name_that_linker_scripts_may_know() {
    let module = wasm(
        r#"(module (memory 1) (global (mut i32) (i32.const 7)) (func (export "f") (result i32) (global.get 0))
            (func (export "g") (param i32) (i32.store (local.get 0) (global.get 0)) (global.set 0 (local.get 0))))"#,
    );
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object));
    let folder = Folder::new().expect("a folder");
    let extra = folder.write("extra", &[0; 8]).expect("written");
    for name in [".init_array", ".text.evil", ".vectors", ".debug_info", ".synth.more"] {
        let added = format!("{name}={}", extra.display());
        let changed = objcopied(&folder, &object, &["--add-section", &added]);
        assert_eq!(is_proved(&module, &changed), name.starts_with(".debug_") || name.starts_with(".synth."), "{name}");
    }
    for renamed in [
        ".data.synth_globals=.data.rel.ro.synth_globals",
        ".bss.synth_memory=.bss.noinit",
        ".data.synth_globals=.data.ramfunc",
        ".bss.synth_memory=.bss.synth_other",
    ] {
        let changed = objcopied(&folder, &object, &["--rename-section", renamed]);
        assert_eq!(is_proved(&module, &changed), renamed.ends_with("other"), "{renamed}");
    }
}

/// Linkers heed one section of relocations for each section.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn relocations_of_a_section_are_in_one_section() {
    let module = wasm(
        r#"(module (func $g (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func (export "f") (param i32) (result i32) (i32.xor (call $g (local.get 0)) (call $g (i32.const 5)))))"#,
    );
    let object = compile(&module, &Options { level: Level::O0, ..Options::default() }).expect("compiles").object;
    let word = |file: &[u8], at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("a word"));
    let header = place(&object, ".rel.text.f");
    let (offset, bytes) = (word(&object, header + 16) as usize, word(&object, header + 20));
    assert_eq!(bytes, 16, "two relocations");
    let folder = Folder::new().expect("a folder");
    let second = folder.write("second", &object[offset + 8..offset + 16]).expect("written");
    let added = format!(".synth.second={}", second.display());
    let mut divided = objcopied(&folder, &object, &["--add-section", &added]);
    let (first, second) = (place(&divided, ".rel.text.f"), place(&divided, ".synth.second"));
    put(&mut divided, first + 20, &8u32.to_le_bytes());
    put(&mut divided, second + 4, &9u32.to_le_bytes());
    let rest = divided[first + 24..first + 40].to_vec();
    put(&mut divided, second + 24, &rest);
    let name = divided[first..first + 4].to_vec();
    put(&mut divided, second, &name);
    let found = verdict(&module, &divided, None);
    assert!(matches!(&found, Verdict::Unknown(why) if why.contains(".rel.text.f")), "{found:?}");
}

/// Linkers write the address of a symbol as it is, and `blx` to an even one is a fault.
///
/// Covers TOR-CLAUSE-RELOCATIONS.
#[test]
fn tables_have_odd_addresses_of_functions() {
    let module = wasm(
        r#"(module (table 1 funcref) (elem (i32.const 0) $g) (func $g (result i32) (i32.const 1))
            (func (export "f") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#,
    );
    let object = compile(&module, &Options { level: Level::O0, ..Options::default() }).expect("compiles").object;
    let folder = Folder::new().expect("a folder");
    for (at, is_right) in [(1, true), (0, false)] {
        let symbol = format!("other=.text.__synth_f0:{at},function,local");
        let mut changed = objcopied(&folder, &object, &["--add-symbol", &symbol]);
        let word = |at: usize| u32::from_le_bytes(changed[at..at + 4].try_into().expect("a word")) as usize;
        let (relocations, symbols) =
            (word(place(&changed, ".rel.rodata.synth_table0") + 16), word(place(&changed, ".symtab") + 16));
        let number = ((place(&changed, "other") - symbols) / 16) as u8;
        put(&mut changed, relocations + 5, &[number]);
        assert_eq!(is_proved(&module, &changed), is_right, "{at}");
    }
}

/// Without build attributes linkers join an object with a host that passes floating-point numbers in other registers.
///
/// Covers TOR-INPUT-FIELDS, TOR-CONTRACT-CORE.
#[test]
fn build_attributes_say_what_the_contract_does() {
    let (folder, without) = (Folder::new().expect("a folder"), ["--remove-section", ".ARM.attributes"]);
    let module = wasm(r#"(module (func (export "f") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0))))"#);
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object));
    assert!(!is_proved(&module, &objcopied(&folder, &object, &without)));
    let attributes = place(&object, ".ARM.attributes") + 16;
    let start = u32::from_le_bytes(object[attributes..attributes + 4].try_into().expect("a word")) as usize;
    let changed = |before: &[u8], after: u8| {
        let mut file = object.clone();
        let found = file[start..].windows(before.len()).position(|bytes| bytes == before).expect("an attribute");
        put(&mut file, start + found + before.len() - 1, &[after]);
        is_proved(&module, &file)
    };
    // Tag_ABI_VFP_args, Tag_ABI_FP_number_model, Tag_CPU_arch.
    assert!(changed(&[28, 0], 0));
    assert!(!changed(&[28, 0], 1));
    assert!(!changed(&[23, 3], 0));
    assert!(!changed(&[6, 13], 10));
    assert!(!changed(&[6, 13], 12));
    // The host calls through an exported table as well.
    let entry = |exports: &str| {
        let text = format!(
            r#"(module (table {exports} 1 funcref) (elem (i32.const 0) $f) (func $f (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
                (func (export "g") (param i32) (result i32) (local.get 0)))"#
        );
        let module = wasm(&text);
        let object = compile(&module, &Options::default()).expect("compiles").object;
        assert!(is_proved(&module, &object));
        let start = place(&object, ".ARM.attributes") + 16;
        let start = u32::from_le_bytes(object[start..start + 4].try_into().expect("a word")) as usize;
        let mut file = object.clone();
        let Some(found) = object[start..].windows(2).position(|bytes| bytes == [23, 3]) else { return None };
        put(&mut file, start + found + 1, &[0]);
        Some(is_proved(&module, &file))
    };
    assert_eq!([entry(""), entry(r#"(export "t")"#)], [None, Some(false)]);
    // The code for a Cortex-M3 runs on a Cortex-M4 as well.
    let object = compile(&module, &Options { core: Core::CortexM3, ..Options::default() }).expect("compiles").object;
    assert!(is_proved(&module, &object));
    assert!(!is_proved(&module, &objcopied(&folder, &object, &without)));
}

/// In an image the attributes are the first object's or those of all, as the linker does it: they say nothing of the module's core.
#[test]
fn hosts_may_be_built_for_another_core() {
    let module = wasm(MEMORY);
    let object = compile(&module, &Options::default()).expect("compiles").object;
    let folder = Folder::new().expect("a folder");
    let object = folder.write("module.o", &object).expect("written");
    let source = ".syntax unified\n.cpu cortex-m0\n.thumb\n.global main\n.thumb_func\nmain: bl f\nbx lr\n";
    let (source, host) = (folder.write("host.s", source.as_bytes()).expect("written"), folder.path().join("host.o"));
    must("arm-none-eabi-as", &[&source, Path::new("-o"), &host]);
    for linker in ["arm-none-eabi-ld", "ld.lld-19"] {
        let output = folder.path().join("image.elf");
        must(linker, &[Path::new("-e"), Path::new("main"), Path::new("-o"), &output, &host, &object]);
        assert!(is_proved(&module, &std::fs::read(output).expect("an image")), "{linker}");
    }
}

/// Loaders copy segments and know nothing of sections.
///
/// Covers TOR-CLAUSE-LINKED.
#[test]
fn segments_of_an_image_hold_its_sections() {
    let module = wasm(MEMORY);
    let (object, folder) =
        (compile(&module, &Options::default()).expect("compiles").object, Folder::new().expect("a folder"));
    let image = linked(&folder, &object, ".global main\n.thumb_func\nmain: b.w f\n");
    assert!(is_proved(&module, &image));
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().expect("a word"));
    let headers = word(0x1c) as usize;
    let segment = (0..).map(|i| headers + 32 * i).find(|at| word(*at) == 1).expect("a loaded segment");
    // The contents from the end of the file, with a changed byte of code.
    let (from, length) = (word(segment + 4) as usize, word(segment + 16) as usize);
    let mut moved = image.clone();
    let mut copy = image[from..from + length].to_vec();
    let last = copy.len() - 1;
    copy[last] ^= 1;
    put(&mut moved, segment + 4, &(image.len() as u32).to_le_bytes());
    moved.extend(copy);
    assert!(!is_proved(&module, &moved));
    // Another segment in the place of this one.
    let second = segment + 32;
    assert_eq!(word(second), 1, "a second loaded segment");
    for field in [8, 12] {
        let mut covered = image.clone();
        put(&mut covered, second + field, &image[segment + field..segment + field + 4]);
        assert!(!is_proved(&module, &covered), "{field}");
    }
}

/// A weak export gives way to whoever else defines its name; hidden, that is a local symbol of the image.
///
/// Covers TOR-CLAUSE-EXPORTS.
#[test]
fn exports_of_an_image_are_the_modules() {
    let module = wasm(
        r#"(module (func $f (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func (export "g") (param i32) (result i32) (call $f (call $f (local.get 0)))))"#,
    );
    let symbols = SymbolOptions { exports: ExportBinding::Weak, ..SymbolOptions::default() };
    let options = Options { level: Level::O0, symbols, ..Options::default() };
    let (object, folder) = (compile(&module, &options).expect("compiles").object, Folder::new().expect("a folder"));
    let object = folder.write("module.o", &object).expect("written");
    for (other, is_right) in [("", true), (".global f\n.hidden f\n.thumb_func\nf: movs r0, #99\nbx lr\n", false)] {
        let host = format!(".global main\n.thumb_func\nmain: bl f\nbl g\nbx lr\n{other}");
        let host = folder.write("host.o", &assembled(&folder, &host)).expect("written");
        let output = folder.path().join("image.elf");
        must("ld.lld-19", &[Path::new("-e"), Path::new("main"), Path::new("-o"), &output, &host, &object]);
        assert_eq!(is_proved(&module, &std::fs::read(output).expect("an image")), is_right, "{other}");
    }
}

/// Linkers search libraries for what an object leaves undefined.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn nothing_is_undefined_but_imports() {
    let module = wasm(r#"(module (func (export "f") (result i32) (i32.const 0)))"#);
    let (claim, folder) =
        (compile(&module, &Options::default()).expect("compiles").claim, Folder::new().expect("a folder"));
    let code = function(0, "f", "movs r0, #0\nbx lr");
    for (more, is_right) in [("", true), (".global __aeabi_memset\n", true), (".global wanted\n", false)] {
        let object = assembled(&folder, &format!("{code}{more}"));
        assert_eq!(is_proved_by(&module, &object, claim.clone()), is_right, "{more}");
    }
}

/// Two names of one function, of which exports meant the one and the proof the other.
///
/// Covers TOR-CLAUSE-CODE, TOR-INPUT-BYTES.
#[test]
fn a_function_has_one_symbol() {
    let module = wasm(r#"(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"#);
    let (claim, folder) =
        (compile(&module, &Options::default()).expect("compiles").claim, Folder::new().expect("a folder"));
    let [right, wrong] = [1, 2].map(|k| format!("adds r0, r0, #{k}\nbx lr"));
    let other = |name: &str| {
        format!(
            ".section .text.more,\"ax\"\n.balign 4\n.type {name}, %function\n{name}:\n{right}\n.size {name}, . - {name}\n"
        )
    };
    assert!(is_proved_by(&module, &assembled(&folder, &function(0, "f", &right)), claim.clone()));
    for name in ["\"__synth_f+0\"", "__synth_f00", "\"__synth_f+00\"", "__synth_f1"] {
        for source in [
            format!("{}{}", function(0, "f", &wrong), other(name)),
            format!("{}{}", other(name), function(0, "f", &wrong)),
        ] {
            assert!(!is_proved_by(&module, &assembled(&folder, &source), claim.clone()), "{name}");
        }
    }
}
