//! Host addresses: a C host that keeps its own objects and passes pointers to them, on the emulated core; the host's variables read and
//! written by name; where the annotation comes from; what is refused; and faults in such code that the validator has to notice.

#[path = "native/forged.rs"]
mod forged;
#[path = "native/statics.rs"]
mod statics;
mod support;
#[path = "native/trampolines.rs"]
mod trampolines;

use std::path::Path;
use std::process::Command;
use support::proofs::{deep, verdict};
use support::tamper::{Subject, drop_insts, insts};
use synth::error::CompileError;
use synth::native::{Remark, Request};
use synth::pipeline::{Options, compile};
use synth::simulator::board::Folder;
use synth_validator::contract::{Bounds, Native};
use synth_validator::domain::{Space, Width};
use synth_validator::ir::{Op, Type};
use synth_validator::validate::Verdict;

const BOUNDS: [&str; 3] = ["software", "none", "mask"];

/// Runs a tool. Result: its status, and what it said.
fn run(program: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn must(program: &str, args: &[&str]) -> String {
    let (status, said) = run(program, args);
    assert_eq!(status, Some(0), "{program} {args:?}: {said}");
    said
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn synth(args: &[&str]) -> (Option<i32>, String) {
    run(env!("CARGO_BIN_EXE_synth"), args)
}

fn source(name: &str) -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native").join(name)).to_string()
}

/// A library as a module.
fn library(folder: &Folder, name: &str, link: &[&str]) -> String {
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let (object, module) = (path("library.o"), path("library.wasm"));
    let options = ["--target=wasm32", "-O2", "-nostdlib", "-ffreestanding", "-Wall", "-Werror", "-c"];
    must("clang-19", &[&options[..], &[&source(name), "-o", &object]].concat());
    must("wasm-ld-19", &[&["--no-entry", "-z", "stack-size=1024", &object, "-o", &module], link].concat());
    module
}

/// A source as an object of the host.
fn host(folder: &Folder, source: &str) -> String {
    let name = Path::new(source).with_extension("host.o");
    let object = text(&folder.path().join(name.file_name().expect("a name"))).to_string();
    let kernel_h = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native")).to_string();
    let options = ["-mcpu=cortex-m4", "-mthumb", "-O1", "-ffreestanding", "-Wall", "-Werror", "-I", &kernel_h, "-c"];
    must("arm-none-eabi-gcc", &[&options[..], &[source, "-o", &object]].concat());
    object
}

/// Makes an image, proved as it is linked, and runs it. Result: what it printed, and its status.
fn boot(module: &str, object: &str, image: &str, options: &[&str]) -> (String, Option<i32>) {
    let linked = ["--image", "--board", "mps2-an386", "--link", object];
    let (status, said) = synth(&[&["compile", "--validate", module, "-o", image], &linked[..], options].concat());
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("A-LOAD"), "{said}");
    assert_eq!(said.contains("A-NATIVE("), !options.contains(&"--marshal-source"), "{said}");
    let console = ["-semihosting-config", "enable=on,target=native", "-monitor", "none", "-serial", "none"];
    let machine = ["-M", "mps2-an386", "-nographic", "-kernel", image];
    let (status, printed) = run("qemu-system-arm", &[&machine[..], &console].concat());
    (printed, status)
}

const POINTERS: [&str; 8] = [
    "--native-pointer=sem_init:0",
    "--native-pointer=sem_give:0",
    "--native-pointer=sem_take:0",
    "--native-pointer=sem_given:0",
    "--native-pointer=samples_mean:0",
    "--native-pointer=samples_mean:2",
    "--native-pointer=bytes_sum:0",
    "--memory-pages=2",
];

