//! The command line as a user meets it: exit codes, messages, files written and not written, JSON, certificates.

use serde_json::Value;
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
    assert_eq!(folder.names(), ["bad.wat", "cut.wasm", "float.wat"]);
}

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
    check(&["--help"], 0);
    check(&["--version"], 0);
    assert_eq!(folder.names(), ["copy.wasm"]);
}

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
    let report = json(&["bench", "--rounds", "1", "--only", "globals", "--format", "json"], 0);
    assert!(report["measured"].as_array().is_some_and(|m| m.len() >= 4));
    let report = json(&["lemmas", "list", "--format", "json"], 0);
    assert!(report["lemmas"].as_array().is_some_and(|l| !l.is_empty()));
    check(&["compile", &corpus("crc32"), "-o", &out], 0);
    let report = json(&["run", "--format", "json", &out, &corpus("crc32"), "no_such"], 2);
    assert!(report["error"].is_string());
}

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
    assert!(listing.contains("i32.load") && listing.contains("bx lr"), "{listing}");
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
    check(&["run", &object, &module, "k_sem_count"], 2);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let command = format!("{} disasm {} | head -1", env!("CARGO_BIN_EXE_synth"), corpus("sha256"));
    let output = Command::new("sh").args(["-c", &command]).output().expect("runs");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}
