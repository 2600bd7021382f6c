//! Objects and images that were proved once and did something else: what an assessor found who wanted a wrong `Proved`.
//!
//! Each case starts from what is right and proved. What is changed then means something else to a linker, to start-up code or to the core.

mod support;

use std::path::Path;
use std::process::Command;
use support::proofs::verdict;
use synth::object_writer::{ExportBinding, SymbolOptions};
use synth::pass::Level;
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::claim::Claim;
use synth_validator::contract::Bounds;
use synth_validator::validate::Verdict;

const MEMORY: &str = r#"(module (memory (export "m") 1) (data (i32.const 8) "hello")
    (func (export "f") (result i32) (i32.load8_u (i32.const 8))))"#;

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("well formed")
}

fn must(program: &str, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The object of an assembler source.
fn assembled(folder: &Folder, source: &str) -> Vec<u8> {
    let head = ".syntax unified\n.cpu cortex-m4\n.thumb\n";
    let input = folder.write("code.s", format!("{head}{source}").as_bytes()).expect("written");
    let output = folder.path().join("code.o");
    must("arm-none-eabi-as", &[&input, Path::new("-o"), &output]);
    std::fs::read(output).expect("an object")
}

/// The source of a function of a module that it exports.
fn function(index: u32, export: &str, code: &str) -> String {
    let name = format!("__synth_f{index}");
    format!(
        ".section .text.{export},\"ax\"\n.balign 4\n.type {name}, %function\n.type {export}, %function\n.global {export}\n\
         {name}:\n{export}:\n{code}\n.size {name}, . - {name}\n.size {export}, . - {export}\n"
    )
}

fn is_proved(wasm: &[u8], object: &[u8], claim: Option<Claim>) -> bool {
    let found = verdict(wasm, object, claim);
    println!("{}: {}", found.name(), found.detail());
    found == Verdict::Proved
}

/// Where the header of a section and the entry of a symbol stand in a file.
fn place(file: &[u8], name: &str) -> usize {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("a word")) as usize;
    let half = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().expect("a halfword")) as usize;
    let is = |at: usize| file[at..].starts_with(name.as_bytes()) && file[at + name.len()] == 0;
    let header = |i: usize| word(0x20) + 40 * i;
    let names = word(header(half(0x32)) + 16);
    let headers: Vec<usize> = (0..half(0x30)).map(header).collect();
    let symbols = *headers.iter().find(|h| word(**h + 4) == 2).expect("symbols");
    let strings = word(header(word(symbols + 24)) + 16);
    let mut entries = (word(symbols + 16)..word(symbols + 16) + word(symbols + 20)).step_by(16);
    let section = headers.iter().copied().find(|h| is(names + word(*h)));
    section.or_else(|| entries.find(|e| is(strings + word(*e)))).unwrap_or_else(|| panic!("no {name}"))
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The size of a memory that the module has not was taken to be 0, and the image's word was compared with nothing.
///
/// Covers TOR-CLAUSE-IMAGE.
#[test]
fn a_module_without_memory_has_no_size_of_it() {
    let module = wasm(r#"(module (func (export "f") (result i32) (i32.const 0)))"#);
    let (claim, folder) =
        (compile(&module, &Options::default()).expect("compiles").claim, Folder::new().expect("a folder"));
    let right = assembled(&folder, &function(0, "f", "movs r0, #0\nbx lr"));
    assert!(is_proved(&module, &right, Some(claim.clone())));
    let code = "movw r0, #:lower16:__synth_memory_bytes\nmovt r0, #:upper16:__synth_memory_bytes\nldr r0, [r0]\nbx lr";
    let data = ".section .data.size,\"aw\"\n.balign 4\n.global __synth_memory_bytes\n.type __synth_memory_bytes, %object\n\
                __synth_memory_bytes: .word 42\n.size __synth_memory_bytes, 4\n";
    let wrong = assembled(&folder, &format!("{}{data}", function(0, "f", code)));
    assert!(!is_proved(&module, &wrong, Some(claim)));
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
    assert!(is_proved(&module, &object, None));
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().expect("a word")) as usize;
    let (relocations, symbols) = (word(place(&object, ".rel.text.f") + 16), word(place(&object, ".symtab") + 16));
    let number = ((place(&object, "g") - symbols) / 16) as u8;
    let mut wrong = object.clone();
    assert_eq!(wrong[relocations + 4], 10, "R_ARM_THM_CALL");
    put(&mut wrong, relocations + 5, &[number]);
    assert!(!is_proved(&module, &wrong, None));
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
        assert_eq!(is_proved(&module, &std::fs::read(output).expect("an object"), None), is_right, "{name}");
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
    assert!(is_proved(&module, &assembled(&folder, &source), Some(claim.clone())));
    let mut wrong = assembled(&folder, &format!("{source}.reloc 0, R_ARM_THM_MOVW_ABS_NC, f\n"));
    let header = place(&wrong, ".rel.text.f");
    put(&mut wrong, header + 24, &[0]);
    assert!(!is_proved(&module, &wrong, Some(claim)));
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
    assert!(!is_proved(&module, &wrong, None));
}