#[test]
fn a_host_keeps_its_objects() {
    let folder = Folder::new().expect("a folder");
    let (module, object) = (library(&folder, "kernel.c", &[]), host(&folder, &source("main.c")));
    let image = folder.path().join("image.elf");
    for (bounds, level) in BOUNDS.iter().zip(["-O2", "-Os", "-O1"]) {
        let options = [&POINTERS[..], &["--bounds", bounds, level]].concat();
        let (printed, status) = boot(&module, &object, text(&image), &options);
        assert_eq!((printed.as_str(), status), ("all as expected\n", Some(0)), "{bounds}");
    }
    // Without the annotation the same pointers are offsets in linear memory: the library traps on the first of them.
    let linked = ["--image", "--board", "mps2-an386", "--link", &object];
    must(env!("CARGO_BIN_EXE_synth"), &[&["compile", &module, "-o", text(&image)], &linked[..]].concat());
    let console = ["-semihosting-config", "enable=on,target=native", "-monitor", "none", "-serial", "none"];
    let machine = ["-M", "mps2-an386", "-nographic", "-kernel", text(&image)];
    let (_, printed) = run("qemu-system-arm", &[&machine[..], &console].concat());
    assert!(printed.contains("trap: out-of-bounds-memory"), "{printed}");
}

#[test]
fn with_the_base_at_0_every_pointer_is_the_hosts() {
    let folder = Folder::new().expect("a folder");
    let module = library(&folder, "records.c", &[]);
    let object = host(&folder, &source("lists.c"));
    let image = folder.path().join("image.elf");
    let (printed, status) = boot(&module, &object, text(&image), &["--linear-memory-base", "0"]);
    assert_eq!((printed.as_str(), status), ("all as expected\n", Some(0)));
    // A module with data or a stack of its own is refused if it does not say which numbers are addresses there.
    let module = library(&folder, "kernel.c", &[]);
    let out = folder.path().join("module.o");
    let (status, said) = synth(&["compile", &module, "-o", text(&out), "--linear-memory-base", "0"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("data, and no section linking that says which numbers are its addresses"), "{said}");
    assert!(said.contains("link with wasm-ld --emit-relocs") && !out.exists(), "{said}");
    let stack = r#"(module (memory 1) (global $sp (mut i32) (i32.const 1024))
        (func (export "f") (result i32) (i32.load (i32.sub (global.get $sp) (i32.const 16)))))"#;
    let module = folder.write("stack.wat", stack.as_bytes()).expect("written");
    let (status, said) = synth(&["compile", text(&module), "-o", text(&out), "--linear-memory-base", "0"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("global 0, which may begin with an address") && !out.exists(), "{said}");
}

/// Bytes of the code section of a symbol's own, or of the whole text.
fn code_bytes(object: &Path) -> u32 {
    let said = must("arm-none-eabi-size", &["-A", text(object)]);
    let sections = said.lines().filter(|l| l.starts_with(".text"));
    sections.map(|l| l.split_whitespace().nth(1).and_then(|n| n.parse::<u32>().ok()).expect("a size")).sum()
}

/// The figures of `docs/abi.md`: one function under each contract, and by clang from the same source.
#[test]
fn what_each_contract_costs() {
    let folder = Folder::new().expect("a folder");
    let module = library(&folder, "give.c", &[]);
    let path = |name: &str| folder.path().join(name);
    let description = std::fs::read_to_string(source("sem.toml")).expect("there").replace("\"sem_copy\"", "2048");
    let description = folder.write("sem.toml", description.as_bytes()).expect("written");
    let (marshal, trampolines) = (format!("--marshal=sem_give:0={}", text(&description)), path("trampolines.c"));
    let contracts = [
        ("native pointer", vec!["--native-pointer=sem_give:0"]),
        ("base at 0", vec!["--linear-memory-base=0"]),
        ("on a copy", vec![&*marshal, "--marshal-source", text(&trampolines)]),
    ];
    let out = path("give.o");
    for (name, options) in contracts {
        let compile = [&["compile", "--validate", &module, "-o", text(&out)], &options[..]].concat();
        assert_eq!(synth(&compile).0, Some(0));
        println!("{name}: {} bytes", code_bytes(&out));
    }
    let native = ["-O2", "-ffreestanding", "-c", "-o", text(&out)];
    let headers = ["-I", &*source("")];
    let gcc = ["-mcpu=cortex-m4", "-mthumb", text(&trampolines)];
    must("arm-none-eabi-gcc", &[&gcc[..], &native, &headers].concat());
    println!("the copy's trampoline, by gcc -O2: {} bytes", code_bytes(&out));
    let (target, give) = ("--target=thumbv7em-none-eabi", source("give.c"));
    must("clang-19", &[&[target, "-mcpu=cortex-m4", "-fomit-frame-pointer", &give][..], &native].concat());
    println!("clang -O2 from the same source: {} bytes", code_bytes(&out));
}

/// A module that counts in the host's variable, and keeps a copy of its own.
const TICKS: &str = r#"(module
    (import "env" "host_ticks" (global $ticks i32))
    (import "env" "host_table" (global $table i32))
    (memory 1)
    (func (export "tick") (param $by i32) (result i32)
      (i32.store (global.get $ticks) (i32.add (i32.load (global.get $ticks)) (local.get $by)))
      (i32.store offset=64 (i32.const 0) (i32.load (global.get $ticks)))
      (i32.load offset=64 (i32.const 0)))
    (func (export "pick") (param $i i32) (result i64)
      (i64.load offset=8 (i32.add (global.get $table) (i32.shl (local.get $i) (i32.const 3)))))
    (func (export "put") (param $i i32) (param $v i32)
      (i32.store8 offset=70000 (i32.add (i32.sub (global.get $table) (i32.const 70000)) (local.get $i)) (local.get $v))))"#;

