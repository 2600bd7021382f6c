//! Filetests of optimizer passes: `tests/rewrite/<topic>.wat`, a module and the IR of some of its functions.
//!
//! | Header `;;! key: value` | Meaning |
//! |---|---|
//! | `function` | names of functions whose IR is shown, in order |
//! | `after` | name of a pass: the IR after it; the last form if absent |
//! | `bounds` | `software`, `mpu`, `mask`, `none` |
//! | `level` | `O0`, `O1`, `O2`, `Os`; `O2` if absent |
//! | `absent` | operations that the shown IR must not have |
//! | `corpus` | the module is this one of the corpus, and not the file's |
//!
//! The expected IR stands below the module in lines that begin with `;;= `; `BLESS=1` writes them. Every function is proved as well.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use support::packages;
use support::proofs::{deep_map, prove};
use synth::pass::Level;
use synth::pipeline::{OPTIMIZER, Options, compile};
use synth::print::print;
use synth_validator::contract::Bounds;
use synth_validator::ladder::Limits;
use synth_validator::validate::Verdict;

fn header(name: &str, text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line} is no header line"));
        (key.trim().to_string(), value.trim().to_string())
    };
    let header: BTreeMap<String, String> = text.lines().filter_map(|l| l.strip_prefix(";;!")).map(line).collect();
    let known = ["function", "after", "bounds", "level", "absent", "corpus"];
    let unknown = header.keys().find(|key| !known.contains(&key.as_str()));
    assert_eq!(unknown, None, "{name}: no such key");
    header
}

fn options(name: &str, header: &BTreeMap<String, String>) -> Options {
    let bounds = match header.get("bounds").map(String::as_str) {
        Some("software") => Bounds::Software,
        Some("mpu") => Bounds::Mpu,
        Some("mask") => Bounds::Mask,
        Some("none") => Bounds::None,
        other => panic!("{name}: bounds {other:?}"),
    };
    let level = match header.get("level").map(String::as_str) {
        Some("O0") => Level::O0,
        Some("O1") => Level::O1,
        Some("O2") | None => Level::O2,
        Some("Os") => Level::Os,
        Some(other) => panic!("{name}: level {other}"),
    };
    Options { bounds, level, ..Options::default() }
}

/// The IR that a file asks for.
fn shown(name: &str, text: &str) -> String {
    let header = header(name, text);
    let wasm = match header.get("corpus") {
        Some(program) => {
            let path = packages::repository().join("corpus/wasm").join(program).with_extension("wasm");
            std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        }
        None => wat::parse_str(text).unwrap_or_else(|e| panic!("{name}: {e}")),
    };
    let compiled = compile(&wasm, &options(name, &header)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let proof = prove(&wasm, &compiled.object, None, Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(proof.verdict(), Verdict::Proved, "{name}");
    let mut out = String::new();
    for wanted in header.get("function").expect("a function").split_whitespace() {
        let is_wanted = |index: u32| compiled.module.display_name(index) == wanted;
        let claim = compiled.claim.functions.iter().find(|f| is_wanted(f.index));
        let claim = claim.unwrap_or_else(|| panic!("{name}: no function {wanted}"));
        let stage = match header.get("after") {
            Some(pass) => {
                let after = OPTIMIZER.iter().skip_while(|p| p.name != *pass).skip(1);
                let after: Vec<&str> = after.map(|p| p.name).collect();
                assert!(OPTIMIZER.iter().any(|p| p.name == *pass), "{name}: no pass {pass}");
                claim.stages.iter().rfind(|s| !after.contains(&s.name.as_str()))
            }
            None => claim.stages.last(),
        };
        let stage = stage.expect("the builder made one");
        let _ = write!(out, "{wanted} after {}\n{}", stage.name, print(&stage.func));
    }
    for operation in header.get("absent").into_iter().flat_map(|a| a.split_whitespace()) {
        let found = out.split_whitespace().any(|word| word == operation);
        assert!(!found, "{name}: {operation} is there\n{out}");
    }
    out
}

fn check(path: &Path) -> Result<(), String> {
    let name = path.file_name().expect("named").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).expect("readable");
    let shown: String = shown(&name, &text).lines().map(|line| format!(";;= {line}\n")).collect();
    let (kept, expected): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| !line.starts_with(";;="));
    let expected: String = expected.iter().map(|line| format!("{line}\n")).collect();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, format!("{}\n{shown}", kept.join("\n").trim_end())).expect("writable");
        return Ok(());
    }
    if shown == expected { Ok(()) } else { Err(format!("{name}: expected\n{expected}found\n{shown}")) }
}

#[test]
fn passes_make_the_expected_ir() {
    let folder = packages::repository().join("tests/rewrite");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the tests' folder").map(|e| e.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no test");
    let wrong: Vec<String> = deep_map(&paths, |path| check(path)).into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
}
