//! Linked images that were proved once although loaders, or who calls an export by its name, find something else there.
//!
//! Each case starts from an image that is right and proved. `object_readings` has more of them.

mod support;

use std::path::Path;
use support::assembler::{assembled, must};
use support::elf::{objcopied, place, put, word};
use support::proofs::is_proved;
use support::wasm;
use synth::object_writer::{ExportBinding, SymbolOptions};
use synth::pass::Level;
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::contract::MemoryOwner;

const LINKERS: [&str; 2] = ["arm-none-eabi-ld", "ld.lld-19"];

/// A module's object in a folder, and images with it.
struct Bench {
    folder: Folder,
    module: Vec<u8>,
}

impl Bench {
    fn new(text: &str, exports: ExportBinding, memory: MemoryOwner) -> Bench {
        let (folder, module) = (Folder::new().expect("a folder"), wasm(text));
        let symbols = SymbolOptions { exports, ..SymbolOptions::default() };
        let options = Options { level: Level::O0, symbols, memory, ..Options::default() };
        folder.write("module.o", &compile(&module, &options).expect("compiles").object).expect("written");
        Bench { folder, module }
    }

    /// The image with a host in assembler, whose `main` is the entry.
    fn image(&self, linker: &str, options: &[&str], host: &str) -> Vec<u8> {
        let host = self.folder.write("host.o", &assembled(&self.folder, host)).expect("written");
        let (object, output) = (self.folder.path().join("module.o"), self.folder.path().join("image.elf"));
        let options = options.iter().map(Path::new);
        let files = [Path::new("-e"), Path::new("main"), Path::new("-o"), &output, &host, &object];
        must(linker, &options.chain(files).collect::<Vec<_>>());
        std::fs::read(output).expect("an image")
    }

    fn is_proved(&self, linker: &str, options: &[&str], host: &str) -> bool {
        is_proved(&self.module, &self.image(linker, options, host))
    }
}

/// The source of a function that others see, as `.hidden` or not.
fn defined(name: &str, hidden: &str, code: &str) -> String {
    format!(
        ".section .text.{name},\"ax\"\n.global {name}\n{hidden}\n.type {name}, %function\n.thumb_func\n{name}: {code}\nbx lr\n\
         .size {name}, . - {name}\n"
    )
}

/// Debuggers, emulators and boot loaders put the bytes of segments into memory, whatever sections say of it.
///
/// Covers TOR-CLAUSE-LINKED.
#[test]
fn segments_put_nothing_where_the_image_has_zeros() {
    let text = r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;
    let bench = Bench::new(text, ExportBinding::Global, MemoryOwner::Own);
    let places = ["-Ttext=0x8000", "-Tdata=0x20000000"];
    let image = bench.image(LINKERS[0], &places, &defined("main", "", "b.w f"));
    assert!(is_proved(&bench.module, &image));
    // Headers of segments: type 0, offset 4, address 8, physical address 12, size in the file 16, in memory 20.
    let segments = word(&image, 0x1c) as usize;
    let data = (0..).map(|i| segments + 32 * i).find(|at| word(&image, *at + 8) == 0x2000_0000).expect("data");
    let [from, held, size] = [4, 16, 20].map(|field| word(&image, data + field) as usize);
    assert!(held < size && size > 65_536, "linear memory is not in the file");
    // The file holds all of the segment, at its end.
    for (filler, is_right) in [(0, true), (0xee, false)] {
        let mut full = image.clone();
        let end = full.len().next_multiple_of(8);
        full.resize(end, 0);
        full.extend_from_slice(&image[from..from + held]);
        full.resize(end + size, filler);
        put(&mut full, data + 4, &(end as u32).to_le_bytes());
        put(&mut full, data + 16, &(size as u32).to_le_bytes());
        put(&mut full, place(&image, ".data") + 16, &(end as u32).to_le_bytes());
        assert_eq!(is_proved(&bench.module, &full), is_right, "{filler}");
    }
    // Code in a segment of its own that is used where nothing is, and stored where linear memory is, or elsewhere.
    for (stored, is_right) in [(0x7000_0000, true), (0x2000_0100, false)] {
        let count = image[0x2c];
        let mut more = image.clone();
        more.resize(more.len().next_multiple_of(4), 0);
        let headers = more.len() as u32;
        more.extend_from_slice(&image[segments..segments + 32 * usize::from(count)]);
        let from = word(&image, place(&image, ".text") + 16);
        more.extend([1, from, 0x6000_0000, stored, 4, 4, 5, 4].map(u32::to_le_bytes).concat());
        put(&mut more, 0x1c, &headers.to_le_bytes());
        put(&mut more, 0x2c, &[count + 1]);
        assert_eq!(is_proved(&bench.module, &more), is_right, "{stored:#x}");
    }
    // Sizes in the file and in memory.
    for (field, value) in [(20, held as u32 - 1), (20, 0xf000_0000), (12, u32::MAX - 2)] {
        let mut wrong = image.clone();
        put(&mut wrong, data + field, &value.to_le_bytes());
        assert!(!is_proved(&bench.module, &wrong), "{value:#x} at {field}");
    }
}

