//! The command line as a user meets it: exit codes, messages, files written and not written, JSON, certificates.

#[path = "cli/outputs.rs"]
mod outputs;

use serde_json::Value;
#[cfg(not(feature = "faults"))]
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("synth-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path").to_string()
    }
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("writes");
        path
    }
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("reads");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn corpus(name: &str) -> String {
    root().join("corpus/wasm").join(format!("{name}.wasm")).to_str().expect("a path").to_string()
}

fn synth(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synth")).args(args).current_dir(root()).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Runs, checks the exit code, and gives standard output and standard error.
fn check(args: &[&str], code: i32) -> (String, String) {
    let output = synth(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "synth {args:?}\n{out}\n{err}");
    assert!(!err.contains("panicked"), "synth {args:?}\n{err}");
    (out, err)
}

fn json(args: &[&str], code: i32) -> Value {
    let (out, _) = check(args, code);
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("synth {args:?}: {e}\n{out}"));
    assert_eq!(value["schema"], 1, "synth {args:?}");
    value
}

const FLOAT: &str = r#"(module (func (export "twice") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
  (func (export "scale") (param i32) (result i32) (i32.trunc_f32_s (f32.const 1.5))))"#;

/// Covers TOR-EXIT-DONE, TOR-VERDICT-PROVED.
#[test]
fn a_proved_module_is_written_and_tabled() {
    let folder = Folder::new("proved");
    let out = folder.path("out.o");
    let (table, _) = check(&["--validate", &corpus("semaphore"), "-o", &out], 0);
    assert!(table.contains("k_sem_give") && table.contains("image: Proved"), "{table}");
    assert!(table.contains("7 of 7 functions proved"), "{table}");
    assert_eq!(folder.names(), ["out.o"]);
    let (table, _) = check(&["validate", &corpus("semaphore"), &out], 0);
    assert!(table.contains("7 of 7 functions proved"), "{table}");
}

/// Covers TOR-EXIT-NOTPROVED, TOR-EXIT-NOFILE, TOR-LIMIT-UNKNOWN.
#[test]
fn nothing_is_written_unless_all_is_proved() {
    let folder = Folder::new("unproved");
    let out = folder.write("out.o", b"before");
    // With a step of exploration nothing can be proved.
    let args = [
        "compile",
        "--validate",
        "--limit-region-steps",
        "1",
        &corpus("crc32"),
        "-o",
        &out,
        "--certificate",
        &folder.path("certificate"),
    ];
    let (table, _) = check(&args, 1);
    assert!(table.contains("not proved: function") && table.contains("was not written"), "{table}");
    assert_eq!(std::fs::read(&out).expect("is there"), b"before");
    assert_eq!(folder.names(), ["out.o"]);
}

