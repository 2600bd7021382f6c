//! The base at 0 for a library with data and a stack of its own: linked into the same host as a direct build of the same source it prints
//! the same, in images by three linkers, which are proved; what of it is relocated wrongly is not proved; what is not told is refused.

use super::*;
use std::ops::Range;
use synth::object_writer::{CellInit, Image, ObjectData};
use synth_validator::contract::MemoryOwner;
use synth_validator::domain::Symbol;
use wasmparser::{KnownCustom, Parser, Payload, RelocationEntry, RelocationType};

const BASE: [&str; 2] = ["--linear-memory-base", "0"];
const GCC: [&str; 2] = ["-mcpu=cortex-m4", "-mthumb"];
/// The page of linear memory that the library has, in the host.
const MEMORY_BYTES: &str = "-DMEMORY_BYTES=65536";

/// What makes the linker say which numbers are addresses; the host defines what is not there.
const TOLD: [&str; 2] = ["--emit-relocs", "--allow-undefined"];

/// The library, with the linker's sections.
fn told(folder: &Folder) -> String {
    library(folder, "statics.c", &TOLD)
}

/// A source, compiled for the core that is emulated.
fn object(folder: &Folder, name: &str, options: &[&str]) -> String {
    let object = folder.path().join(format!("{name}{}.o", options.len()));
    let flags = ["-O2", "-ffreestanding", "-Wall", "-Werror", "-c", &*source(name), "-o", text(&object)];
    must("arm-none-eabi-gcc", &[&GCC[..], options, &flags].concat());
    text(&object).to_string()
}

/// An image by the compiler driver with GNU ld, and one by LLVM's linker.
fn images(folder: &Folder, objects: &[&str]) -> [String; 2] {
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let (by_gcc, by_lld, script) = (path("gcc.elf"), path("lld.elf"), source("bare.ld"));
    let options = ["-nostartfiles", "-Wl,--no-warn-rwx-segments", "-T", &script];
    let libraries = ["-lc", "-lgcc", "-o", &by_gcc];
    must("arm-none-eabi-gcc", &[&GCC[..], &options, objects, &libraries].concat());
    let named = |what: &str| must("arm-none-eabi-gcc", &[&GCC[..], &[what]].concat()).trim().to_string();
    let (libc, libgcc) = (named("-print-file-name=libc.a"), named("-print-libgcc-file-name"));
    must("ld.lld-19", &[&["-T", &*script], objects, &[&*libc, &*libgcc, "-o", &*by_lld]].concat());
    [by_gcc, by_lld]
}

/// Runs an image. Result: what it printed, and its status.
fn emulated(image: &str) -> (String, Option<i32>) {
    let console = ["-semihosting-config", "enable=on,target=native", "-monitor", "none", "-serial", "none"];
    let (status, printed) =
        run("qemu-system-arm", &[&["-M", "mps2-an386", "-nographic", "-kernel", image][..], &console].concat());
    (printed, status)
}

