//! Packages of evidence: the same bytes from the same inputs, damage found and named, bad news on the first screen, forms that others read.

mod first_screen;
mod forms;
mod parts;
mod whole;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use synth::evidence::build_record::{Build, Compilation, Tool};
use synth::evidence::module::{Package, Proofs, package};
use synth::evidence::run_record::{self, Run};
use synth::evidence::summary::Solvers;
use synth::evidence::verify::prove;
use synth::evidence::{SCHEMA, json, obligation};
use synth::pass_report;
use synth::pipeline::{self, Options};
use synth_validator::ladder::Limits;

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("synth-evidence-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    /// Runs synth in the folder: exit code, standard output, standard error.
    fn synth(&self, args: &[&str]) -> (i32, String, String) {
        let output: Output =
            Command::new(env!("CARGO_BIN_EXE_synth")).args(args).current_dir(&self.0).output().expect("runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(!err.contains("panicked"), "synth {args:?}\n{err}");
        (output.status.code().expect("ends by itself"), out, err)
    }
    /// Puts a module of the corpus there.
    fn corpus(&self, name: &str) -> String {
        let file = format!("{name}.wasm");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm").join(&file);
        std::fs::copy(from, self.path(&file)).expect("copies");
        file
    }
    fn files(&self, name: &str) -> Files {
        synth::evidence::folder::read(&self.path(name)).expect("reads")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Exit code of a command that writes evidence of what is all proved: a build with faults never has evidence that is all right.
const DONE: i32 = if cfg!(feature = "faults") { 1 } else { 0 };

type Files = BTreeMap<String, Vec<u8>>;

fn value(files: &Files, path: &str) -> Value {
    serde_json::from_slice(&files[path]).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn page(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).expect("text")
}

/// A module with a loop, memory, an import, an exported import, a trap and a start function, so that a package has something of everything.
const MODULE: &str = r#"(module
  (import "env" "tick" (func $tick (param i32) (result i32)))
  (memory 1)
  (data (i32.const 16) "\01\02\03")
  (global $count (mut i32) (i32.const 7))
  (export "tick_again" (func $tick))
  (func $begin (global.set $count (i32.const 9)))
  (start $begin)
  (func (export "sum") (param i32 i32) (result i32) (local i32)
    (block (loop
      (br_if 1 (i32.eqz (local.get 1)))
      (local.set 2 (i32.add (local.get 2) (i32.load8_u (local.get 0))))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
      (br 0)))
    (local.get 2))
  (func (export "mix") (param i32 i32) (result i32)
    (i32.add (i32.or (local.get 0) (local.get 1)) (i32.and (local.get 0) (local.get 1))))
  (func (export "rate") (param i32) (result i32)
    (i32.div_u (call $tick (local.get 0)) (local.get 0))))"#;

/// A package made by the library: what `synth compile --evidence` makes, with a record and solvers' answers as a test wants them.
fn made(change: impl FnOnce(&mut Build), solvers: Option<Solvers>) -> Package {
    let module = wat::parse_str(MODULE).expect("a module");
    let options = Options::default();
    let compiled = pipeline::compile(&module, &options).expect("compiles");
    let passes = pass_report::outcomes(&compiled.claim, &options, &[]);
    let limits = Limits::default();
    let mut build = Build {
        schema: SCHEMA.to_string(),
        kind: "build".to_string(),
        tool: Tool { faults: false, ..Tool::this() },
        command: vec!["synth".to_string()],
        input: "m.wasm".to_string(),
        output: "m.o".to_string(),
        limits,
        compilation: Some(Compilation::new(&compiled, &options, &passes, &[])),
        from_cache: Vec::new(),
        gate: None,
    };
    change(&mut build);
    let (certificate, reports) =
        prove((&module, &compiled.object), &compiled.claim, limits, 2, &|_| {}).expect("is read");
    let exported = obligation::exported(&module, &compiled.object, &compiled.claim, limits, 2).expect("is read");
    let times: Vec<_> = reports.iter().map(|t| (t.report.index, t.time)).collect();
    let reports = reports.iter().map(|t| &t.report).collect();
    let proofs = Proofs { claim: &compiled.claim, certificate: &certificate, reports, exported, solvers };
    let mut package = package(&module, &compiled.object, &build, &proofs).expect("is read");
    let run = Run::new(std::time::SystemTime::now(), 1, times.into_iter(), vec!["synth".to_string()]);
    package.files.insert(run_record::FILE.to_string(), json(&run).into_bytes());
    package
}