/// Covers TOR-INPUT-MODULE, TOR-EXIT-INPUT, TOR-WASM-REFUSED.
#[test]
fn bad_input_names_its_place() {
    let folder = Folder::new("input");
    let out = folder.path("out.o");
    let float = folder.write("float.wat", FLOAT.as_bytes());
    let (_, message) = check(&["compile", &float, "-o", &out], 2);
    for part in ["i32.trunc_f32_s", "function 1 (scale)", "at byte offset 0x", "help:", "43 00 00 c0 3f"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let whole = std::fs::read(corpus("crc32")).expect("reads");
    // Eight bytes are an empty module.
    for length in [0, 7, 40, whole.len() - 1] {
        let cut = folder.write("cut.wasm", &whole[..length]);
        let (_, message) = check(&["compile", &cut, "-o", &out], 2);
        assert!(message.starts_with("error:") && message.contains("byte offset 0x"), "{length}: {message}");
    }
    let (_, message) = check(&["compile", &folder.write("bad.wat", b"(module (func"), "-o", &out], 2);
    assert!(message.contains("bad.wat:1"), "{message}");
    let (_, message) = check(&["compile", &folder.path("absent.wasm"), "-o", &out], 2);
    assert!(message.contains("absent.wasm"), "{message}");
    // A module and an object in each other's place.
    let (module, object) = (corpus("crc32"), folder.path("crc32.o"));
    check(&["compile", &module, "-o", &object], 0);
    let (_, message) = check(&["validate", &object, &module], 2);
    assert!(message.contains("an ELF file, where a module is expected"), "{message}");
    let (_, message) = check(&["validate", &module, &module], 2);
    assert!(message.contains("a WebAssembly module, where an object"), "{message}");
    // Less memory than the module starts with.
    let memory = folder.write("memory.wat", b"(module (memory 3) (func (export \"f\") (result i32) memory.size))");
    let (_, message) = check(&["compile", &memory, "-o", &out, "--memory-pages", "2"], 2);
    assert!(message.contains("linear memory starts with 3 pages, and --memory-pages allows 2"), "{message}");
    check(&["compile", &memory, "-o", &out, "--memory-pages", "3"], 0);
    // A module that is valid and never comes to be.
    let traps = folder.write("memory.wat", b"(module (memory 1) (data (i32.const 65535) \"ab\"))");
    let (_, message) = check(&["compile", &traps, "-o", &out], 2);
    assert!(message.starts_with("error: instantiation traps: a data segment does not fit"), "{message}");
    assert!(message.contains("the module is valid") && message.contains("byte offset 0x"), "{message}");
    assert_eq!(folder.names(), ["bad.wat", "crc32.o", "cut.wasm", "float.wat", "memory.wat", "out.o"]);
}

/// Covers TOR-EXIT-INPUT.
#[test]
fn bad_usage_exits_2() {
    let folder = Folder::new("usage");
    let module = corpus("crc32");
    check(&["frobnicate"], 2);
    check(&[], 2);
    let (_, message) = check(&["compile", &module], 2);
    assert!(message.contains("--output"), "{message}");
    check(&["compile", &module, "-o", &folder.path("o"), "--bounds", "hope"], 2);
    check(&["compile", &module, "-o", &folder.path("o"), "--certificate", &folder.path("c")], 2);
    let copy = folder.write("copy.wasm", &std::fs::read(&module).expect("reads"));
    check(&["compile", &copy, "-o", &copy], 2);
    check(&["corpus", "run", "--only", "no_such_program"], 2);
    // A program that is not there was not proved either: not one that is named, nor any of none.
    let nowhere = folder.path("nowhere");
    let fetched = ["corpus", "run", "--validate", "--only", "snappy", "--third-party", &nowhere];
    for more in [&[][..], &["--only", "globals"], &["--format", "json"]] {
        let (out, message) = check(&[&fetched[..], more].concat(), 2);
        let said = out + &message;
        assert!(said.contains("snappy is not fetched") && said.contains("scripts/fetch-modules.sh"), "{said}");
    }
    let manifest = folder.write("manifest.json", b"{\"programs\": []}");
    let (_, message) = check(&["corpus", "run", "--corpus", &folder.path("."), "--third-party", &nowhere], 2);
    assert!(message.contains("the corpus has no program"), "{message}");
    std::fs::remove_file(manifest).expect("removes");
    check(&["--help"], 0);
    check(&["--version"], 0);
    assert_eq!(folder.names(), ["copy.wasm"]);
}

/// Covers TOR-EXIT-NOFILE.
#[test]
fn what_another_process_left_beside_is_left_there() {
    let folder = Folder::new("beside");
    let (module, out) = (folder.write("in.wat", b"(module)"), folder.path("out.o"));
    // A shell gives its number to the program that takes its place: all names that the program tries first are taken.
    let script = format!(
        "for name in $$ $$.0 $$.1 $$.2; do ln -s {module} .out.o.$name; done; exec {} compile {module} -o {out}",
        env!("CARGO_BIN_EXE_synth")
    );
    let ended = Command::new("sh").args(["-c", &script]).current_dir(&folder.0).output().expect("runs");
    assert!(ended.status.success());
    assert_eq!(std::fs::read(&module).expect("reads"), b"(module)");
    assert_eq!(folder.names().len(), 6);
}

/// Names in modules and certificates are told in one line, without what a terminal obeys.
///
/// Covers TOR-CHECK-EXIT.
#[test]
fn synth_check_prints_no_control_characters() {
    let folder = Folder::new("names");
    let source = r#"(module (memory 1)
      (func (@name "h\n2 of 2 functions proved\1b[31mRED") (export "k\nassumptions: none") (param i32) (result i32)
        (i32.load (local.get 0))))"#;
    let names = ["certificate", "in.wat", "out.o"];
    let [certificate, module, object] = names.map(|name| folder.path(name));
    folder.write("in.wat", source.as_bytes());
    check(&["--validate", &module, "-o", &object, "--certificate", &certificate, "--native-pointer", "all"], 0);
    let run = || {
        let args = [&certificate, &module, &object].map(std::ffi::OsString::from);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = synth_validator::check_command::run(&args, &mut out, &mut err);
        let is_plain = |bytes: &[u8]| bytes.iter().all(|byte| *byte == b'\n' || *byte >= b' ');
        assert!(is_plain(&out) && is_plain(&err), "{out:?} {err:?}");
        (code, text(&out), text(&err))
    };
    let (code, out, _) = run();
    assert!(code == 0 && out.contains("A-NATIVE") && out.lines().count() == 3, "{out}");
    // The same in what is damaged, where the certificate's own text is shown.
    let file = format!("{certificate}/certificate.json");
    let whole = std::fs::read_to_string(&file).expect("reads");
    let forged = "x\\n\\u001b[31mEverything is proved";
    for (from, to) in [("\"Software\"", format!("\"{forged}\"")), ("{", format!("{{\"{forged}\": 0,"))] {
        assert!(whole.contains(from), "{whole}");
        std::fs::write(&file, whole.replacen(from, &to, 1)).expect("writes");
        let (code, _, err) = run();
        assert!(code == 1 && err.contains("x??[31mEverything") && err.lines().count() == 1, "{err}");
    }
}