/// Covers TOR-ASSUME-RELOCATED.
#[test]
fn a_library_with_data_prints_what_its_direct_build_prints() {
    let folder = Folder::new().expect("a folder");
    let (module, host) = (told(&folder), object(&folder, "statics_host.c", &[]));
    let (bare, direct) = (object(&folder, "bare.c", &[]), object(&folder, "statics.c", &[]));
    let expected = images(&folder, &[&host, &bare, &direct]).map(|image| emulated(&image));
    assert_eq!(expected[0], expected[1]);
    let (printed, status) = &expected[0];
    let whole = printed.starts_with("idle mode 0000000000000007\n") && printed.ends_with("\ntuning 000000000000002a\n");
    assert!(whole && *status == Some(0), "{status:?}: {printed}");
    let out = folder.path().join("library.o");
    let proved = |module: &str, options: &[&str]| {
        let compile = [&["compile", "--validate", module, "-o", text(&out)], &BASE[..], options].concat();
        let (status, said) = synth(&compile);
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains("A-NATIVE(everything), A-RELOCATED"), "{said}");
    };
    let same = |module: &str, options: &[&str], bare: &str| {
        proved(module, options);
        for image in images(&folder, &[&host, bare, text(&out)]) {
            assert_eq!(emulated(&image), expected[0], "{options:?}, {image}");
            let (status, said) = synth(&["validate", module, &image]);
            assert_eq!(status, Some(0), "{said}");
            assert!(said.contains("15 of 15 functions proved") && said.contains("A-LOAD, A-NATIVE"), "{said}");
        }
    };
    same(&module, &[], &bare);
    same(&module, &["-Os", "--bounds", "none", "--literal-pools=never"], &bare);
    same(&module, &["-O0", "--bounds", "mask"], &bare);
    // An image of synth's own.
    let image = folder.path().join("image.elf");
    assert_eq!(boot(&module, &host, text(&image), &BASE), expected[0]);
    // Linear memory where the host has put it; the stack before the data; addresses that take more than 16 bits.
    let given = object(&folder, "bare.c", &[MEMORY_BYTES]);
    same(&module, &["--memory", "extern"], &given);
    let linked = |options: &[&str]| library(&folder, "statics.c", &[&TOLD[..], options].concat());
    same(&linked(&["--import-memory"]), &[], &given);
    same(&linked(&["--stack-first"]), &[], &bare);
    same(&linked(&["--global-base=70000"]), &["--private-data"], &bare);
}

#[test]
fn a_library_in_rust_has_data_too() {
    let folder = Folder::new().expect("a folder");
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let (unlinked, module, image) = (path("names.o"), path("names.wasm"), path("image.elf"));
    let target = ["--target", "wasm32-unknown-unknown", "--crate-type", "lib", "--emit=obj", "-O", "-Cpanic=abort"];
    must("/usr/bin/rustc", &[&target[..], &[&source("names.rs"), "-o", &unlinked]].concat());
    let exports = ["--no-entry", "--export=name_copy", "--export=ring_put", &unlinked, "-o", &module];
    must("wasm-ld-19", &[&TOLD[..], &exports].concat());
    let host = host(&folder, &source("names_host.c"));
    // Seven, eight and nine are at places 6, 7 and 0.
    let expected = "00000006 twenty\n0000000d three hundred\n00000003 one\n00000809\n";
    assert_eq!(boot(&module, &host, &image, &BASE), (expected.to_string(), Some(0)));
}

#[test]
fn both_interpreters_run_a_library_with_data() {
    let folder = Folder::new().expect("a folder");
    let (module, out) = (told(&folder), folder.path().join("library.o"));
    must(env!("CARGO_BIN_EXE_synth"), &[&["compile", &module, "-o", text(&out)], &BASE[..]].concat());
    let calls = "mode_find 20 then table_at 5 then cursor_next 9 then sum_add 5 then apply 2 6 then report 0x21000400 9 0x21008000";
    let words: Vec<&str> = calls.split(' ').collect();
    let (status, said) = synth(&[&["run", text(&out), &module], &words[..]].concat());
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("Arm:  0xd ") && said.contains("env.host_note (0x2100"), "{said}");
    assert!(said.contains("linear memory: the same; globals: the same"), "{said}");
    // An address at which the interpreters have nothing.
    let (status, said) = synth(&["run", text(&out), &module, "report", "1024", "9", "0x21008000"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("the assumption A-NATIVE does not hold"), "{said}");
}

fn subject(memory: MemoryOwner) -> Subject {
    let folder = Folder::new().expect("a folder");
    let wasm = std::fs::read(told(&folder)).expect("a module");
    let options = Options { native: vec![Request::Everything], memory, ..Options::default() };
    let compiled = compile(&wasm, &options).expect("compiles");
    Subject { wasm, compiled }
}

/// None of these objects is proved.
fn all_refused(subject: &Subject, objects: &[(&str, Vec<u8>)]) {
    deep(|| {
        assert_eq!(verdict(&subject.wasm, &subject.compiled.object, None), Verdict::Proved);
        for (what, object) in objects {
            let found = verdict(&subject.wasm, object, None);
            assert_ne!(found, Verdict::Proved, "{what}");
            println!("{what}: {}: {}", found.name(), found.detail().lines().next().unwrap_or_default());
        }
    });
}

