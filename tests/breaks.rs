//! Deliberate breaks: clause after clause of what proofs trust is made wrong, and the tests against the outside world must notice.
//!
//! The workspace is copied, every clause of [`table::BREAKS`] replaced by *if this break is on, the wrong form, else the right
//! one*, and the copy built once; an environment variable chooses the break. So the shipped sources have no switch, each
//! break is one clause of the real code, and with no break on the copy must pass.
//!
//! A run switches on every fifth break that the validator's own tests notice, so that a copy of the compiler need not be built;
//! `BREAKS=all`, or `BLESS=1`, which writes the table, every one.

#[path = "../validator/tests/generated/mod.rs"]
mod generated;
#[path = "breaks/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::{BREAKS, Break, Oracle};

/// The environment variable that turns a break on, by name.
const SWITCH: &str = "SYNTH_BREAK";

/// One break in so many is switched on where not all are asked for.
const SAMPLE: usize = 5;

/// What the copy's validator gets: whether a break is on.
const READER: &str = r#"
/// Whether the break with this name is on.
pub fn broken(name: &str) -> bool {
    static ON: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(|| std::env::var("SYNTH_BREAK").ok());
    ON.as_deref() == Some(name)
}
"#;

/// The text of a file with a break built in.
///
/// # Errors
/// If the clause does not stand in the text exactly once.
fn with_break(text: &str, b: &Break) -> Result<String, String> {
    let (before, rest) = b.clause.split_once('«').ok_or("no mark «")?;
    let (right, after) = rest.split_once('»').ok_or("no mark »")?;
    let clause = format!("{before}{right}{after}");
    let places = text.matches(&clause).count();
    if places != 1 {
        return Err(format!("{}: {}: the clause stands there {places} times:\n{clause}", b.name, b.file));
    }
    let path = if b.file.starts_with("validator") { "crate" } else { "synth_validator" };
    let both = format!("(if {path}::broken({:?}) {{ {} }} else {{ {right} }})", b.name, b.wrong);
    Ok(text.replacen(&clause, &format!("{before}{both}{after}"), 1))
}

/// Writes a file unless it has this content, so that cargo sees what changed.
fn write(path: &Path, content: &[u8]) {
    if fs::read(path).is_ok_and(|old| old == content) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, content).expect("written");
}

/// Files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Folders of the workspace that are copied.
const COPIED: [&str; 5] = ["src", "boards", "lemmas", "validator", "tests"];

/// Copies the workspace with all breaks built in. What is only read is linked.
fn copy(root: &Path, to: &Path) {
    let mut sources = vec![root.join("Cargo.toml"), root.join("Cargo.lock"), root.join("build.rs")];
    for folder in COPIED {
        files(&root.join(folder), &mut sources);
    }
    let mut contents: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for path in sources {
        let inside = path.strip_prefix(root).expect("below the root").to_path_buf();
        contents.insert(inside, fs::read(&path).expect("a source"));
    }
    let mut stale = Vec::new();
    for b in BREAKS {
        let content = contents.get_mut(Path::new(b.file)).unwrap_or_else(|| panic!("{}: no {}", b.name, b.file));
        let text = std::str::from_utf8(content).expect("text");
        match with_break(text, b) {
            Ok(broken) => *content = broken.into_bytes(),
            Err(why) => stale.push(why),
        }
    }
    assert!(stale.is_empty(), "{}", stale.join("\n"));
    let library = contents.get_mut(Path::new("validator/src/lib.rs")).expect("the validator");
    library.extend_from_slice(READER.as_bytes());
    // Both forms of a clause stand in parentheses, and what only one of them uses is unused.
    let manifest = contents.get_mut(Path::new("Cargo.toml")).expect("the manifest");
    *manifest = String::from_utf8_lossy(manifest)
        .replace("unused = { level = \"deny\"", "unused = { level = \"allow\"")
        .into_bytes();
    for (inside, content) in &contents {
        write(&to.join(inside), content);
    }
    // What an earlier run left of a source that is no more.
    let mut there = Vec::new();
    COPIED.iter().for_each(|folder| files(&to.join(folder), &mut there));
    for path in there {
        if !contents.contains_key(path.strip_prefix(to).expect("below it")) {
            fs::remove_file(&path).expect("removed");
        }
    }
    for folder in ["corpus", "docs", "scripts", "third-party"] {
        let link = to.join(folder);
        if root.join(folder).exists() && !link.exists() {
            std::os::unix::fs::symlink(root.join(folder), link).expect("linked");
        }
    }
}