#[test]
fn variables_of_the_host_are_read_and_written() {
    let folder = Folder::new().expect("a folder");
    let module = folder.write("ticks.wat", TICKS.as_bytes()).expect("written");
    let object = host(&folder, &source("variables.c"));
    let image = folder.path().join("image.elf");
    for pools in ["--literal-pools=auto", "--literal-pools=never"] {
        let (printed, status) = boot(text(&module), &object, text(&image), &[pools]);
        assert_eq!((printed.as_str(), status), ("all as expected\n", Some(0)), "{pools}");
        let relocatable = folder.path().join("ticks.o");
        let (status, said) = synth(&["compile", text(&module), "-o", text(&relocatable), pools]);
        assert_eq!(status, Some(0), "{said}");
        let relocations = must("arm-none-eabi-readelf", &["-rW", text(&relocatable)]);
        let of_variable = relocations.lines().filter(|l| l.ends_with("host_ticks")).collect::<Vec<_>>();
        let kinds =
            if pools.ends_with("auto") { &["R_ARM_ABS32"][..] } else { &["R_ARM_THM_MOVW_ABS", "R_ARM_THM_MOVT_ABS"] };
        assert!(!of_variable.is_empty(), "{relocations}");
        assert!(kinds.iter().all(|k| of_variable.iter().any(|l| l.contains(k))), "{relocations}");
    }
}

/// The words that a module's contract has, and what is remarked.
fn contract(wat: &str, requests: &[&str]) -> Result<(Vec<Native>, Vec<Remark>), CompileError> {
    let native = requests.iter().map(|r| r.parse().expect("a request")).collect();
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{e}"));
    let compiled = compile(&wasm, &Options { native, ..Options::default() })?;
    deep(|| assert_eq!(verdict(&wasm, &compiled.object, None), Verdict::Proved));
    Ok((compiled.claim.contract.native.into_iter().collect(), compiled.remarks))
}

/// `get` and `twice` pass their parameter on; `own` keeps an object on the module's stack; `len` takes a number.
const LIBRARY: &str = r#"(module (memory 1) (global $sp (mut i32) (i32.const 1024))
    (func $field (param $p i32) (param $at i32) (result i32) (i32.load (i32.add (local.get $p) (local.get $at))))
    (func $next (param $p i32) (result i32) (i32.add (local.get $p) (i32.const 4)))
    (func (export "get") (param $p i32) (result i32) (call $field (local.get $p) (i32.const 4)))
    (func (export "twice") (param $n i32) (param $p i32) (result i32)
      (i32.add (i32.load (call $next (local.get $p)))
        (call $field (local.get $p) (i32.shl (local.get $n) (i32.const 2)))))
    (func (export "len") (param $n i32) (result i32) (i32.shl (local.get $n) (i32.const 2))))"#;

