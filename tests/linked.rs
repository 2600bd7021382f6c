//! Objects in linked images: real linkers put every program of the corpus into an image, whose bytes are proved; and images in which
//! something was changed after linking are refused. Also what linkers do with objects: sections left out, symbols bound and hidden,
//! partial links, archives, stripped files, floating-point conventions that do not fit.

mod support;

use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::packages;
use synth::object_writer::{ExportBinding, SymbolOptions};
use synth::pass::Level;
use synth::pipeline::{Compiled, Options, compile};
use synth::simulator::board::Folder;
use synth_validator::arm::linked;
use synth_validator::check_command;
use synth_validator::claim::Claim;
use synth_validator::contract::MemoryOwner;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::prove_all;
use synth_validator::validate::{Session, Verdict};

const GCC: &str = "arm-none-eabi-gcc";
const CPU: [&str; 3] = ["-mcpu=cortex-m4", "-mthumb", "-nostartfiles"];

fn corpus(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm").join(format!("{name}.wasm"));
    std::fs::read(path).expect("a program of the corpus")
}

/// Runs a tool. Result: whether it succeeded, and what it said.
fn run(program: &str, args: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn must(program: &str, args: &[&str]) {
    let (good, said) = run(program, args);
    assert!(good, "{program} {args:?}: {said}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// An assembler source that defines what the module imports, and an entry that needs all exports.
fn host(compiled: &Compiled) -> String {
    let module = &compiled.module;
    let mut source = String::from(".syntax unified\n.thumb\n");
    let mut seen = BTreeSet::new();
    for import in module.functions.iter().filter_map(|f| f.import.as_ref()) {
        let symbol = module.import_symbol(import);
        if seen.insert(symbol.clone()) {
            let _ = write!(source, ".text\n.global {symbol}\n.type {symbol}, %function\n{symbol}: bx lr\n");
        }
    }
    for import in module.globals.iter().filter_map(|g| g.import.as_ref()) {
        let symbol = module.import_symbol(import);
        if seen.insert(symbol.clone()) {
            let _ = write!(source, ".data\n.global {symbol}\n{symbol}: .space 64\n");
        }
    }
    source.push_str(".text\n.global _start\n.type _start, %function\n_start: bx lr\n");
    source
}

/// A folder with an object and the objects of its host.
struct Bench {
    folder: Folder,
    module: Vec<u8>,
    compiled: Compiled,
    object: PathBuf,
    host: PathBuf,
}

fn bench(module: Vec<u8>, options: &Options) -> Bench {
    let folder = Folder::new().expect("a folder");
    let compiled = compile(&module, options).expect("compiles");
    let object = folder.write("module.o", &compiled.object).expect("written");
    let source = folder.write("host.S", host(&compiled).as_bytes()).expect("written");
    let host = folder.path().join("host.o");
    must(GCC, &[&CPU[..], &["-c", text(&source), "-o", text(&host)]].concat());
    Bench { folder, module, compiled, object, host }
}

impl Bench {
    /// Links with the compiler driver, which brings run-time helpers.
    fn image(&self, options: &[&str]) -> Vec<u8> {
        let out = self.folder.path().join("image.elf");
        let files = [text(&self.object), text(&self.host), "-lc", "-lgcc", "-o", text(&out)];
        must(GCC, &[&CPU[..], &["-Wl,--no-warn-rwx-segments"], options, &files].concat());
        std::fs::read(out).expect("an image")
    }
    /// Links with LLVM's linker.
    fn lld(&self, options: &[&str]) -> Vec<u8> {
        let out = self.folder.path().join("image.elf");
        let library = run(GCC, &[&CPU[..], &["-print-libgcc-file-name"]].concat()).1;
        let libc = run(GCC, &[&CPU[..], &["-print-file-name=libc.a"]].concat()).1;
        let files = [text(&self.object), text(&self.host), libc.trim(), library.trim(), "-o", text(&out)];
        must("ld.lld-19", &[options, &files].concat());
        std::fs::read(out).expect("an image")
    }
    fn verdict(&self, image: &[u8]) -> Result<usize, String> {
        verdict(&self.module, image, None)
    }
}

/// The number of functions proved, or what stands against it.
fn verdict(module: &[u8], image: &[u8], claim: Option<Claim>) -> Result<usize, String> {
    let session = Session::new(module, image, claim, Limits::default()).map_err(|e| e.to_string())?;
    match session.image() {
        Verdict::Proved => {}
        other => return Err(format!("image: {}: {}", other.name(), other.detail())),
    }
    let reports = prove_all(&session, 2, &|_| {});
    match reports.iter().find(|r| r.report.verdict != Verdict::Proved) {
        Some(bad) => {
            Err(format!("{}: {}: {}", bad.report.name, bad.report.verdict.name(), bad.report.verdict.detail()))
        }
        None => Ok(reports.len()),
    }
}

/// Covers TOR-CLAUSE-LINKED.
#[test]
fn the_corpus_is_proved_in_linked_images() {
    let names = packages::corpus();
    let (mut images, mut functions) = (0, 0);
    for (number, path) in names.iter().enumerate() {
        let options = Options {
            level: Level::Os,
            memory_pages_max: Some(32),
            literal_pools: number % 2 == 0,
            ..Options::default()
        };
        let bench = bench(std::fs::read(path).expect("readable"), &options);
        // Far from the host's functions: the linker makes veneers for calls.
        let far = ["-Wl,-Ttext=0x08000000", "-Wl,-Tdata=0x20000000", "-Wl,--section-start=.host=0x60000000"];
        let image = match number % 3 {
            0 => bench.image(&far),
            1 => bench.image(&[]),
            _ => bench.lld(&["--image-base=0x8000000"]),
        };
        let proved = bench.verdict(&image).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(proved, bench.compiled.functions.iter().filter(|f| is_of_module(f.index, &bench)).count());
        images += 1;
        functions += proved;
    }
    println!("{images} images, {functions} functions proved");
    assert!(images >= 40 && functions > 400);
}

fn is_of_module(index: u32, bench: &Bench) -> bool {
    (index as usize) < bench.compiled.module.functions.len()
}

/// A file offset of an address in an image.
fn place(image: &[u8], address: u64) -> usize {
    let file = object::File::parse(image).expect("an image");
    let holds = |s: &object::Section| (s.address()..s.address() + s.size()).contains(&address) && s.address() != 0;
    let section = file.sections().find(holds).expect("a section there");
    let (start, _) = section.file_range().expect("in the file");
    (start + address - section.address()) as usize
}

/// Address, without the Thumb bit, and size of a symbol.
fn symbol(image: &[u8], name: &str) -> (u64, u64) {
    let file = object::File::parse(image).expect("an image");
    let found = file.symbols().find(|s| s.name() == Ok(name)).unwrap_or_else(|| panic!("no {name}"));
    (found.address() & !1, found.size())
}

fn word(image: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(image[at..at + 4].try_into().expect("four bytes"))
}

/// The image with a word changed.
fn changed(image: &[u8], at: usize, change: impl Fn(u32) -> u32) -> Vec<u8> {
    let mut new = image.to_vec();
    let word = change(word(image, at));
    new[at..at + 4].copy_from_slice(&word.to_le_bytes());
    assert_ne!(new, image);
    new
}

/// An address in the image of a field of a function, by number of those of a kind.
fn field(bench: &Bench, image: &[u8], function: &str, kind: &str, number: usize) -> usize {
    let sites = bench.compiled.claim.linkage.sites.get(function).unwrap_or_else(|| panic!("no fields in {function}"));
    let mut of_kind = sites.iter().filter(|s| format!("{:?}", s.relocation.kind) == kind);
    let site = of_kind.nth(number).unwrap_or_else(|| panic!("no {kind} in {function}"));
    place(image, symbol(image, function).0 + u64::from(site.offset))
}

fn refused(bench: &Bench, image: &[u8], what: &str, expected: &str) {
    match bench.verdict(image) {
        Ok(n) => panic!("{what}: {n} functions proved"),
        Err(why) => assert!(why.contains(expected), "{what}: {why}"),
    }
}

const GIVE: &str = "__synth_f8";

/// Covers TOR-CLAUSE-LINKED, TOR-CLAUSE-RELOCATIONS.
#[test]
fn what_was_changed_after_linking_is_refused() {
    let bench = bench(corpus("semaphore"), &Options::default());
    let image = bench.image(&[]);
    assert_eq!(bench.verdict(&image), Ok(7));
    let held = "does not hold what";
    let call = field(&bench, &image, GIVE, "ThmCall", 0);
    // The low bits of `imm11`: two bytes further, and to another function of the host.
    refused(&bench, &changed(&image, call, |w| w ^ 1 << 16), "a call goes elsewhere", held);
    let there = symbol(&image, "irq_unlock").0 as i64 - symbol(&image, "irq_lock").0 as i64;
    refused(
        &bench,
        &changed(&image, call, |w| w.wrapping_add((there as u32 / 2) << 16)),
        "another function is called",
        held,
    );
    let literal = field(&bench, &image, GIVE, "Abs32", 0);
    refused(&bench, &changed(&image, literal, |w| w + 4), "another address", held);
    refused(&bench, &changed(&image, literal, |w| w ^ 1), "an odd address", held);
    let give = place(&image, symbol(&image, GIVE).0);
    let size = symbol(&image, GIVE).1 as usize;
    // Every halfword of the function, with its lowest bit changed: an instruction, a field, or a literal.
    let mut noticed = 0;
    for at in (give..give + size - 2).step_by(2) {
        let new = changed(&image, at, |w| w ^ 1);
        assert!(bench.verdict(&new).is_err(), "{:#x}", at - give);
        noticed += 1;
    }
    assert!(noticed > 40);
}

/// Proofs count on the capacity, and on a multiple of 8.
///
/// Covers TOR-CLAUSE-IMAGE.
#[test]
fn a_host_that_defines_too_little_memory_is_refused() {
    let bench = bench(corpus("semaphore"), &Options { memory: MemoryOwner::Extern, ..Options::default() });
    let memory = |place: &str, bytes: u32| {
        let assembly = format!(
            ".section .bss.memory, \"aw\", %nobits\n.balign 64\n{place}\n.global __linear_memory_base\n.type __linear_memory_base, %object\n\
             .size __linear_memory_base, {bytes}\n__linear_memory_base: .skip {bytes}\n"
        );
        let source = bench.folder.write("memory.S", assembly.as_bytes()).expect("written");
        let object = bench.folder.path().join("memory.o");
        must(GCC, &[&CPU[..], &["-c", text(&source), "-o", text(&object)]].concat());
        bench.verdict(&bench.image(&[text(&object)]))
    };
    let capacity = bench.compiled.claim.contract.capacity_bytes;
    assert_eq!(memory("", capacity), Ok(7));
    assert_eq!(memory("", capacity + 64), Ok(7));
    for (place, bytes, what) in
        [("", 16, "capacity"), (".skip 2", capacity, "aligned"), (".skip 4", capacity, "aligned")]
    {
        let refused = memory(place, bytes).expect_err("it is not enough");
        assert!(refused.contains("__linear_memory_base") && refused.contains(what), "{refused}");
    }
    // A number that the linker is told says nothing of what is there.
    let told = bench.image(&["-Wl,--defsym=__linear_memory_base=0x20001000"]);
    assert!(bench.verdict(&told).expect_err("it has no size").contains("is in no section of the image"));
}

/// Covers TOR-CLAUSE-LINKED, TOR-CLAUSE-IMAGE.
#[test]
fn changed_data_of_an_image_is_refused() {
    let bench = bench(corpus("tables"), &Options { literal_pools: false, ..Options::default() });
    let image = bench.image(&[]);
    let proved = bench.verdict(&image).expect("proved");
    assert!(proved > 3);
    let table = place(&image, symbol(&image, "__synth_table0").0);
    let entry = (0..8).map(|n| table + 8 * n).find(|at| word(&image, *at) != 0).expect("an entry");
    refused(&bench, &changed(&image, entry + 4, |w| w & !1), "an entry without Thumb bit", "does not hold what");
    refused(&bench, &changed(&image, entry + 4, |w| w + 4), "an entry into a function", "does not hold what");
    refused(&bench, &changed(&image, entry, |w| w + 1), "a type word", "image: Refuted");
    let (name, _) = bench
        .compiled
        .claim
        .linkage
        .sites
        .iter()
        .find(|(_, s)| s.iter().any(|s| format!("{:?}", s.relocation.kind) == "ThmMovw"))
        .expect("a movw");
    for kind in ["ThmMovw", "ThmMovt"] {
        let at = field(&bench, &image, name, kind, 0);
        refused(&bench, &changed(&image, at, |w| w ^ 1 << 16), kind, "does not hold what");
    }
}

/// Covers TOR-CLAUSE-LINKED, TOR-INPUT-CLAIM.
#[test]
fn a_claim_cannot_lie_about_fields() {
    let bench = bench(corpus("semaphore"), &Options { literal_pools: false, ..Options::default() });
    let image = bench.image(&[]);
    let claim = || linked::claim(&image, &bench.module).expect("a claim");
    assert_eq!(verdict(&bench.module, &image, Some(claim())), Ok(7));
    // Without its fields an address is a number that the module knows nothing of.
    let mut silent = claim();
    silent.linkage.sites.remove(GIVE);
    assert!(verdict(&bench.module, &image, Some(silent)).is_err());
    // Every field, with another symbol or another addend.
    for number in 0..claim().linkage.sites[GIVE].len() {
        let mut lie = claim();
        let site = &mut lie.linkage.sites.get_mut(GIVE).expect("fields")[number];
        site.addend ^= 4;
        // A high half may be the same with another addend: then it does not go with the low one.
        assert!(verdict(&bench.module, &image, Some(lie)).is_err());
        let mut lie = claim();
        let other = lie.linkage.sites[GIVE]
            .iter()
            .map(|s| s.relocation.target)
            .find(|t| *t != claim().linkage.sites[GIVE][number].relocation.target);
        lie.linkage.sites.get_mut(GIVE).expect("fields")[number].relocation.target = other.expect("two targets");
        // The high halves of two addresses may be the same: then the low one is a lie, or the proof fails.
        assert!(verdict(&bench.module, &image, Some(lie)).is_err());
    }
}

/// Covers TOR-CLAUSE-VENEERS.
#[test]
fn veneers_are_followed_and_changed_ones_refused() {
    let bench = bench(corpus("semaphore"), &Options::default());
    let far = bench.folder.path().join("far.ld");
    let script = "SECTIONS { .text 0x8000 : { *module.o(.text*) } .rodata : { *(.rodata*) } .host 0x10000000 : { *host.o(.text) }\n\
        .data 0x20000000 : { *(.data*) } .bss : { *(.bss*) } }";
    std::fs::write(&far, script).expect("written");
    let images = [bench.image(&["-T", text(&far)]), bench.lld(&["-T", text(&far)])];
    for image in images {
        assert_eq!(bench.verdict(&image), Ok(7));
        // The veneer is where the first call of the host's `irq_lock` goes.
        let call = field(&bench, &image, GIVE, "ThmCall", 0);
        let w = word(&image, call);
        let (first, second) = (w & 0xffff, w >> 16);
        let offset = (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
        assert!(first & 0x400 == 0, "veneers lie behind");
        let site = symbol(&image, GIVE).0 + u64::from(bench.compiled.claim.linkage.sites[GIVE][0].offset);
        let veneer = place(&image, site + 4 + u64::from(offset));
        let length = if word(&image, veneer) == 0xf000_f85f { 8 } else { 10 };
        for at in (0..length).step_by(2) {
            let new = changed(&image, veneer + at, |w| w ^ 4);
            refused(&bench, &new, &format!("byte {at} of a veneer"), "does not hold what");
        }
    }
}

/// Covers TOR-CLAUSE-LINKED, TOR-CLAUSE-EXPORTS.
#[test]
fn symbols_of_an_image_that_lie_are_refused() {
    let bench = bench(corpus("semaphore"), &Options::default());
    let image = bench.image(&[]);
    let move_symbol = |name: &str, to: &str| {
        let out = bench.folder.path().join("moved.elf");
        let source = bench.folder.write("image2.elf", &image).expect("written");
        let value = symbol(&image, to).0 | 1;
        must(
            "arm-none-eabi-objcopy",
            &[
                "--strip-symbol",
                name,
                "--add-symbol",
                &format!("{name}=.text:{:#x},function,global", value - text_start(&image)),
                text(&source),
                text(&out),
            ],
        );
        std::fs::read(out).expect("an image")
    };
    let moved = move_symbol("k_sem_give", "k_sem_take");
    assert!(bench.verdict(&moved).is_err());
    let strip = |options: &[&str]| {
        let out = bench.folder.path().join("stripped.elf");
        let source = bench.folder.write("image2.elf", &image).expect("written");
        must("arm-none-eabi-strip", &[options, &["-o", text(&out), text(&source)]].concat());
        std::fs::read(out).expect("an image")
    };
    assert_eq!(bench.verdict(&strip(&["--strip-debug"])), Ok(7));
    refused(&bench, &strip(&["--strip-all"]), "no symbols", "were local symbols stripped");
    refused(&bench, &strip(&["--remove-section=.synth.witness"]), "no claim", "no section .synth.witness");
    let other = corpus("mutex");
    assert!(
        verdict(&other, &image, None)
            .is_err_and(|e| e.contains("no object in the image was compiled from this module"))
    );
}

fn text_start(image: &[u8]) -> u64 {
    object::File::parse(image).expect("an image").section_by_name(".text").expect("code").address()
}

/// `synth-check` and the package of evidence name what is not there, and offer it to nobody.
fn what_is_left_out_is_told(bench: &Bench, image: &[u8]) {
    let [module, elf, certificate, package] =
        ["m.wasm", "image.elf", "certificate", "package"].map(|name| bench.folder.path().join(name));
    std::fs::write(&module, &bench.module).expect("written");
    std::fs::write(&elf, image).expect("written");
    let (module, image, certificate, package) = (text(&module), text(&elf), text(&certificate), text(&package));
    let synth = env!("CARGO_BIN_EXE_synth");
    must(synth, &["validate", module, image, "--certificate", certificate]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = [certificate, module, image].map(std::ffi::OsString::from);
    assert_eq!(check_command::run(&arguments, &mut out, &mut err), 0, "{}", String::from_utf8_lossy(&err));
    let said = String::from_utf8(out).expect("text");
    let line = said.lines().find(|line| line.starts_with("not in the image")).expect("told");
    assert!(line.contains("k_sem_give") && !line.contains("k_sem_count"), "{line}");
    must(synth, &["report", "module", module, image, "-o", package]);
    let file = |name: &str| std::fs::read_to_string(Path::new(package).join(name)).expect("a file of the package");
    let value = |name: &str| serde_json::from_str::<serde_json::Value>(&file(name)).expect("JSON");
    let exports = value("assumptions.json")["exports"].to_string();
    assert!(exports.contains("k_sem_count") && !exports.contains("k_sem_give"), "{exports}");
    assert!(value("evidence.json")["left_out"].to_string().contains("k_sem_give"));
    for folder in [certificate, package] {
        std::fs::remove_dir_all(folder).expect("removed");
    }
}

/// Covers TOR-CLAUSE-LEFTOUT.
#[test]
fn unused_functions_are_left_out() {
    let bench = bench(corpus("semaphore"), &Options::default());
    for image in [
        bench.image(&["-Wl,--gc-sections", "-Wl,-u,k_sem_count", "-Wl,-e,_start"]),
        bench.lld(&["--gc-sections", "-u", "k_sem_count", "-e", "_start"]),
    ] {
        assert_eq!(bench.verdict(&image), Ok(1));
        let file = object::File::parse(&*image).expect("an image");
        assert!(file.symbols().all(|s| s.name() != Ok("k_sem_give")));
        what_is_left_out_is_told(&bench, &image);
    }
}

#[test]
fn two_objects_fit_into_one_image() {
    let private = SymbolOptions { private_data: true, ..SymbolOptions::default() };
    let options = Options { symbols: private, ..Options::default() };
    let (semaphore, mutex) = (bench(corpus("semaphore"), &options), bench(corpus("mutex"), &options));
    let rename = semaphore.folder.path().join("mutex-host.o");
    std::fs::copy(&mutex.host, &rename).expect("copied");
    let out = semaphore.folder.path().join("two.elf");
    let objects = [text(&semaphore.object), text(&mutex.object), text(&semaphore.host), text(&rename)];
    // Both hosts define the same functions.
    must(GCC, &[&CPU[..], &["-Wl,--allow-multiple-definition"], &objects, &["-o", text(&out)]].concat());
    let image = std::fs::read(&out).expect("an image");
    assert_eq!(semaphore.verdict(&image), Ok(7));
    assert!(mutex.verdict(&image).is_ok_and(|n| n > 3));
    // With global data they clash, which the linker says.
    let shared = bench(corpus("mutex"), &Options::default());
    let plain = bench(corpus("semaphore"), &Options::default());
    let objects = [text(&plain.object), text(&shared.object), text(&plain.host)];
    let (good, said) = run("arm-none-eabi-ld", &[&objects[..], &["-o", text(&out)]].concat());
    assert!(!good && said.contains("multiple definition of `__linear_memory_base'"), "{said}");
}

#[test]
fn objects_survive_what_build_systems_do_to_them() {
    let bench = bench(corpus("semaphore"), &Options::default());
    let folder = bench.folder.path();
    let (partial, archive, copy) = (folder.join("partial.o"), folder.join("lib.a"), folder.join("copy.o"));
    must("arm-none-eabi-ld", &["-r", text(&bench.object), "-o", text(&partial)]);
    assert_eq!(bench.verdict(&std::fs::read(&partial).expect("reads")), Ok(7));
    must("ld.lld-19", &["-r", text(&bench.object), "-o", text(&partial)]);
    assert_eq!(bench.verdict(&std::fs::read(&partial).expect("reads")), Ok(7));
    for (tool, options) in [("arm-none-eabi-strip", &["--strip-debug"][..]), ("arm-none-eabi-objcopy", &[])] {
        let out = if options.is_empty() {
            vec![text(&bench.object), text(&copy)]
        } else {
            vec!["-o", text(&copy), text(&bench.object)]
        };
        must(tool, &[options, &out].concat());
        assert_eq!(bench.verdict(&std::fs::read(&copy).expect("reads")), Ok(7), "{tool}");
    }
    must("arm-none-eabi-ar", &["rcs", text(&archive), text(&bench.object)]);
    let image = folder.join("image.elf");
    let files = ["-Wl,-u,k_sem_give", text(&bench.host), text(&archive), "-o", text(&image)];
    must(GCC, &[&CPU[..], &files].concat());
    assert_eq!(bench.verdict(&std::fs::read(&image).expect("reads")), Ok(7));
}

/// Covers TOR-CLAUSE-EXPORTS, TOR-CONTRACT-NAMES.
#[test]
fn exports_are_weak_or_hidden_on_request() {
    let with = |exports| {
        let symbols = SymbolOptions { exports, ..SymbolOptions::default() };
        bench(corpus("semaphore"), &Options { symbols, ..Options::default() })
    };
    let weak = with(ExportBinding::Weak);
    assert_eq!(weak.verdict(&weak.compiled.object), Ok(7));
    assert_eq!(weak.verdict(&weak.image(&[])), Ok(7));
    let file = object::File::parse(&*weak.compiled.object).expect("an object");
    assert!(file.symbols().any(|s| s.name() == Ok("k_sem_give") && s.is_weak()));
    // Another definition takes the export's place, which is then not what the module says.
    let over = weak.folder.write(
        "over.S",
        b".syntax unified\n.thumb\n.global k_sem_give\n.type k_sem_give, %function\nk_sem_give: bx lr\n",
    );
    let over = over.expect("written");
    let image = weak.image(&[text(&over)]);
    refused(&weak, &image, "an export from elsewhere", "k_sem_give");
    let hidden = with(ExportBinding::Hidden);
    assert_eq!(hidden.verdict(&hidden.image(&[])), Ok(7));
    let file = object::read::elf::ElfFile32::<object::Endianness>::parse(&*hidden.compiled.object).expect("an object");
    let give = file.symbols().find(|s| s.name() == Ok("k_sem_give")).expect("there");
    assert!(
        matches!(give.flags(), object::SymbolFlags::Elf { st_other, .. } if st_other.0 & 3 == 2),
        "{:?}",
        give.flags()
    );
}

/// Covers TOR-CONTRACT-NAMES.
#[test]
fn imports_have_a_prefix_and_are_recorded() {
    let bench = bench(corpus("semaphore"), &Options { import_prefix: "port_".to_string(), ..Options::default() });
    assert_eq!(bench.verdict(&bench.image(&[])), Ok(7));
    let file = object::File::parse(&*bench.compiled.object).expect("an object");
    assert!(file.symbols().any(|s| s.name() == Ok("port_irq_lock") && s.is_undefined()));
    let recorded = file.section_by_name(".synth.imports").expect("a record").data().expect("bytes");
    assert!(String::from_utf8_lossy(recorded).split('\0').any(|line| line == "port_irq_lock=env.irq_lock"));
    // The prefix is part of the contract: under another one these symbols are not the imports.
    let mut claim = bench.compiled.claim.clone();
    claim.contract.import_prefix = "other_".to_string();
    let why = verdict(&bench.module, &bench.compiled.object, Some(claim)).expect_err("another prefix");
    assert!(why.contains("port_irq_lock"), "{why}");
}

#[test]
fn headers_are_c_and_floating_point_conventions_must_fit() {
    let source = r#"(module
        (import "env" "scale" (func $scale (param f32 f64) (result f32)))
        (import "env" "log.line" (func $log (param i64 i32) (result i64)))
        (memory (export "memory") 1)
        (global $g (mut i32) (i32.const 7))
        (func $start (global.set $g (i32.const 9)))
        (start $start)
        (func (export "filter") (param f32 f64) (result f32) (call $scale (local.get 0) (local.get 1)))
        (func (export "int") (param i32 i64) (result i64) (call $log (local.get 1) (local.get 0)))
        (func (export "two") (result i32 i32) i32.const 1 global.get $g)
        (func (export "many") (result i32 i64 i32 i32) i32.const 1 i64.const 2 i32.const 3 i32.const 4)
        (func (export "a */ b") (result i32) i32.const 1)
        (func (export "UINT32_MAX") (result i32) i32.const 2)
        (func (export "uint8_t") (result i32) i32.const 3)
        (func (export "synth_words") (result i32) i32.const 4)
        (func (export "") (param i32)))"#;
    let folder = Folder::new().expect("a folder");
    let wat = folder.write("module.wat", source.as_bytes()).expect("written");
    let (object, header) = (folder.path().join("module.o"), folder.path().join("module.h"));
    must(env!("CARGO_BIN_EXE_synth"), &["--validate", text(&wat), "-o", text(&object), "--emit-header", text(&header)]);
    let host = r#"#include "module.h"
        float scale(float x, double y) { return x + (float)y; }
        uint64_t synth_log_line(uint64_t x, uint32_t y) { return x + y + __synth_memory_bytes; }
        void _start(void) { __synth_instance_init(); (void)filter(1, 2); (void)two(); (void)synth_int(1, 2); (void)(synth_UINT32_MAX() + synth_uint8_t() + synth_synth_words()); __synth_export_(1); __linear_memory_base[0] = 1; }
    "#;
    let host = folder.write("host.c", host.as_bytes()).expect("written");
    let compiled = folder.path().join("host.o");
    let strict = ["-Wall", "-Wextra", "-Werror", "-c", text(&host), "-o", text(&compiled)];
    must(
        "arm-none-eabi-g++",
        &["-mcpu=cortex-m4", "-mthumb", "-Wall", "-Werror", "-x", "c++", "-fsyntax-only", text(&header)],
    );
    must("clang-19", &[&["--target=thumbv7em-none-eabi", "-ffreestanding"][..], &strict].concat());
    let image = folder.path().join("image.elf");
    let link = |host: &Path, object: &Path| {
        let files = [text(host), text(object), "-lgcc", "-o", text(&image)];
        run(GCC, &[&CPU[..], &files].concat())
    };
    must(GCC, &[&CPU[..], &strict].concat());
    let (good, said) = link(&compiled, &object);
    assert!(good, "{said}");
    let module = wat::parse_str(source).expect("text");
    assert_eq!(verdict(&module, &std::fs::read(&image).expect("reads"), None), Ok(10));
    // A host that passes floating-point numbers in other registers.
    let hard = ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
    must(GCC, &[&CPU[..], &hard, &strict].concat());
    let (good, said) = run("arm-none-eabi-ld", &[text(&compiled), text(&object), "-o", text(&image)]);
    assert!(!good && said.contains("uses VFP register arguments"), "{said}");
    let (good, said) = run("ld.lld-19", &[text(&compiled), text(&object), "-o", text(&image)]);
    assert!(!good && said.contains("Tag_ABI_VFP_args"), "{said}");
    // Without such numbers at its border an object fits every host.
    let plain = bench(corpus("semaphore"), &Options::default());
    let floats = folder.write("floats.c", b"float half(float x) { return x / 2; }\n").expect("written");
    must(GCC, &[&CPU[..], &hard, &["-c", text(&floats), "-o", text(&compiled)]].concat());
    must("arm-none-eabi-ld", &[text(&compiled), text(&plain.object), text(&plain.host), "-o", text(&image)]);
    must("ld.lld-19", &[text(&compiled), text(&plain.object), text(&plain.host), "-o", text(&image)]);
}