/// An export of an import is code of its own, which gave way to a hidden function of the host.
///
/// Covers TOR-CLAUSE-EXPORTS.
#[test]
fn exported_imports_of_an_image_are_the_modules() {
    let text = r#"(module (import "env" "imp" (func $imp (param i32) (result i32))) (export "ex" (func $imp))
        (func (export "g") (param i32) (result i32) (call $imp (local.get 0))))"#;
    let host =
        [defined("main", "", "push {r4, lr}\nbl ex\nbl g\npop {r4, pc}"), defined("imp", "", "movs r0, #1")].concat();
    for (exports, linker) in
        [ExportBinding::Weak, ExportBinding::Hidden].into_iter().flat_map(|e| LINKERS.map(|l| (e, l)))
    {
        let bench = Bench::new(text, exports, MemoryOwner::Own);
        assert!(bench.is_proved(linker, &[], &host), "{exports:?}, {linker}");
        if exports == ExportBinding::Weak {
            for hidden in ["", ".hidden ex"] {
                let other = format!("{host}{}", defined("ex", hidden, "movs r0, #99"));
                assert!(!bench.is_proved(linker, &[], &other), "{linker} {hidden}");
            }
        }
    }
}

/// A number that the linker is told takes the place of an export, and so does a host's function where the module's is left out; a function
/// that only its own file sees does not.
///
/// Covers TOR-CLAUSE-EXPORTS, TOR-CLAUSE-LEFTOUT.
#[test]
fn names_of_exports_are_nobody_elses_in_an_image() {
    let text = r#"(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "g") (param i32) (result i32) (i32.add (local.get 0) (i32.const 2))))"#;
    let bench = Bench::new(text, ExportBinding::Weak, MemoryOwner::Own);
    let calls = |f: &str| defined("main", "", &format!("push {{r4, lr}}\nbl {f}\nbl g\npop {{r4, pc}}"));
    let names = format!("{}.section .rodata.host,\"a\"\n.word f\n", calls("g"));
    let own = "f: movs r0, #99\nbx lr\n";
    for linker in LINKERS {
        let image = bench.image(linker, &[], &calls("f"));
        assert!(is_proved(&bench.module, &image), "{linker}");
        // Nobody can say what a name is that is not there.
        for (name, is_right) in [("main", true), ("f", false)] {
            let stripped = objcopied(&bench.folder, &image, &["--strip-symbol", name]);
            assert_eq!(is_proved(&bench.module, &stripped), is_right, "{linker}, {name}");
        }
        assert!(bench.is_proved(linker, &[], &names), "{linker}");
        assert!(!bench.is_proved(linker, &["--defsym=f=0x9001"], &names), "{linker}");
        // Without `f` of the module.
        let collects = ["--gc-sections"];
        assert!(bench.is_proved(linker, &collects, &calls("g")), "{linker}");
        assert!(bench.is_proved(linker, &collects, &format!("{}.thumb_func\n{own}", calls("g"))), "{linker}");
        assert!(!bench.is_proved(linker, &["--gc-sections", "--defsym=f=0x9001"], &calls("f")), "{linker}");
        for hidden in ["", ".hidden f"] {
            let other = format!("{}{}", calls("f"), defined("f", hidden, "movs r0, #99"));
            assert!(!bench.is_proved(linker, &collects, &other), "{linker} {hidden}");
        }
    }
}