#[test]
fn data_that_is_relocated_wrongly_is_refused() {
    let subject = subject(MemoryOwner::Own);
    let with = |change: &dyn Fn(&mut ObjectData)| subject.rewritten(|data, _| change(data));
    let memory = |data: &mut ObjectData, change: &dyn Fn(&mut [u8], usize)| {
        let at = data.addresses[3].1 as usize;
        let Some(Image::Bytes(bytes)) = &mut data.memory else { panic!("no data") };
        change(bytes, at);
    };
    let pointer = |data: &ObjectData| match data.cells[0] {
        CellInit::Address(Symbol::Memory, k) => k,
        cell => panic!("{cell:?}"),
    };
    let objects = [
        ("words that are not relocated", with(&|data| data.addresses.truncate(3))),
        ("a number that is relocated", with(&|data| data.addresses.push((Symbol::Memory, 1024)))),
        ("a word relocated a byte further", with(&|data| data.addresses[3].1 += 1)),
        ("a word with another addend", with(&|data| memory(data, &|bytes, at| bytes[at] ^= 4))),
        ("a word without its addend", with(&|data| memory(data, &|bytes, at| bytes[at..at + 4].fill(0)))),
        ("a stack pointer that is a number", with(&|data| data.cells[0] = CellInit::Word(pointer(data)))),
        ("a stack in the data", with(&|data| data.cells[0] = CellInit::Address(Symbol::Memory, pointer(data) - 1024))),
        ("a stack among the globals", with(&|data| data.cells[0] = CellInit::Address(Symbol::Globals, pointer(data)))),
        ("data that is aligned too little", with(&|data| data.memory_align = 32)),
    ];
    all_refused(&subject, &objects);
    // Where the host has linear memory, start-up code copies the segments there.
    let subject = self::subject(MemoryOwner::Extern);
    let changed_copy = |data: &mut ObjectData| {
        let (of, at) = data.addresses[3];
        let copy = data.data_segments.iter_mut().find(|(k, _)| Symbol::Data(*k) == of).expect("a copy");
        copy.1[at as usize] ^= 4;
    };
    let with = |change: &dyn Fn(&mut ObjectData)| subject.rewritten(|data, _| change(data));
    let objects = [
        ("words of a copy that are not relocated", with(&|data| data.addresses.truncate(3))),
        ("a number of a copy that is relocated", with(&|data| data.addresses.push((Symbol::Data(0), 0)))),
        ("a copy with another addend", with(&changed_copy)),
    ];
    all_refused(&subject, &objects);
}

#[test]
fn code_that_takes_addresses_for_numbers_is_refused() {
    let subject = subject(MemoryOwner::Own);
    let function = |name: &str| {
        let export = subject.compiled.module.exports.iter().find(|e| e.name == name);
        export.expect("exported").index
    };
    let is_base = |op: &Op| *op == Op::Address(Symbol::Memory);
    let mut objects = Vec::new();
    let mut changed = |what: &'static str, name: &str, change: &dyn Fn(&mut Op)| {
        let pair = subject.with_ir(function(name), |f| insts(f).for_each(|i| change(&mut i.op)));
        objects.extend(pair.map(|object| (what, object)));
    };
    // The address of the ring, as a constant; that of the sum, in loads and stores.
    for name in ["ring_at", "sum_add"] {
        changed("an address left a number", name, &|op| {
            if is_base(op) {
                *op = Op::Const(0);
            }
        });
        changed("another base", name, &|op| {
            if is_base(op) {
                *op = Op::Address(Symbol::Globals);
            }
        });
    }
    changed("another address", "ring_at", &|op| match op {
        Op::Const(k) if *k >= 1024 => *k += 4,
        _ => {}
    });
    changed("an access beside", "sum_add", &|op| match op {
        Op::Load { offset, .. } if *offset >= 1024 => *offset += 4,
        _ => {}
    });
    changed("an access that counts from the start of linear memory", "sum_add", &|op| match op {
        Op::Load { space, .. } | Op::Store { space, .. } => *space = Space::Linear,
        _ => {}
    });
    let unasked = subject.with_ir(function("ring_at"), |f| {
        let at = f.blocks[0].insts.iter().position(|i| is_base(&i.op)).expect("an address");
        let mut load = f.blocks[0].insts[at].clone();
        load.op = Op::Load { space: Space::Host, width: Width::Word, signed: false, offset: 1024 };
        load.args = [load.results[0]].into_iter().collect();
        load.results = [f.value(Type::I32)].into_iter().collect();
        f.blocks[0].insts.insert(at + 1, load);
    });
    objects.extend(unasked.map(|object| ("an access that the module does not make", object)));
    // The addend in the word behind the code, to which the linker adds the base.
    let symbol = format!("__synth_f{}", function("ring_at"));
    let code = subject.bytes_of(&symbol);
    let addend = code.len() - 4;
    let word = &subject.compiled.object[code][addend..];
    let other = u32::from_le_bytes([word[0], word[1], word[2], word[3]]) ^ 8;
    objects.push(("another addend", subject.patched(&symbol, addend, &other.to_le_bytes())));
    all_refused(&subject, &objects);
}