/// Covers TOR-OUTPUT-JSON.
#[test]
fn json_is_json() {
    let folder = Folder::new("json");
    let out = folder.path("out.o");
    let report = json(&["--validate", &corpus("crc32"), "-o", &out, "--format", "json"], 0);
    assert_eq!(report["written"], true);
    assert_eq!(report["validation"]["totals"]["proved"], report["validation"]["totals"]["functions"]);
    let report = json(&["validate", &corpus("crc32"), &out, "--format", "json"], 0);
    assert_eq!(report["validation"]["image"]["verdict"], "Proved");
    let float = folder.write("float.wat", FLOAT.as_bytes());
    let report = json(&["compile", &float, "-o", &out, "--format", "json"], 2);
    assert_eq!((&report["function"], &report["function_name"]), (&1.into(), &"scale".into()));
    let report = json(&["corpus", "run", "--validate", "--only", "globals", "--format", "json"], 0);
    assert_eq!(report["totals"]["failures"], 0);
    let report = json(&["bench", "speed", "--rounds", "1", "--only", "globals", "--format", "json"], 0);
    assert!(report["measured"].as_array().is_some_and(|m| m.len() >= 4));
    let report = json(&["lemmas", "list", "--format", "json"], 0);
    assert!(report["lemmas"].as_array().is_some_and(|l| !l.is_empty()));
    check(&["compile", &corpus("crc32"), "-o", &out], 0);
    let report = json(&["run", "--format", "json", &out, &corpus("crc32"), "no_such"], 2);
    assert!(report["error"].is_string());
}

/// Covers TOR-ENV-REPEAT, TOR-ENV-THREADS.
#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = Folder::new("same");
    let module = corpus("scheduler");
    let paths: Vec<String> = ["1", "2"].map(|n| folder.path(n)).into();
    for (path, threads) in paths.iter().zip(["1", "2"]) {
        check(&["compile", &module, "-o", path, "--threads", threads, "-Os", "--target", "cortex-m7"], 0);
    }
    assert!(std::fs::read(&paths[0]).expect("reads") == std::fs::read(&paths[1]).expect("reads"));
    let (out, _) = check(&["corpus", "run", "--validate", "--check-deterministic", "--only", "ring_buffer"], 0);
    assert!(out.contains("twice the same bytes and verdicts"), "{out}");
}