/// The host's linear memory may be hidden: its size and its alignment count all the same.
///
/// Covers TOR-CLAUSE-IMAGE, TOR-CLAUSE-LINKED.
#[test]
fn hidden_memory_of_the_host_is_looked_at() {
    let text =
        r#"(module (memory 1) (data (i32.const 8) "hello") (func (export "f") (result i64) (i64.load (i32.const 8))))"#;
    let bench = Bench::new(text, ExportBinding::Global, MemoryOwner::Extern);
    let code = [
        defined("main", "", "push {r4, lr}\nbl __synth_instance_init\nbl f\npop {r4, pc}"),
        defined("__aeabi_memmove", "", ""),
    ];
    let memory = |hidden: &str, before: u32, bytes: u32| {
        let name = "__linear_memory_base";
        format!(
            "{}.section .bss.memory,\"aw\",%nobits\n.balign 8\n.space {before}\n.global {name}\n{hidden}\n.type {name}, %object\n\
             .size {name}, {bytes}\n{name}: .space {bytes}\n",
            code.concat()
        )
    };
    for linker in LINKERS {
        for hidden in ["", ".hidden __linear_memory_base"] {
            for (before, bytes, is_right) in [(0, 65_536, true), (1, 65_536, false), (0, 16, false)] {
                let found = bench.is_proved(linker, &[], &memory(hidden, before, bytes));
                assert_eq!(found, is_right, "{linker} {hidden} {before} {bytes}");
            }
        }
    }
}

/// What a module calls in an image is Thumb code outside of it, whatever linkers and their scripts find under the name.
///
/// Covers TOR-CLAUSE-LINKED.
#[test]
fn what_is_called_in_an_image_is_thumb_code_of_others() {
    let import = r#"(import "env" "imp" (func $imp (result i32)))"#;
    let called = format!(r#"(module {import} (func (export "f") (result i32) (i32.add (call $imp) (i32.const 1))))"#);
    let pointed_to = format!(
        r#"(module {import} (table 1 funcref) (elem (i32.const 0) $imp)
            (func (export "f") (result i32) (call_indirect (result i32) (i32.const 0))))"#
    );
    let helper = r#"(module (func (export "f") (param i64 i64) (result i64) (i64.div_u (local.get 0) (local.get 1))))"#;
    let code = "movs r0, #1\nbx lr\n";
    for (text, name) in [(&*called, "imp"), (&pointed_to, "imp"), (helper, "__aeabi_uldivmod")] {
        let bench = Bench::new(text, ExportBinding::Global, MemoryOwner::Own);
        for (what, is_right) in [
            (format!(".text\n.thumb_func\n{name}: {code}"), true),
            (format!(".text\n{name}: {code}"), false),
            (format!(".text\n.type {name}, %object\n{name}: {code}"), false),
            (format!(".text\n.type {name}, %object\n.set {name}, . + 1\n{code}"), false),
            (format!(".data\n.set {name}, . + 1\n.word 0\n"), false),
            (format!(".data\n.type {name}, %function\n.thumb_func\n{name}: {code}"), false),
        ] {
            let host = format!(".global {name}\n{}{what}", defined("main", "", "b.w f"));
            let places = ["-Ttext=0x8000", "-Tdata=0x20000"];
            assert_eq!(bench.is_proved(LINKERS[0], &places, &host), is_right, "{text}: {what}");
        }
        let main = defined("main", "", "b.w f");
        let mut even = bench.image(LINKERS[0], &["-Ttext=0x8000"], &format!("{main}{}", defined(name, "", code)));
        assert!(is_proved(&bench.module, &even));
        let symbol = place(&even, name) + 4;
        let at = word(&even, symbol) & !1;
        put(&mut even, symbol, &at.to_le_bytes());
        assert!(!is_proved(&bench.module, &even), "{text}");
        for place in ["f", "f+2", "main+16384", "0x80001"] {
            let defined = format!("--defsym={name}={place}");
            for linker in LINKERS {
                assert!(!bench.is_proved(linker, &["-Ttext=0x8000", &defined], &main), "{text}: {linker} {place}");
            }
        }
    }
}