#[test]
fn what_a_linker_made_of_addresses_is_checked() {
    let folder = Folder::new().expect("a folder");
    let subject = subject(MemoryOwner::Own);
    let library = folder.write("library.o", &subject.compiled.object).expect("written");
    let (host, bare) = (object(&folder, "statics_host.c", &[]), object(&folder, "bare.c", &[]));
    let image = std::fs::read(&images(&folder, &[&host, &bare, text(&library)])[0]).expect("an image");
    let claim = subject.compiled.claim.clone();
    let sites = &claim.linkage.sites;
    let (data, globals) = (&sites["__linear_memory_base"], &sites["__synth_globals"]);
    let (words, cells) = (data.iter().map(|s| s.offset), globals.iter().map(|s| s.offset));
    let in_image = |symbol: &str, offset: u32| {
        use object::{Object, ObjectSection, ObjectSymbol};
        let file = object::File::parse(&image[..]).expect("an image");
        let found = file.symbols().find(|s| s.name() == Ok(symbol)).expect("a symbol");
        let section = file.section_by_index(found.section_index().expect("defined")).expect("a section");
        let (at, _) = section.file_range().expect("contents");
        (at + found.address() - section.address()) as usize + offset as usize
    };
    let places: Vec<usize> = words
        .map(|offset| in_image("__linear_memory_base", offset))
        .chain(cells.map(|offset| in_image("__synth_globals", offset)))
        .collect();
    let told = entries(&subject.wasm).iter().filter(|(.., e)| e.ty == RelocationType::MemoryAddrI32).count();
    assert_eq!(places.len(), told + 1);
    assert!(told > 10, "{told}");
    let mut without = claim.clone();
    without.linkage.sites.remove("__linear_memory_base");
    let mut elsewhere = claim.clone();
    elsewhere.linkage.sites.get_mut("__linear_memory_base").expect("sites")[0].addend += 4;
    deep(|| {
        assert_eq!(verdict(&subject.wasm, &image, None), Verdict::Proved);
        for place in places {
            let mut image = image.clone();
            image[place] ^= 4;
            assert_ne!(verdict(&subject.wasm, &image, None), Verdict::Proved, "{place:#x}");
        }
        assert_ne!(verdict(&subject.wasm, &image, Some(without)), Verdict::Proved);
        assert_ne!(verdict(&subject.wasm, &image, Some(elsewhere)), Verdict::Proved);
        // What the claim says of the contract decides what the module means.
        let mut other = claim;
        other.contract.native.clear();
        assert_ne!(verdict(&subject.wasm, &subject.compiled.object, Some(other)), Verdict::Proved);
    });
}

/// Entries of the linker's sections: the section's name, where the entry stands, where what it relocates stands, and the entry.
fn entries(wasm: &[u8]) -> Vec<(String, usize, usize, RelocationEntry)> {
    let payloads: Vec<Payload> = Parser::new(0).parse_all(wasm).map(|p| p.expect("valid")).collect();
    let starts: Vec<u64> = payloads.iter().filter_map(|p| Some(p.as_section()?.1.start)).collect();
    let mut found = Vec::new();
    for payload in &payloads {
        let Payload::CustomSection(section) = payload else { continue };
        let KnownCustom::Reloc(reader) = section.as_known() else { continue };
        for entry in reader.entries().into_iter_with_offsets() {
            let (at, entry) = entry.expect("valid");
            let place = starts[reader.section_index() as usize] + u64::from(entry.offset);
            found.push((section.name().to_string(), at as usize, place as usize, entry));
        }
    }
    found
}

