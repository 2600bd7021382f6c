//! What linkers, archivers and strippers do to objects with debug information, and what the validator says of them.

use super::{compiled, corpus, debug, host_object, library, linked, must, run, synth, text};
use object::{Object, ObjectSection};
use std::path::Path;
use synth::debug_info::{DebugOptions, Lines};
use synth::object_writer::SymbolOptions;
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;

/// Whether another reader finds nothing wrong, and finds debug information at all.
fn verified(path: &Path) {
    let said = must("llvm-dwarfdump-19", &["--verify", text(path)]);
    assert!(said.contains("Verifying unit: 1 /") && said.contains("No errors."), "{}: {said}", path.display());
}

fn has_debug(path: &Path) -> bool {
    let bytes = std::fs::read(path).expect("a file");
    object::File::parse(&*bytes).expect("an ELF file").section_by_name(".debug_line").is_some()
}

fn validated(module: &Path, elf: &Path) -> String {
    let (code, said) = synth(&["validate", text(module), text(elf)]);
    assert_eq!(code, 0, "{said}");
    said
}

#[test]
fn all_programs_have_information_without_errors() {
    let folder = Folder::new().expect("a folder");
    let mut objects = Vec::new();
    for path in super::packages::corpus() {
        let (bytes, with) = compiled(&path, &debug(Lines::Source, &path));
        let without = compile(&bytes, &Options::default()).expect("compiles");
        let sections = |object: &[u8]| {
            let file = object::File::parse(object).expect("an object");
            let named = |s: object::Section| (s.name().expect("a name").to_string(), s.data().expect("data").to_vec());
            let is_kept = |(name, _): &(String, Vec<u8>)| {
                !name.contains(".debug_")
                    && !["", ".symtab", ".strtab", ".shstrtab"].contains(&name.as_str())
                    && !name.starts_with(".rel.")
            };
            file.sections().map(named).filter(is_kept).collect::<Vec<_>>()
        };
        assert_eq!(sections(&with.object), sections(&without.object), "{}: other code", path.display());
        assert_eq!(with.object, compiled(&path, &debug(Lines::Source, &path)).1.object, "not the same twice");
        let name = path.file_stem().and_then(|n| n.to_str()).expect("a name");
        objects.push(folder.write(&format!("{name}.o"), &with.object).expect("written"));
    }
    let all: Vec<&str> = ["--verify"].into_iter().chain(objects.iter().map(|o| text(o))).collect();
    let said = must("llvm-dwarfdump-19", &all);
    assert_eq!(said.matches("No errors.").count(), objects.len(), "{said}");
    println!("{} objects", objects.len());
    assert!(objects.len() >= 40);
}

#[test]
fn information_survives_linkers_and_archives() {
    let folder = Folder::new().expect("a folder");
    let module = library(&folder);
    let other = corpus("semaphore");
    let private = |lines, path: &Path| Options {
        symbols: SymbolOptions { private_data: true, ..SymbolOptions::default() },
        ..debug(lines, path)
    };
    let object = folder.write("a.o", &compiled(&module, &private(Lines::Source, &module)).1.object).expect("written");
    let with_imports = compiled(&other, &private(Lines::Source, &other)).1;
    let second = folder.write("b.o", &with_imports.object).expect("written");
    let needed = host_object(&folder, &with_imports);
    let at = |name: &str| folder.path().join(name);
    let lines = |image: &Path, symbol: &str| {
        let said = must("arm-none-eabi-nm", &[text(image)]);
        let line = said.lines().find(|l| l.ends_with(&format!(" T {symbol}"))).unwrap_or_else(|| panic!("{said}"));
        let address = line.split(' ').next().expect("an address");
        let read = |tool: &str| must(tool, &["-f", "-e", text(image), address]);
        [read("llvm-addr2line-19"), read("arm-none-eabi-addr2line")]
    };
    for linker in ["arm-none-eabi-ld", "ld.lld-19"] {
        // Two objects, one of them out of an archive, after a partial link.
        let (archive, partial, image) = (at("b.a"), at("partial.o"), at("both.elf"));
        let _ = std::fs::remove_file(&archive);
        must("arm-none-eabi-ar", &["rcs", text(&archive), text(&second)]);
        must(linker, &["-r", text(&object), "-o", text(&partial)]);
        verified(&partial);
        let flags = ["--unresolved-symbols=ignore-all", "-Ttext=0x8000", "-e", "0x8000", "--gc-sections"];
        let wanted =
            ["-u", "sample_add", "-u", "k_sem_give", text(&partial), text(&archive), text(&needed), "-o", text(&image)];
        must(linker, &[&flags[..], &wanted].concat());
        // What is said of functions that were left out is about addresses from 0 or 1 up, as with objects of C compilers; the
        // verifier counts it as errors there too.
        for said in lines(&image, "sample_add") {
            assert!(said.starts_with("sample_add\n") && said.contains("sample.c:4"), "{said}");
        }
        for said in lines(&image, "k_sem_give") {
            assert!(said.starts_with("k_sem_give\n") && said.contains("semaphore.wasm:"), "{said}");
        }
        // Functions that nobody needs are left out, and debug information of them says nothing of what is there.
        assert!(!must("arm-none-eabi-nm", &[text(&image)]).contains("k_sem_take"));
        let image_bytes = validated(&other, &image);
        assert!(image_bytes.contains("not in the image"), "{image_bytes}");
    }
}