/// Start-up code clears `.bss` and `.bss.*`, and nothing else of such a name.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn sections_have_names_that_linker_scripts_know() {
    let module = wasm(&MEMORY.replace(r#"(data (i32.const 8) "hello")"#, ""));
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object, None));
    let name = object.windows(17).position(|w| w == b".bss.synth_memory").expect("a name");
    let mut wrong = object.clone();
    put(&mut wrong, name, b".bssx");
    assert!(!is_proved(&module, &wrong, None));
}

/// A linker sets bit 0 of the address of what is called a function.
///
/// Covers TOR-INPUT-FIELDS.
#[test]
fn data_is_no_function() {
    let module = wasm(&MEMORY.replace("(i32.load8_u (i32.const 8))", "(i32.const 8)"));
    let object = compile(&module, &Options::default()).expect("compiles").object;
    assert!(is_proved(&module, &object, None));
    let symbol = place(&object, "__linear_memory_base");
    let mut wrong = object.clone();
    put(&mut wrong, symbol + 4, &[1]);
    put(&mut wrong, symbol + 12, &[1 << 4 | 2]);
    assert!(!is_proved(&module, &wrong, None));
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
    assert!(is_proved(&module, &image, None));
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().expect("a word")) as usize;
    let (data, headers) = (word(place(&image, ".data") + 16), word(0x20));
    let unloaded = ((place(&image, ".synth.witness") - headers) / 40) as u8;
    let mut wrong = image.clone();
    put(&mut wrong, place(&image, "__linear_memory_base") + 14, &[unloaded, 0]);
    assert_eq!(&wrong[data + 8..data + 13], b"hello");
    put(&mut wrong, data + 8, b"EVIL!");
    assert!(!is_proved(&module, &wrong, None));
}

/// A host's function in assembler that is not marked as Thumb has an even address; `blx` of it faults.
///
/// Covers TOR-CLAUSE-LINKED.
#[test]
fn addresses_of_functions_in_an_image_are_odd() {
    let module = wasm(
        r#"(module (import "env" "imp" (func $imp (result i32))) (table 1 funcref) (elem (i32.const 0) $imp)
            (func (export "f") (result i32) (call_indirect (result i32) (i32.const 0))))"#,
    );
    let (object, folder) =
        (compile(&module, &Options::default()).expect("compiles").object, Folder::new().expect("a folder"));
    for (mark, is_right) in [(".thumb_func\n", true), ("", false)] {
        let host = format!(".global main\n.thumb_func\nmain: b.w f\n.global imp\n{mark}imp: movs r0, #1\nbx lr\n");
        assert_eq!(is_proved(&module, &linked(&folder, &object, &host), None), is_right, "{mark}");
    }
}

/// Code without a mask was proved under a contract that masks, because the module's accesses are meant to be in range.
///
/// Covers TOR-CONTRACT-BOUNDS.
#[test]
fn masked_code_masks_also_what_is_out_of_range() {
    let module = wasm(r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load (local.get 0))))"#);
    let (folder, memory) = (Folder::new().expect("a folder"), |bytes: u32| {
        format!(
            ".section .bss.memory,\"aw\",%nobits\n.balign 8\n.global __linear_memory_base\n\
             .type __linear_memory_base, %object\n__linear_memory_base: .space {bytes}\n.size __linear_memory_base, {bytes}\n"
        )
    });
    let code = |mask: &str| {
        let base = "movw r1, #:lower16:__linear_memory_base\nmovt r1, #:upper16:__linear_memory_base";
        function(0, "f", &format!("{mask}\n{base}\nldr r0, [r1, r0]\nbx lr"))
    };
    let claim = |bounds| compile(&module, &Options { bounds, ..Options::default() }).expect("compiles").claim;
    let right = assembled(&folder, &format!("{}{}", code("uxth r0, r0"), memory(65_544)));
    assert!(is_proved(&module, &right, Some(claim(Bounds::Mask))));
    let unchecked = assembled(&folder, &format!("{}{}", code(""), memory(65_536)));
    assert!(is_proved(&module, &unchecked, Some(claim(Bounds::None))));
    let mut forged = claim(Bounds::None);
    forged.contract.bounds = Bounds::Mask;
    let wrong = assembled(&folder, &format!("{}{}", code(""), memory(65_544)));
    assert!(!is_proved(&module, &wrong, Some(forged)));
}

/// Covers TOR-CONTRACT-CORE.
#[test]
fn instructions_that_the_core_lacks_are_unsupported() {
    use synth::compile::Core;
    let module = wasm(
        r#"(module (func (export "f") (param i32 i32) (result i32)
            (i32.add (local.get 0) (i32.and (local.get 1) (i32.const 255)))))"#,
    );
    let compiled = |core| compile(&module, &Options { core, ..Options::default() }).expect("it compiles");
    let [with, without] = [Core::CortexM4, Core::CortexM3].map(compiled);
    assert_ne!(with.functions[0].code, without.functions[0].code, "both do without `uxtab`");
    for right in [&with, &without] {
        assert!(is_proved(&module, &right.object, None));
    }
    // What was made for one core is no code for the other.
    let wrong = verdict(&module, &with.object, Some(Claim { contract: without.claim.contract, ..with.claim }));
    assert!(matches!(&wrong, Verdict::Unsupported(what) if what.contains("DSP")), "{wrong:?}");
}
