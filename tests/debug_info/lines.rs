//! Lines: in linked images, as two programs read them, against what `synth disasm` writes beside the code, and for sources
//! against another reader of the module's own DWARF.

use super::{compiled, corpus, debug, library, linked, must, synth, text};
use object::{Object, ObjectSymbol};
use std::collections::BTreeMap;
use std::path::Path;
use synth::debug_info::Lines;
use synth::pipeline::Options;
use synth::simulator::board::Folder;
use wasmparser::{Parser, Payload};

const READERS: [&str; 2] = ["llvm-addr2line-19", "arm-none-eabi-addr2line"];

/// An instruction of a listing: offset in its function, and the last operator so far, if any was named.
type Listed = (u32, Option<u64>);

/// What `synth disasm` says of each function, by index.
fn listing(module: &Path) -> BTreeMap<u32, Vec<Listed>> {
    let (code, said) = synth(&["disasm", text(module)]);
    assert_eq!(code, 0, "{said}");
    let mut out: BTreeMap<u32, Vec<Listed>> = BTreeMap::new();
    let (mut function, mut origin) = (0, None);
    for line in said.lines() {
        if let Some((_, rest)) = line.split_once(">  function ") {
            function = rest.split(',').next().and_then(|n| n.parse().ok()).expect("an index");
            origin = None;
            continue;
        }
        let Some((at, rest)) = line.trim_start().split_once(":  ") else { continue };
        let at = u32::from_str_radix(at, 16).expect("an offset");
        let is_data = [".word", ".short", ".byte"].iter().any(|d| rest.contains(d));
        let operators = rest.split_once("; ").map_or("", |(_, operators)| operators);
        for operator in operators.split(", ").filter_map(|o| o.strip_prefix("0x")) {
            let offset = operator.split(' ').next().and_then(|o| u64::from_str_radix(o, 16).ok());
            origin = Some(offset.expect("an offset"));
        }
        // A trap stands for all of its kind and comes from no operator.
        let origin = if rest.contains("udf") && !operators.starts_with("0x") { Some(0) } else { origin };
        if !is_data {
            out.entry(function).or_default().push((at, origin));
        }
    }
    out
}

/// What a program says of addresses in a file: file and line, 0 if there is none.
fn read(reader: &str, image: &Path, addresses: &[u64]) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    for some in addresses.chunks(400) {
        let words: Vec<String> = some.iter().map(|a| format!("{a:#x}")).collect();
        let args: Vec<&str> = ["-e", text(image)].into_iter().chain(words.iter().map(String::as_str)).collect();
        let said = must(reader, &args);
        out.extend(said.lines().map(|line| {
            let line = line.split(" (").next().expect("a text");
            let (file, line) = line.rsplit_once(':').expect("file and line");
            (file.to_string(), line.parse().unwrap_or(0))
        }));
    }
    assert_eq!(out.len(), addresses.len());
    out
}

fn address(image: &[u8], function: u32) -> Option<u64> {
    let file = object::File::parse(image).expect("an image");
    let name = format!("__synth_f{function}");
    file.symbols().find(|s| s.name() == Ok(&name)).map(|s| s.address() & !1)
}