/// Covers TOR-CERT-DIGESTS, TOR-CERT-DAMAGE, TOR-CHECK-EXIT.
#[test]
fn certificates_hold_and_damage_is_named() {
    let folder = Folder::new("certificate");
    let (module, object, certificate) = (folder.path("in.wasm"), folder.path("out.o"), folder.path("certificate"));
    std::fs::copy(corpus("mutex"), &module).expect("copies");
    check(&["--validate", &module, "-o", &object, "--certificate", &certificate], 0);
    check(&["validate", &module, &object, "--certificate", &certificate], 0);
    let holds = || {
        synth_validator::certificate::check(
            Path::new(&certificate),
            &std::fs::read(&module).expect("reads"),
            &std::fs::read(&object).expect("reads"),
            2,
            &|_| {},
        )
    };
    holds().expect("an unchanged certificate holds");
    // One bit in each of many places of each file.
    for (name, place) in [
        (module.clone(), "module"),
        (object.clone(), "object"),
        (format!("{certificate}/claim.bin"), "claim.bin"),
        (format!("{certificate}/certificate.json"), "certificate.json"),
    ] {
        let original = std::fs::read(&name).expect("reads");
        for step in 0..40 {
            let mut damaged = original.clone();
            let at = step * 7919 % damaged.len();
            damaged[at] ^= 1 << (step % 8);
            std::fs::write(&name, &damaged).expect("writes");
            let damage = holds().expect_err(&name).to_string();
            // A changed digest in the certificate shows as a file with another digest.
            assert!(damage.contains(place) || place == "certificate.json", "{name} at {at}: {damage}");
        }
        std::fs::write(&name, &original[..original.len() / 2]).expect("writes");
        holds().expect_err("half a file");
        std::fs::write(&name, &original).expect("writes");
    }
    // A verdict that was made up.
    let name = format!("{certificate}/certificate.json");
    let original = std::fs::read_to_string(&name).expect("reads");
    std::fs::write(&name, original.replacen("\"cuts\": ", "\"cuts\": 9", 1)).expect("writes");
    let damage = holds().expect_err("a made up number").to_string();
    assert!(damage.contains("cuts"), "{damage}");
    let (_, message) = check(&["validate", &module, &object, "--certificate", &certificate], 1);
    assert!(message.contains("cuts"), "{message}");
    std::fs::write(&name, original).expect("writes");
    holds().expect("the restored certificate holds");
}

/// Covers TOR-INPUT-BYTES, TOR-EXIT-NOTPROVED.
#[test]
fn damaged_code_is_not_proved() {
    let folder = Folder::new("damage");
    let object = folder.path("out.o");
    check(&["compile", &corpus("mutex"), "-o", &object], 0);
    let original = std::fs::read(&object).expect("reads");
    let (listing, _) = check(&["disasm", &object, &corpus("mutex")], 0);
    // A compare with a constant, as two bytes, and the same with another constant.
    let line = listing.lines().find(|l| l.contains("cmp r") && l.contains(", #")).expect("a compare");
    let address = usize::from_str_radix(line.split(':').next().expect("an address").trim(), 16).expect("hexadecimal");
    let code = line.split_whitespace().nth(1).expect("code");
    let code = u16::from_str_radix(code, 16).expect("a halfword").to_le_bytes();
    let place =
        original.windows(2).enumerate().find(|(at, w)| *w == code && (at % 4) == address % 4).expect("in the file").0;
    let mut damaged = original.clone();
    damaged[place] ^= 2;
    std::fs::write(&object, damaged).expect("writes");
    let (table, _) = check(&["validate", &corpus("mutex"), &object], 1);
    assert!(table.contains("not proved: function"), "{table}");
    let cut = folder.write("cut.o", &original[..original.len() / 2]);
    check(&["validate", &corpus("mutex"), &cut], 2);
    check(&["validate", &corpus("mutex"), &corpus("mutex")], 2);
}