#[test]
fn stripped_files_are_proved_as_before() {
    let folder = Folder::new().expect("a folder");
    let path = corpus("semaphore");
    let (_, compiled) = compiled(&path, &debug(Lines::Source, &path));
    let needed = host_object(&folder, &compiled);
    let (object, image) = linked(&folder, &compiled.object, "arm-none-eabi-ld", &[text(&needed)]);
    verified(&image);
    assert!(has_debug(&object) && has_debug(&image));
    validated(&path, &object);
    assert!(validated(&path, &image).contains("7 of 7 functions proved"));
    for strip in ["arm-none-eabi-strip", "llvm-strip-19"] {
        let out = folder.path().join("stripped.o");
        must(strip, &["-g", text(&object), "-o", text(&out)]);
        assert!(!has_debug(&out));
        validated(&path, &out);
    }
    let out = folder.path().join("copied.o");
    must("arm-none-eabi-objcopy", &["--compress-debug-sections=zlib", text(&object), text(&out)]);
    validated(&path, &out);
    verified(&out);
}

#[test]
fn a_debug_section_that_is_loaded_is_no_debug_section() {
    let folder = Folder::new().expect("a folder");
    let path = corpus("semaphore");
    let object = folder.write("k.o", &compiled(&path, &debug(Lines::Offsets, &path)).1.object).expect("written");
    let out = folder.path().join("loaded.o");
    let flags = [".debug_line=alloc,code,readonly,contents"];
    must("arm-none-eabi-objcopy", &["--set-section-flags", flags[0], text(&object), text(&out)]);
    let (code, said) = synth(&["validate", text(&path), text(&out)]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(".debug_line"), "{said}");
}

#[test]
fn modules_with_unreadable_information_are_refused_with_a_remedy() {
    let folder = Folder::new().expect("a folder");
    let path = library(&folder);
    let mut bytes = std::fs::read(&path).expect("a module");
    let name = b".debug_abbrev";
    let at = bytes.windows(name.len()).position(|w| w == name).expect("a section") + name.len();
    bytes[at..at + 8].fill(0xff);
    let broken = folder.write("broken.wasm", &bytes).expect("written");
    let out = folder.path().join("broken.o");
    let (code, said) = synth(&["compile", "-g", text(&broken), "-o", text(&out)]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("DWARF is malformed") && said.contains("--debug=offsets"), "{said}");
    assert!(!out.exists());
    let (code, said) = synth(&["compile", "--debug=offsets", text(&broken), "-o", text(&out)]);
    assert_eq!(code, 0, "{said}");
    verified(&out);
    // Without the option nothing is written of it, and nothing read.
    let (code, _) = synth(&["compile", text(&broken), "-o", text(&out)]);
    assert!(code == 0 && !has_debug(&out));
    // Cut off anywhere, it is an error or not, but never a panic.
    let debug = DebugOptions { lines: Lines::Source, path: "cut.wasm".to_string() };
    let whole = std::fs::read(&path).expect("a module");
    let start = whole.windows(name.len()).position(|w| w == name).expect("a section");
    let mut refused = 0;
    for at in (start..whole.len()).step_by(3) {
        let mut changed = whole.clone();
        changed[at] ^= 0x5a;
        refused +=
            usize::from(compile(&changed, &Options { debug: Some(debug.clone()), ..Options::default() }).is_err());
    }
    println!("{refused} changes refused");
    assert!(refused > 10);
    let (code, _) = run(env!("CARGO_BIN_EXE_synth"), &["compile", "--debug=nothing", text(&path), "-o", text(&out)]);
    assert_eq!(code, 2);
}