#[test]
fn parameters_are_named_inferred_or_in_the_module() {
    let (get, twice) = (Native::Param(2, 0), Native::Param(3, 1));
    let (field, next) = (Native::Param(0, 0), Native::Param(1, 0));
    let named = contract(LIBRARY, &["get:0", "twice:1"]).expect("fits");
    assert_eq!(named, (vec![field, next, get, twice], vec![]));
    assert_eq!(contract(LIBRARY, &["all"]).expect("fits"), named);
    let section = r#"(@custom "synth.abi" "get:0\ntwice:1\n"))"#;
    let within = format!("{}{section}", LIBRARY.trim_end().strip_suffix(')').expect("a module"));
    assert_eq!(contract(&within, &[]).expect("fits"), named);
    assert_eq!(contract(LIBRARY, &[]).expect("fits"), (vec![], vec![]));
}

#[test]
fn what_a_function_returns_is_followed_too() {
    let module = r#"(module (import "env" "alloc" (func $alloc (param i32) (result i32))) (memory 1)
        (func $odd (param $p i32) (param $n i32) (result i32)
          (if (result i32) (local.get $n)
            (then (call $odd (i32.add (local.get $p) (i32.const 4)) (i32.sub (local.get $n) (i32.const 1))))
            (else (local.get $p))))
        (func (export "nth") (param $p i32) (param $n i32) (result i32)
          (i32.load (call $odd (local.get $p) (local.get $n))))
        (func (export "make") (result i32) (local $p i32)
          (local.set $p (call $alloc (i32.const 8)))
          (if (local.get $p) (then (i64.store (local.get $p) (i64.const 5))))
          (local.get $p)))"#;
    let (native, _) = contract(module, &["nth:0", "alloc:result"]).expect("fits");
    assert_eq!(native, [Native::Param(1, 0), Native::Param(2, 0), Native::Result(0, 0)]);
}

/// What is said of a module that is refused.
fn refusal(body: &str, requests: &[&str]) -> String {
    let module = format!("(module (memory 1) (table 1 funcref) (global $sp (mut i32) (i32.const 1024)) {body})");
    match contract(&module, requests) {
        Err(error) => error.to_string(),
        Ok(found) => panic!("{body}: {found:?}"),
    }
}

/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn what_is_ambiguous_is_refused_by_name() {
    let read = |address: &str| {
        format!("(func (export \"f\") (param $p i32) (param $q i32) (result i32) (i32.load {address}))")
    };
    let choice = "(select (local.get $p) (i32.const 64) (local.get $q))";
    let said = refusal(&read(choice), &["f:0"]);
    assert!(said.contains("parameter 0 on some ways and a number or an address in linear memory on others"), "{said}");
    let said = refusal(&read("(i32.add (local.get $p) (local.get $q))"), &["f:0", "f:1"]);
    assert!(said.contains("a sum of the host address parameter 0 and the host address parameter 1"), "{said}");
    let said = refusal(&read("(i32.add (local.get $p) (global.get $sp))"), &["f:0"]);
    assert!(
        said.contains("a sum of the host address parameter 0 and an address computed from a mutable global"),
        "{said}"
    );
    let said = refusal(&read("(i32.and (local.get $p) (i32.const -4))"), &["f:0"]);
    assert!(
        said.contains("computed from the host address parameter 0") && said.contains("otherwise than by adding"),
        "{said}"
    );
    // What is left of an address, without what makes it one, is a number in linear memory.
    let part = "(i32.and (local.get $p) (i32.const -4))";
    for difference in [
        format!("(i32.sub (local.get $p) {part})"),
        format!("(i32.add (local.get $p) (i32.sub (i32.const 0) {part}))"),
        format!("(i32.add (i32.sub (i32.const 0) {part}) (local.get $p))"),
    ] {
        let said = refusal(&read(&difference), &["f:0"]);
        assert!(said.contains("otherwise than by adding"), "{difference}: {said}");
    }
    let said = refusal(&read("(i32.add (local.get $p) (local.get $q))"), &["all"]);
    assert!(said.contains("cannot be inferred") && said.contains("one by one"), "{said}");
    let copy = "(func (export \"f\") (param $p i32) (memory.copy (local.get $p) (i32.const 0) (i32.const 4)))";
    let said = refusal(copy, &["f:0"]);
    assert!(said.contains("memory.copy"), "{said}");
}

