//! `synth explain`: wrong optimizers and wrong objects are explained on a small module that shows the same, with both executions.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::packages::repository;

/// A wrong compiler: it takes the first of these operators for the second.
fn confuses(one: &str, other: &str) -> String {
    let edit = format!(
        "wasm2wat \"$WASM\" | sed 's/{one}/{other}/' > \"$OUTPUT.wat\" && wat2wasm \"$OUTPUT.wat\" -o \"$OUTPUT.wasm\""
    );
    format!("{edit} && '{}' compile \"$OUTPUT.wasm\" -o \"$OUTPUT\"", env!("CARGO_BIN_EXE_synth"))
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn synth(arguments: &[&str]) -> Output {
    let run = Command::new(env!("CARGO_BIN_EXE_synth")).args(arguments).current_dir(repository()).output();
    run.expect("synth runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Lines with both columns: left and right.
fn columns(explained: &str) -> Vec<(String, String)> {
    let rows = explained.lines().filter_map(|l| l.strip_prefix(";; ")?.split_once("| "));
    rows.map(|(l, r)| (l.trim().to_string(), r.trim().to_string())).collect()
}

#[test]
fn a_wrong_compiler_is_explained_on_a_small_module() {
    let folder = folder("compiler");
    let out = folder.join("small.wat");
    let out_text = out.to_string_lossy();
    let command = confuses("i32.shr_u", "i32.shr_s");
    let wasm = "corpus/wasm/crc32.wasm";
    let run = synth(&["explain", wasm, "--command", &command, "--attempts", "60", "-o", &out_text]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    let explained = std::fs::read_to_string(&out).expect("written");
    assert!(explained.starts_with(";; Refuted: "), "{explained}");
    let small = wat::parse_str(&explained).expect("comments and a module");
    let whole = std::fs::metadata(repository().join(wasm)).expect("there").len() as usize;
    assert!(small.len() * 4 < whole, "{} of {whole} bytes", small.len());
    assert!(explained.contains("i32.shr_u"), "what is wrong is still there:\n{explained}");
    let rows = columns(&explained);
    assert!(rows.iter().any(|(left, _)| left.contains("i32.shr_u")), "{explained}");
    assert!(rows.iter().any(|(_, right)| right.contains("asr")), "{explained}");
    // The reduced module shows it again, and is not reduced any more than it was.
    let again = synth(&["explain", &out_text, "--no-reduce", "--command", &command]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stdout).starts_with(";; Refuted: "), "{}", text(&again.stdout));
    // The same module and seed give the same text.
    let other = folder.join("other.wat");
    synth(&["explain", wasm, "--command", &command, "--attempts", "60", "-o", &other.to_string_lossy()]);
    let rest =
        |text: &str| text.lines().filter(|l| !l.starts_with(";; synth explain")).map(String::from).collect::<Vec<_>>();
    assert_eq!(rest(&std::fs::read_to_string(&other).expect("written")), rest(&explained));
}

#[test]
fn a_wrong_object_is_explained_as_it_is() {
    let folder = folder("object");
    let (object, wrong) = (folder.join("right.o"), folder.join("wrong.o"));
    let wasm = "corpus/wasm/operators.wasm";
    assert!(synth(&["compile", wasm, "-o", &object.to_string_lossy()]).status.success());
    let right = synth(&["explain", wasm, &object.to_string_lossy()]);
    assert_eq!(
        (right.status.code(), text(&right.stdout).trim()),
        (Some(0), "everything is proved: there is nothing to explain")
    );
    // The operation of some adds becomes a subtraction: bit 9 of the encoding (DDI 0403E.e, A7.7.4 and A7.7.174).
    let bytes = std::fs::read(&object).expect("an object");
    let is_add = |at: &usize| at.is_multiple_of(2) && bytes[at + 1] == 0x18;
    let explained = (0x34..bytes.len() - 1).filter(is_add).take(12).find_map(|at| {
        let mut edited = bytes.clone();
        edited[at + 1] = 0x1a;
        std::fs::write(&wrong, &edited).expect("written");
        let run = synth(&["explain", wasm, &wrong.to_string_lossy()]);
        assert!(text(&run.stderr).contains("--command says what does") || run.status.code() != Some(1));
        Some(text(&run.stdout)).filter(|said| said.starts_with(";; Refuted: ") && said.contains("subs"))
    });
    let explained = explained.expect("one of the edits is executed");
    wat::parse_str(&explained).expect("comments and a module");
    assert!(columns(&explained).iter().any(|(_, code)| code.contains("subs")), "{explained}");
    let function = synth(&["explain", wasm, &wrong.to_string_lossy(), "--function", "no_such_function"]);
    assert_eq!(function.status.code(), Some(2));
    assert!(text(&function.stderr).contains("no function no_such_function"));
}

#[test]
fn commands_that_make_nothing_are_told() {
    let run = synth(&["explain", "corpus/wasm/operators.wasm", "--command", "echo no licence found >&2; exit 3"]);
    assert_eq!(run.status.code(), Some(2));
    let said = text(&run.stderr);
    assert!(said.contains("no licence found") && said.contains("$OUTPUT") && said.contains("exit status: 3"), "{said}");
    let not_text = synth(&["explain", "no_such_module.wasm"]);
    assert_eq!(not_text.status.code(), Some(2));
}

#[cfg(feature = "faults")]
#[test]
fn a_fault_of_the_compiler_is_explained_with_operators_beside_instructions() {
    let run = synth(&["explain", "corpus/wasm/semaphore.wasm", "--fault", "select-bounds-end", "--attempts", "200"]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    let explained = text(&run.stdout);
    let small = wat::parse_str(&explained).expect("comments and a module");
    assert!(small.len() < 400, "{} bytes\n{explained}", small.len());
    assert!(columns(&explained).iter().any(|(l, r)| l.starts_with("0x") && r.starts_with("0x")), "{explained}");
}