#[test]
fn listings_show_code_beside_operators() {
    let folder = Folder::new("disasm");
    let (listing, _) = check(&["disasm", &corpus("crc32")], 0);
    assert!(listing.contains("i32.load") && listing.contains("pop {"), "{listing}");
    let object = folder.path("out.o");
    check(&["compile", &corpus("crc32"), "-o", &object], 0);
    let (alone, _) = check(&["disasm", &object], 0);
    assert!(alone.contains("__linear_memory_base"), "{alone}");
    // Loops are cut points, whose operators the claim tells.
    let (beside, _) = check(&["disasm", &object, &corpus("crc32")], 0);
    assert!(beside.contains("; 0x"), "{beside}");
    check(&["disasm", &object, "--function", "no_such"], 2);
}

#[test]
fn both_interpreters_agree() {
    let folder = Folder::new("run");
    let object = folder.path("out.o");
    let module = corpus("semaphore");
    check(&["compile", &module, "-o", &object], 0);
    let calls = ["k_sem_init", "@sem_a", "1", "3", "then", "k_sem_give", "@sem_a", "then", "k_sem_count", "@sem_a"];
    let args = [&["run", "--format", "json", &object, &module][..], &calls].concat();
    let report = json(&args, 0);
    assert_eq!(report["calls"][2]["machine"], "0x2");
    assert_eq!(report["calls"][2]["wasm"], "0x2");
    assert_eq!(report["calls"][1]["host_calls"][0]["import"], "env.irq_lock");
    check(&["run", &object, &module, "no_such_export"], 2);
    // Behind an access that the contract without checks does not speak of, nothing is known.
    let text = r#"(module (memory 1) (func (export "at") (param i32) (result i32) (i32.load (local.get 0))))"#;
    let (unchecked, code) = (folder.write("unchecked.wat", text.as_bytes()), folder.path("unchecked.o"));
    check(&["compile", &unchecked, "-o", &code, "--bounds", "none"], 0);
    let report = json(&["run", "--format", "json", &code, &unchecked, "at", "70000", "then", "at", "0"], 1);
    let ends = [&report["calls"][1]["machine"], &report["calls"][1]["wasm"]].map(|end| end.as_str().unwrap_or(""));
    assert!(ends.iter().all(|end| end.starts_with("not run")), "{ends:?}");
    check(&["run", &object, &module, "k_sem_count"], 2);
}

/// Covers TOR-OUTPUT-PIPE.
#[test]
fn a_closed_pipe_is_no_panic() {
    let command = format!("{} disasm {} | head -1", env!("CARGO_BIN_EXE_synth"), corpus("sha256"));
    let output = Command::new("sh").args(["-c", &command]).output().expect("runs");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

/// Calls of all kinds that may survive: of a recursive function, of one too large, through a table, of a small one.
fn calls() -> String {
    // Far more than what is small, and far more than what is inlined at all.
    let more = "(local.set 0 (i32.rotl (local.get 0) (i32.const 5)))".repeat(30);
    let large = "(local.set 0 (i32.mul (local.get 0) (i32.add (local.get 0) (i32.load (local.get 0)))))".repeat(200);
    format!(
        r#"(module (memory 1) (type $unary (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $entry)
        (func $entry (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $down (param i32) (result i32)
          (if (result i32) (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 7))))
        (func $large (param i32) (result i32) {large} (local.get 0))
        (func $middle (param i32) (result i32) (call $large (local.get 0)))
        (func $twice (param i32) (result i32) {more} (i32.add (call $middle (local.get 0)) (call $down (local.get 0))))
        (func (export "small") (param i32) (result i32) (call $entry (local.get 0)))
        (func (export "top") (param i32) (result i32)
          (call_indirect (type $unary) (call $twice (call $twice (local.get 0))) (i32.const 0))))"#
    )
}

fn named<'a>(calls: &'a Value, callee: &str) -> Vec<&'a Value> {
    calls.as_array().expect("a list").iter().filter(|c| c["callee"]["name"] == callee).collect()
}