/// Covers TOR-CLAUSE-HOSTMIX.
#[test]
fn callers_and_callees_that_disagree_are_refused() {
    let get = "(func $get (param $p i32) (result i32) (i32.load (local.get $p)))";
    let call = |arg: &str| {
        format!(
            "(func (export \"f\") (param $p i32) (result i32) (i32.add (call $get (local.get $p)) (call $get {arg})))"
        )
    };
    let said = refusal(&format!("{get} {}", call("(i32.sub (global.get $sp) (i32.const 8))")), &["f:0"]);
    assert!(said.contains("an address of the module's own stack is passed as parameter 0 of"), "{said}");
    let said = refusal(&format!("{get} {}", call("(i32.const 64)")), &["f:0"]);
    assert!(said.contains("a number or an address of linear memory is passed"), "{said}");
    let exported = "(func $get (export \"get\") (param $p i32) (result i32) (i32.load (local.get $p)))";
    let said = refusal(&format!("{exported} {}", call("(local.get $p)")), &["f:0"]);
    assert!(said.contains("add --native-pointer get:0"), "{said}");
    let through = "(type $t (func (param i32) (result i32))) (elem (i32.const 0) $get)
        (func (export \"f\") (param $p i32) (result i32) (call_indirect (type $t) (local.get $p) (i32.const 0)))";
    let said = refusal(&format!("{get} {through}"), &["f:0"]);
    assert!(said.contains("through a table that has"), "{said}");
    for request in ["f:7", "f:1", "f:result"] {
        let said = refusal("(func (export \"f\") (param i32 i64))", &[request]);
        assert!(said.contains("is no i32 of the function's type"), "{said}");
    }
    let said = refusal("(func (export \"f\"))", &["g:0"]);
    assert!(said.contains("no function g"), "{said}");
}

#[test]
fn lost_and_useless_annotations_are_remarked() {
    let module = r#"(module (memory 1)
        (func (export "f") (param $p i32) (param $q i32) (i32.store (i32.const 8) (local.get $p)) (i32.store (local.get $q) (local.get $p))))"#;
    let (_, remarks) = contract(module, &["f:0", "f:1"]).expect("fits");
    let [kept, useless] = &remarks[..] else { panic!("{remarks:?}") };
    assert!(kept.text.contains("is kept in linear memory"), "{kept:?}");
    assert!(useless.text.contains("nothing is accessed through parameter 0"), "{useless:?}");
}

#[test]
fn wrong_use_is_an_error_and_writes_nothing() {
    let folder = Folder::new().expect("a folder");
    let module = folder.write("library.wat", LIBRARY.as_bytes()).expect("written");
    let out = folder.path().join("library.o");
    let cases = [
        ("get", "is not FUNCTION:PARAMETER"),
        ("get:9", "no i32 of the function's type"),
        ("put:0", "no function put"),
    ];
    for (request, expected) in cases {
        let (status, said) = synth(&["compile", text(&module), "-o", text(&out), "--native-pointer", request]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(expected) && !out.exists(), "{said}");
    }
}

/// The same number as an index of linear memory and as a host address: by way of memory, from which it comes back as a number.
const SAME_NUMBER: &str = r#"(module (memory 1)
    (func (export "f") (param $p i32) (result i32) (local $q i32)
      (i32.store (i32.const 0) (local.get $p))
      (local.set $q (i32.load (i32.const 0)))
      (i32.store (local.get $q) (i32.const 7))
      (i32.load (local.get $p))))"#;

/// Covers TOR-CLAUSE-HOST.
#[test]
fn a_host_address_is_no_index_of_linear_memory() {
    let wasm = wat::parse_str(SAME_NUMBER).expect("text");
    let native = vec![Request::Param("f".to_string(), 0)];
    let compiled = compile(&wasm, &Options { native, bounds: Bounds::None, ..Options::default() }).expect("compiles");
    let subject = Subject { wasm, compiled };
    let is_host = |op: &Op| matches!(op, Op::Load { space: Space::Host, .. });
    // What was stored at the index is not what lies at the address.
    let forwarded = subject.with_ir(0, |f| {
        insts(f).filter(|i| is_host(&i.op)).for_each(|i| {
            i.op = Op::Const(7);
            i.args.clear();
        });
    });
    deep(|| {
        assert_eq!(verdict(&subject.wasm, &subject.compiled.object, None), Verdict::Proved);
        for object in &forwarded {
            assert_ne!(verdict(&subject.wasm, object, None), Verdict::Proved);
        }
    });
}