#[test]
fn lines_of_a_module_are_the_offsets_that_disasm_shows() {
    let mut instructions = 0;
    for (number, name) in
        ["semaphore", "tables", "json", "aes128", "loops", "traps", "sha256", "http", "lz"].into_iter().enumerate()
    {
        let (path, folder) = (corpus(name), Folder::new().expect("a folder"));
        let (_, compiled) = compiled(&path, &debug(Lines::Offsets, &path));
        let linker = ["arm-none-eabi-ld", "ld.lld-19"][number % 2];
        let (_, image) = linked(&folder, &compiled.object, linker, &[]);
        let bytes = std::fs::read(&image).expect("an image");
        let (mut addresses, mut expected) = (Vec::new(), Vec::new());
        for (function, listed) in listing(&path) {
            let start = address(&bytes, function).expect("a function");
            let body = compiled.module.functions[function as usize].body.start as u64;
            addresses.extend(listed.iter().map(|(at, _)| start + u64::from(*at)));
            expected.extend(listed.iter().map(|(_, origin)| origin.unwrap_or(body)));
        }
        for reader in READERS {
            let read = read(reader, &image, &addresses);
            for ((at, found), expected) in addresses.iter().zip(read).zip(&expected) {
                assert_eq!(found.1, *expected, "{name} at {at:#x} by {reader}");
                assert!(found.1 == 0 || found.0.ends_with(&format!("{name}.wasm")), "{found:?}");
            }
        }
        instructions += addresses.len();
    }
    println!("{instructions} instructions");
    assert!(instructions > 2500);
}

#[test]
fn lines_of_sources_are_those_that_the_module_has() {
    let folder = Folder::new().expect("a folder");
    let path = library(&folder);
    let (bytes, compiled) = compiled(&path, &debug(Lines::Source, &path));
    let code = Parser::new(0).parse_all(&bytes).find_map(|p| match p.expect("a module") {
        Payload::CodeSectionStart { unchecked_range, .. } => Some(unchecked_range.start),
        _ => None,
    });
    let code = code.expect("code");
    let (_, image) = linked(&folder, &compiled.object, "arm-none-eabi-ld", &[]);
    let elf = std::fs::read(&image).expect("an image");
    let (mut addresses, mut origins) = (Vec::new(), Vec::new());
    for (function, listed) in listing(&path) {
        let start = address(&elf, function).expect("a function");
        for (at, origin) in listed.iter().filter_map(|(at, origin)| Some((at, (*origin)?))).filter(|(_, o)| *o > 0) {
            addresses.push(start + u64::from(*at));
            origins.push(origin - code);
        }
    }
    let expected = read("llvm-addr2line-19", &path, &origins);
    let mut lines = std::collections::BTreeSet::new();
    for reader in READERS {
        for ((found, expected), at) in read(reader, &image, &addresses).iter().zip(&expected).zip(&addresses) {
            assert_eq!(found.1, expected.1, "{at:#x} by {reader}");
            assert_eq!(found.0, expected.0, "{at:#x} by {reader}");
            lines.insert(found.clone());
        }
    }
    // Both sources and the header with inlined code are there, each with a line that was counted by hand.
    for (file, line) in [("weigh.c", 8), ("weigh.c", 6), ("weigh.h", 4), ("sample.c", 6), ("sample.c", 7)] {
        assert!(lines.iter().any(|(f, l)| f.ends_with(file) && *l == line), "{file}:{line} in {lines:?}");
    }
}

#[test]
fn names_and_units_are_those_of_the_sources() {
    let folder = Folder::new().expect("a folder");
    let path = library(&folder);
    let options = Options { inline: vec!["weigh".to_string()], ..debug(Lines::Source, &path) };
    let (_, compiled) = compiled(&path, &options);
    let object = folder.write("library.o", &compiled.object).expect("written");
    let said = must("llvm-dwarfdump-19", &["--debug-info", text(&object)]);
    let count = |what: &str| said.matches(what).count();
    // The second subprogram of sample.c stands for what is inlined there.
    assert_eq!((count("DW_TAG_compile_unit"), count("DW_TAG_subprogram")), (2, 3), "{said}");
    assert_eq!((count("DW_TAG_inlined_subroutine"), count("DW_INL_inlined")), (1, 1), "{said}");
    assert!(said.contains("DW_AT_call_line\t(5)"), "{said}");
    for wanted in
        ["(\"sample_add\")", "(\"weigh\")", "sample.c\")", "weigh.c\")", "DW_LANG_C11", "DW_AT_decl_line\t(4)"]
    {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    assert!(!said.contains("not_needed"));
}