/// Third-party artifacts of this build, for a target folder that does not exist: building them again takes minutes. Cargo
/// checks them as it checks its own.
fn seed(target: &Path) {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder").join("debug");
    if target.exists() || !ours.join("deps").exists() {
        return;
    }
    let foreign = |path: &Path| path.components().all(|c| !c.as_os_str().to_string_lossy().contains("synth"));
    for folder in [".fingerprint", "build", "deps"] {
        let mut all = Vec::new();
        files(&ours.join(folder), &mut all);
        for path in all {
            let inside = path.strip_prefix(&ours).expect("below it");
            let library = folder != "deps"
                || path.extension().is_some_and(|e| ["rlib", "rmeta", "so", "d"].iter().any(|x| e == *x));
            if library && foreign(inside) {
                let to = target.join("debug").join(inside);
                fs::create_dir_all(to.parent().expect("a folder")).expect("made");
                // Files have the age that cargo compares.
                let age = fs::metadata(&path).and_then(|m| m.modified()).expect("an age");
                fs::copy(&path, &to).expect("copied");
                fs::File::options().write(true).open(&to).and_then(|f| f.set_modified(age)).ok();
            }
        }
    }
}

/// Builds the copy's tests that the breaks need. Result: executable by test target.
fn build(workspace: &Path, target: &Path, oracles: &BTreeSet<Oracle>) -> BTreeMap<&'static str, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline", "--no-run", "--message-format=json"]).current_dir(workspace);
    cargo.env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS");
    // Some oracles switch faults of the compiler on. Both packages, or third-party ones would be others than those of this build.
    cargo.args(["--features", "synth/faults", "-p", "synth", "-p", "synth-validator"]);
    for oracle in oracles {
        cargo.args(["--test", oracle.test]);
    }
    let out = cargo.stdin(Stdio::null()).output().expect("cargo runs");
    assert!(out.status.success(), "the copy does not build:\n{}", String::from_utf8_lossy(&out.stderr));
    let targets: BTreeSet<&str> = oracles.iter().map(|o| o.test).collect();
    let mut found = BTreeMap::new();
    for line in String::from_utf8(out.stdout).expect("text").lines() {
        let message: serde_json::Value = serde_json::from_str(line).expect("a message of cargo");
        let name = message["target"]["name"].as_str().unwrap_or_default();
        let package = message["package_id"].as_str().unwrap_or_default();
        let is = |o: &&Oracle| o.test == name && package.contains("validator") == (o.package == "synth-validator");
        if let (Some(oracle), Some(path)) = (oracles.iter().find(is), message["executable"].as_str()) {
            found.insert(oracle.test, PathBuf::from(path));
        }
    }
    assert_eq!(found.len(), targets.len(), "a test was not built: {found:?}");
    found
}

/// Runs a test of the copy, with a break on or none.
fn run(workspace: &Path, executable: &Path, oracle: &Oracle, on: &str) -> Output {
    let folder = if oracle.package == "synth" { workspace.to_path_buf() } else { workspace.join("validator") };
    let mut command = Command::new(executable);
    command.current_dir(folder).env(SWITCH, on).stdin(Stdio::null());
    command.args(["--exact", oracle.filter]).envs(oracle.environment.iter().copied());
    command.output().expect("the test runs")
}

/// Runs tests of the copy on as many threads as there are cores. Result: exit codes in the same order.
fn run_all(workspace: &Path, tests: &BTreeMap<&'static str, PathBuf>, runs: &[(Oracle, &str)]) -> Vec<Option<i32>> {
    let (next, codes) = (AtomicUsize::new(0), Mutex::new(vec![None; runs.len()]));
    let work = || {
        while let Some((oracle, on)) = runs.get(next.fetch_add(1, Ordering::Relaxed)).map(|r| (r.0, r.1)) {
            let place = runs.iter().position(|r| *r == (oracle, on)).expect("invariant: one of them");
            let output = run(workspace, &tests[oracle.test], &oracle, on);
            // A name that no test has runs nothing, and nothing fails.
            let ran = !String::from_utf8_lossy(&output.stdout).contains("running 0 tests");
            let code = output.status.code().filter(|_| ran);
            codes.lock().expect("no panic")[place] = code;
        }
    };
    std::thread::scope(|scope| {
        (0..std::thread::available_parallelism().map_or(1, |n| n.get())).for_each(|_| drop(scope.spawn(work)));
    });
    codes.into_inner().expect("no panic")
}