#[test]
fn surviving_calls_are_reported_with_their_reasons() {
    let folder = Folder::new("inlining");
    let (module, out) = (folder.write("in.wat", calls().as_bytes()), folder.path("out.o"));
    let wasm = wat::parse_str(calls()).expect("valid text");
    let report = |more: &[&str]| {
        let args = [&["compile", &module, "-o", &out, "--inline-report", "--format", "json"], more].concat();
        let mut report = json(&args, 0);
        let surviving = report["inline_report"].take();
        for call in surviving["surviving"].as_array().expect("a list") {
            // `call` and `call_indirect`.
            let at = call["offset"].as_u64().expect("an offset") as usize;
            assert!(matches!(wasm[at], 0x10 | 0x11), "{call}");
            let path = call["path"].as_array().expect("a list");
            assert_eq!((&path[path.len() - 1], call["root"].is_string()), (&call["caller"], true), "{call}");
        }
        surviving
    };
    let plain = report(&[]);
    let reasons = |report: &Value, callee: &str| -> Vec<String> {
        named(&report["surviving"], callee).iter().map(|c| c["reason"].as_str().expect("text").to_string()).collect()
    };
    assert_eq!(reasons(&plain, "large"), ["callee-too-large"]);
    assert_eq!(named(&plain["surviving"], "large")[0]["expected"], "used-once");
    assert!(reasons(&plain, "down").iter().any(|r| r == "recursive"), "{plain}");
    assert_eq!(reasons(&plain, "entry"), ["indirect"]);
    assert!(!named(&plain["inlined"], "middle").is_empty(), "{plain}");
    assert_eq!(reasons(&report(&["--inline", "large"]), "large"), ["callee-too-large"]);
    assert!(reasons(&report(&["-O0"]), "middle").iter().all(|r| r == "level"));
    let left_out = report(&["--without-pass", "inline"]);
    assert!(reasons(&left_out, "middle").iter().all(|r| r == "left-out"), "{left_out}");
    assert!(left_out["inlined"].as_array().is_some_and(Vec::is_empty));
    let (text, _) = check(&["compile", &module, "-o", &out, "--inline-report"], 0);
    for part in ["callee-too-large: the callee has", "path from export: top", "inlined: entry in small"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let file = folder.path("calls.json");
    let with_file = format!("--inline-report={file}");
    check(&["compile", "--validate", &module, "-o", &out, &with_file, "--format", "json"], 0);
    let written: Value = serde_json::from_slice(&std::fs::read(&file).expect("is there")).expect("JSON");
    assert_eq!(written["inline_report"], plain);
}

#[test]
fn the_gate_lets_nothing_through_while_a_call_survives() {
    let folder = Folder::new("gate");
    let (module, out) = (folder.write("in.wat", calls().as_bytes()), folder.path("out.o"));
    for more in [&[][..], &["--validate", "--certificate", &folder.path("certificate")]] {
        let args = [&["compile", &module, "-o", &out, "--fail-on-surviving-call"], more].concat();
        let (text, _) = check(&args, 1);
        assert!(text.contains("survives: large (used-once") && text.contains("was not written"), "{text}");
        let report = json(&[&args[..], &["--format", "json"]].concat(), 1);
        assert_eq!(report["written"], false);
        assert!(report["gate"].as_str().is_some_and(|g| g.ends_with("survive")), "{report}");
        assert_eq!(folder.names(), ["in.wat"]);
    }
    let inlined = r#"(module (func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "g") (param i32) (result i32) (call $f (call $f (local.get 0)))))"#;
    let module = folder.write("in.wat", inlined.as_bytes());
    check(&["compile", "--validate", &module, "-o", &out, "--fail-on-surviving-call"], 0);
    assert_eq!(folder.names(), ["in.wat", "out.o"]);
    check(&["compile", &module, "-o", &out, "--fail-on-surviving-call", "-O0"], 1);
}

#[test]
fn functions_are_inlined_and_passes_left_out_by_name() {
    let folder = Folder::new("names");
    let (module, out) = (folder.write("in.wat", calls().as_bytes()), folder.path("out.o"));
    let functions = |more: &[&str]| {
        let args = [&["compile", &module, "-o", &out, "--inline-report", "--format", "json"], more].concat();
        json(&args, 0)["inline_report"]["inlined"].clone()
    };
    assert!(named(&functions(&[]), "twice").is_empty());
    assert_eq!(named(&functions(&["--inline", "twice"]), "twice")[0]["calls"], 2);
    let (_, message) = check(&["compile", &module, "-o", &out, "--inline", "nobody"], 2);
    assert!(message.contains("the module defines no function nobody") && message.contains("help:"), "{message}");
    let (_, message) = check(&["compile", &module, "-o", &out, "--without-pass", "magic"], 2);
    let (list, _) = check(&["passes"], 0);
    let passes = json(&["passes", "--format", "json"], 0)["passes"].clone();
    for pass in passes.as_array().expect("a list") {
        let name = pass["name"].as_str().expect("text");
        assert!(message.contains(name) && list.contains(name), "{name}: {message}");
    }
}

#[test]
fn evidence_says_what_became_of_every_pass() {
    let folder = Folder::new("passes");
    let (out, certificate) = (folder.path("out.o"), folder.path("certificate"));
    let args =
        ["--validate", &corpus("semaphore"), "-o", &out, "--without-pass", "licm", "--certificate", &certificate];
    let report = json(&[&args[..], &["--format", "json"]].concat(), 0);
    let passes = report["passes"].as_array().expect("a list");
    let pass = |name: &str| passes.iter().find(|p| p["pass"] == name).expect("a pass");
    let count = |name: &str, list: &str| pass(name)[list].as_array().expect("a list").len();
    assert_eq!(pass("licm")["not_run"], "left-out");
    assert!(pass("inline")["not_run"].is_null() && count("inline", "applied") > 0);
    assert_eq!(["applied", "unchanged", "refused"].map(|l| count("inline", l)).iter().sum::<usize>(), 7);
    let file = std::fs::read(format!("{certificate}/passes.json")).expect("is there");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    assert_eq!(file["passes"], report["passes"]);
    check(&["validate", &corpus("semaphore"), &out, "--certificate", &certificate], 0);
    let (text, _) = check(&["--validate", &corpus("semaphore"), "-o", &out, "-O1", "--without-pass", "inline"], 0);
    for part in ["not run: left out", "not run: from -O2"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A build without the feature `faults` cannot be told to be wrong, and does not even know the names of the faults.
///
/// Covers TOR-ENV-NOFAULTS.
#[cfg(not(feature = "faults"))]
#[test]
fn this_build_has_no_fault_switch() {
    for args in [&["faults"][..], &["--fault", "gvn-signed", &corpus("semaphore"), "-o", "out.o"]] {
        check(args, 2);
    }
    let binary = std::fs::read(env!("CARGO_BIN_EXE_synth")).expect("the binary");
    // One pass: the binary is large. A place that begins as some name does is looked at.
    const START: usize = 6;
    let names = synth::faults::ALL.iter().map(|f| f.name.as_bytes());
    let starts: BTreeMap<&[u8], Vec<&[u8]>> = names.fold(BTreeMap::new(), |mut starts, name| {
        starts.entry(&name[..START]).or_insert_with(Vec::new).push(name);
        starts
    });
    let firsts: BTreeSet<u8> = starts.keys().map(|start| start[0]).collect();
    let is_first = std::array::from_fn::<bool, 256, _>(|byte| firsts.contains(&(byte as u8)));
    let places = (0..binary.len() - START).filter(|at| is_first[usize::from(binary[*at])]);
    for (at, names) in places.filter_map(|at| Some((at, starts.get(&binary[at..at + START])?))) {
        let found = names.iter().find(|name| binary[at..].starts_with(name));
        assert!(found.is_none(), "{} stands in the binary", String::from_utf8_lossy(found.expect("found")));
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    assert!(!manifest.contains("default = ["), "there are default features");
}