/// Where a custom section's contents lie.
fn custom(wasm: &[u8], name: &str) -> Range<usize> {
    let mut payloads = Parser::new(0).parse_all(wasm).map(|p| p.expect("valid"));
    let found = payloads.find_map(|p| match p {
        Payload::CustomSection(s) if s.name() == name => Some(s.data_offset() as usize..s.range().end as usize),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no section {name}"))
}

fn replaced(wasm: &[u8], within: Range<usize>, old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = wasm[within.clone()].windows(old.len()).position(|w| w == old).expect("there") + within.start;
    [&wasm[..at], new, &wasm[at + old.len()..]].concat()
}

#[test]
fn modules_that_do_not_say_what_their_addresses_are_are_refused() {
    let folder = Folder::new().expect("a folder");
    let wasm = std::fs::read(told(&folder)).expect("a module");
    let flipped = |at: usize, bits: u8| {
        let mut wasm = wasm.clone();
        wasm[at] ^= bits;
        wasm
    };
    let all = entries(&wasm);
    let of = |ty: RelocationType| all.iter().find(|(.., entry)| entry.ty == ty).expect("there");
    let (_, constant_entry, constant, _) = of(RelocationType::MemoryAddrSleb);
    let (_, access_entry, access, _) = of(RelocationType::MemoryAddrLeb);
    let (_, word_entry, word, _) = of(RelocationType::MemoryAddrI32);
    let retyped = |at: usize, from: u8, to: u8| flipped(at, from ^ to);
    let linking = custom(&wasm, "linking");
    let weak = [&[1, 0x11, 11][..], b"host_tuning"].concat();
    let strong = [&[1, 0x10, 11][..], b"host_tuning"].concat();
    let cases = [
        (flipped(*constant, 4), "a constant that is not what its relocation says"),
        (flipped(*access, 4), "a constant that is not what its relocation says"),
        (flipped(*word, 4), "a word of data that is not what its relocation says"),
        (retyped(*constant_entry, 4, 11), "a relocation of type MemoryAddrRelSleb"),
        (retyped(*access_entry, 3, 21), "a relocation of type MemoryAddrTlsSleb"),
        (retyped(*word_entry, 5, 23), "a relocation of type MemoryAddrLocrelI32"),
        (retyped(*word_entry, 5, 4), "a relocation of type MemoryAddrSleb"),
        (flipped(*constant_entry + 1, 1), "no constant of linear memory's address"),
        (flipped(linking.start, 1), "a damaged or second section linking"),
        (replaced(&wasm, linking.clone(), &weak, &strong), "host_tuning, which is not defined,"),
        (replaced(&wasm, linking, b"__stack_pointer", b"__stack_painter"), "which may begin with an address"),
    ];
    let out = folder.path().join("out.o");
    for (number, (wasm, expected)) in cases.iter().enumerate() {
        let module = folder.write("changed.wasm", wasm).expect("written");
        let (status, said) = synth(&[&["compile", text(&module), "-o", text(&out)], &BASE[..]].concat());
        assert_eq!(status, Some(2), "{number}: {said}");
        assert!(said.contains(expected), "{number}: {expected}: {said}");
        assert!(said.contains("link with wasm-ld --emit-relocs") && !out.exists(), "{number}: {said}");
    }
    // Without the contract nobody asks.
    let module = folder.write("changed.wasm", &cases[3].0).expect("written");
    must(env!("CARGO_BIN_EXE_synth"), &["compile", text(&module), "-o", text(&out)]);
    std::fs::remove_file(&out).expect("written");
    let trampoline = ["--marshal", "record_fill:0=none.toml", "--marshal-source", "none.c"];
    let (status, said) = synth(&[&["compile", text(&module), "-o", text(&out)], &BASE[..], &trampoline].concat());
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("cannot be used with") && !out.exists(), "{said}");
}