/// The breaks that are switched on: every fifth of the validator's; with `BLESS`, or `BREAKS=all`, all; with `BREAKS=text,…` those whose name or file has
/// one of the texts.
fn chosen() -> Vec<&'static Break> {
    let blesses = std::env::var_os("BLESS").is_some();
    match std::env::var("BREAKS") {
        Ok(which) if which != "all" => {
            let is_named = |b: &&Break| which.split(',').any(|text| b.name.contains(text) || b.file.contains(text));
            BREAKS.iter().filter(is_named).collect()
        }
        Err(_) if !blesses => BREAKS.iter().filter(|b| b.oracle.package == "synth-validator").step_by(SAMPLE).collect(),
        _ => BREAKS.iter().collect(),
    }
}

fn row(b: &Break) -> String {
    format!("| {} | `{}` | `{}` |", b.name, b.file, b.oracle.test)
}

/// Covers TOR-SENSE-BREAKS.
#[test]
fn every_break_is_noticed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("breaks");
    copy(root, &workspace);
    let target = workspace.join("target");
    seed(&target);
    let chosen = chosen();
    let unbroken: BTreeSet<Oracle> = chosen.iter().map(|b| b.oracle).collect();
    let tests = build(&workspace, &target, &unbroken);
    let baseline: Vec<(Oracle, &str)> = unbroken.into_iter().map(|oracle| (oracle, "")).collect();
    let broken: Vec<(Oracle, &str)> = chosen.iter().map(|b| (b.oracle, b.name)).collect();
    let both: Vec<(Oracle, &str)> = baseline.iter().chain(&broken).copied().collect();
    let codes = run_all(&workspace, &tests, &both);
    for ((oracle, _), code) in baseline.iter().zip(&codes) {
        assert_eq!(*code, Some(0), "{} fails unbroken", oracle.test);
    }
    let (mut rows, mut missed) = (Vec::new(), Vec::new());
    for (b, code) in chosen.iter().zip(&codes[baseline.len()..]) {
        // 101 is a failed test; anything else (a signal, say) would not be a test that noticed.
        match code {
            Some(101) => rows.push(row(b)),
            other => missed.push(format!("{} by {}: exit {other:?}", b.name, b.oracle.test)),
        }
    }
    assert!(missed.is_empty(), "not noticed:\n{}", missed.join("\n"));
    println!("{} of {} breaks, all noticed", chosen.len(), BREAKS.len());
    let table = fs::read_to_string(root.join("docs/conformance/breaks.md")).expect("readable");
    let is_listed = |row: &String| table.lines().any(|line| line == row);
    if std::env::var_os("BLESS").is_some() {
        // What was not switched on now has its row from another run.
        let all: Vec<String> = BREAKS.iter().map(row).collect();
        let unknown: Vec<&String> = all.iter().filter(|row| !rows.contains(row) && !is_listed(row)).collect();
        assert!(unknown.is_empty(), "never switched on: {unknown:#?}");
        let head = format!("{} breaks, all noticed.\n\n| break | clause in | noticed by |\n|---|---|---|", all.len());
        generated::table("breaks", "Deliberate breaks", &format!("{head}\n{}\n", all.join("\n")));
        return;
    }
    let unlisted: Vec<&String> = rows.iter().filter(|row| !is_listed(row)).collect();
    assert!(unlisted.is_empty(), "`make tables` writes the table, which lacks {unlisted:#?}");
}

#[test]
fn a_clause_that_is_not_there_once_is_an_error() {
    let b = Break { clause: "a «b» c", wrong: "d", file: "validator/x.rs", ..BREAKS[0] };
    assert!(
        with_break("a b c", &b).is_ok_and(|t| t.starts_with("a (if crate::broken(") && t.ends_with("} else { b }) c"))
    );
    assert!(with_break("a b", &b).is_err());
    assert!(with_break("a b c a b c", &b).is_err());
}