#[test]
fn the_optimizer_of_modules_refuses_host_addresses() {
    let folder = Folder::new().expect("a folder");
    let module = folder.write("ticks.wat", TICKS.as_bytes()).expect("written");
    let out = folder.path().join("out.wasm");
    let (status, said) = synth(&["optimize", text(&module), "-o", text(&out)]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("accesses the host's memory by address") && !out.exists(), "{said}");
}

const COUNTER: &str = r#"(module (memory 1)
    (func (export "count") (param $p i32) (param $i i32) (result i32)
      (i32.store offset=64 (local.get $i) (i32.const 7))
      (i32.store offset=4 (local.get $p) (i32.add (i32.load offset=4 (local.get $p)) (i32.const 1)))
      (i32.load8_u offset=64 (local.get $i))))"#;

fn counter(bounds: Bounds) -> Subject {
    let wasm = wat::parse_str(COUNTER).expect("text");
    let native = vec![Request::Param("count".to_string(), 0)];
    let compiled = compile(&wasm, &Options { native, bounds, ..Options::default() }).expect("compiles");
    Subject { wasm, compiled }
}

/// Each of these objects is not proved, and the right one is.
///
/// Covers TOR-CLAUSE-HOST.
#[test]
fn faults_in_accesses_through_host_addresses_are_refused() {
    for bounds in [Bounds::Software, Bounds::None] {
        let subject = counter(bounds);
        let is_host = |op: &Op| matches!(op, Op::Store { space: Space::Host, .. });
        let flipped = |to: Space| {
            move |op: &mut Op| match op {
                Op::Load { space, .. } | Op::Store { space, .. } => *space = to,
                _ => {}
            }
        };
        let mut objects = Vec::new();
        // A host's store at another place, as another width, twice, not at all; and every access in the other space.
        objects.push(subject.with_ir(0, |f| {
            insts(f).filter(|i| is_host(&i.op)).for_each(|i| {
                if let Op::Store { offset, .. } = &mut i.op {
                    *offset = 8;
                }
            });
        }));
        objects.push(subject.with_ir(0, |f| drop_insts(f, is_host)));
        objects.push(subject.with_ir(0, |f| insts(f).for_each(|i| flipped(Space::Linear)(&mut i.op))));
        objects.push(subject.with_ir(0, |f| insts(f).for_each(|i| flipped(Space::Host)(&mut i.op))));
        // A load past the structure, whose word nobody uses: it may fault, or acknowledge an interrupt.
        objects.push(subject.with_ir(0, |f| {
            let at = f.blocks[0].insts.iter().position(|i| is_host(&i.op)).expect("a store");
            let mut load = f.blocks[0].insts[at].clone();
            load.op = Op::Load { space: Space::Host, width: Width::Word, signed: false, offset: 12 };
            load.args.truncate(1);
            load.results = [f.value(Type::I32)].into_iter().collect();
            f.blocks[0].insts.insert(at, load);
        }));
        deep(|| {
            assert_eq!(verdict(&subject.wasm, &subject.compiled.object, None), Verdict::Proved, "{bounds:?}");
            for (n, [kept, claimed]) in objects.iter().enumerate() {
                for object in [kept, claimed] {
                    let found = verdict(&subject.wasm, object, None);
                    assert_ne!(found, Verdict::Proved, "{bounds:?} {n}");
                    println!("{bounds:?} {n}: {}: {}", found.name(), found.detail().lines().next().unwrap_or_default());
                }
            }
            // A contract that says something else about the same bytes.
            let mut claim = subject.compiled.claim.clone();
            claim.contract.native.clear();
            assert_ne!(verdict(&subject.wasm, &subject.compiled.object, Some(claim.clone())), Verdict::Proved);
            claim.contract.native.extend([Native::Param(0, 0), Native::Param(0, 1)]);
            assert_ne!(verdict(&subject.wasm, &subject.compiled.object, Some(claim.clone())), Verdict::Proved);
            claim.contract.native.insert(Native::Param(5, 0));
            assert_ne!(verdict(&subject.wasm, &subject.compiled.object, Some(claim)), Verdict::Proved);
        });
    }
}
