//! A package is a function of its roots, and damage to any byte of it is found and named.

use crate::{DONE, Files, Folder, made, value};
use std::path::Path;
use synth::evidence::build_record::{Build, Compilation};
use synth::evidence::manifest::{self, Manifest};
use synth::evidence::run_record::{self, Run};
use synth::evidence::verify::verify;
use synth_validator::certificate::sha256;

#[test]
fn two_runs_with_other_threads_give_the_same_bytes() {
    let folder = Folder::new("same");
    let module = folder.corpus("semaphore");
    for (name, threads) in [("one", "1"), ("two", "2")] {
        let args = ["compile", "--validate", &module, "-o", "k.o", "--evidence", name, "--threads", threads];
        let (code, out, err) = folder.synth(&args);
        assert_eq!(code, DONE, "{out}{err}");
        assert!(out.contains(&format!("{name}/index.html: Everything is proved")), "{out}");
    }
    let (mut one, mut two) = (folder.files("one"), folder.files("two"));
    assert_ne!(one.remove(run_record::FILE), two.remove(run_record::FILE));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (path, bytes) in &one {
        assert!(*bytes == two[path], "{path} differs");
    }
    // What is already there, and the same, may be written again; another package may not.
    let again = ["compile", "--validate", &module, "-o", "k.o", "--evidence", "one"];
    assert_eq!(folder.synth(&again).0, DONE);
    std::fs::remove_file(folder.path("k.o")).expect("was written");
    let other = ["compile", "--validate", "-O1", &module, "-o", "k.o", "--evidence", "one"];
    let (code, _, err) = folder.synth(&other);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("the folder holds other evidence") && err.contains("--replace-evidence"), "{err}");
    assert!(!folder.path("k.o").exists(), "nothing is written with an error");
    assert_eq!(folder.synth(&[&other[..], &["--replace-evidence"]].concat()).0, DONE);
    let (code, out, _) = folder.synth(&["report", "verify", "one"]);
    assert_eq!(code, DONE, "{out}");
    assert!(out.contains("files are whole") && out.contains("Everything is proved"), "{out}");
}

#[test]
fn a_folder_that_is_no_package_is_left_alone() {
    let folder = Folder::new("other");
    let module = folder.corpus("semaphore");
    std::fs::create_dir(folder.path("mine")).expect("a folder");
    std::fs::write(folder.path("mine/notes.txt"), "mine").expect("writes");
    for extra in [&[][..], &["--replace-evidence"]] {
        let args = [&["compile", "--validate", &module, "-o", "k.o", "--evidence", "mine"][..], extra].concat();
        let (code, _, err) = folder.synth(&args);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("holds something else"), "{err}");
    }
    assert_eq!(std::fs::read_to_string(folder.path("mine/notes.txt")).expect("is there"), "mine");
    assert!(!folder.path("k.o").exists());
    let (code, _, err) = folder.synth(&["compile", &module, "-o", "k.o", "--evidence", "new"]);
    assert_eq!(code, 2, "evidence needs proofs: {err}");
}

/// Verifies a package with one file changed: the paths and fields that are named.
/// Covers TOR-EXIT-NOFILE.
#[test]
fn files_that_are_none_of_a_package_are_never_taken() {
    let folder = Folder::new("among");
    let module = folder.corpus("semaphore");
    let args = ["compile", "--validate", &module, "-o", "a.o", "--evidence", "semaphore", "--replace-evidence"];
    assert_eq!(folder.synth(&args).0, DONE);
    assert_eq!(folder.synth(&args).0, DONE, "a package alone is replaced");
    let files = folder.files("semaphore");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let root = root.to_str().expect("text");
    let corpus = ["corpus", "run", "--validate", "--corpus", root, "--only", "semaphore", "--evidence", "."];
    for name in ["notes.txt", "functions/mine.html", "deeper/notes.txt"] {
        let path = folder.path("semaphore").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, b"mine").expect("writes");
        let (code, _, err) = folder.synth(&args);
        assert!(code == 2 && err.contains("none of the package's") && err.contains(name), "{err}");
        let (code, out, err) = folder.synth(&corpus);
        assert!(code == 1 && out.contains(name), "{out}{err}");
        let mut there = folder.files("semaphore");
        assert_eq!(there.remove(name).expect("is there"), b"mine");
        assert!(there == files, "nothing was written");
        std::fs::remove_file(path).expect("removes");
    }
    let (code, out, err) = folder.synth(&corpus);
    assert_eq!(code, DONE, "{out}{err}");
}

fn named(files: &Files, path: &str, bytes: Vec<u8>) -> Vec<(String, Option<String>)> {
    let mut damaged = files.clone();
    damaged.insert(path.to_string(), bytes);
    let verified = verify(&damaged, 1);
    assert!(!verified.ok(), "{path}");
    verified.damage.into_iter().map(|d| (d.path, d.field)).collect()
}

#[test]
fn a_flipped_byte_in_any_file_is_found_and_the_file_named() {
    let package = made(|_| {}, None);
    let whole = verify(&package.files, 2);
    assert!(whole.ok(), "{whole:?}");
    let mut flips = 0;
    for (path, bytes) in &package.files {
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let found: Vec<String> = named(&package.files, path, damaged).into_iter().map(|(path, _)| path).collect();
            assert_eq!(found, [path.clone()], "byte {at} of {path}");
            flips += 1;
        }
    }
    println!("{flips} flipped bytes in {} files found and named", package.files.len());
    assert!(package.files.len() > 20);
}

#[test]
fn missing_and_foreign_files_are_named() {
    let package = made(|_| {}, None);
    for path in package.files.keys() {
        let mut files = package.files.clone();
        files.remove(path);
        let verified = verify(&files, 1);
        let found: Vec<&str> = verified.damage.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(found, [path.as_str()]);
        assert!(!verified.ok());
    }
    assert_eq!(
        named(&package.files, "functions/notes.txt", b"mine".to_vec()),
        [("functions/notes.txt".to_string(), None)]
    );
}

/// The manifest with the digest that a changed file has.
fn listed_anew(files: &mut Files, path: &str) {
    let mut manifest: Manifest = serde_json::from_slice(&files[manifest::FILE]).expect("a manifest");
    let listed = manifest.files.iter_mut().find(|f| f.path == path).expect("is listed");
    (listed.bytes, listed.sha256) = (files[path].len(), sha256(&files[path]));
    files.insert(manifest::FILE.to_string(), synth::evidence::json(&manifest).into_bytes());
}

#[test]
fn what_is_changed_together_with_the_manifest_is_found_by_making_it_again() {
    let package = made(|_| {}, None);
    let changes = [
        ("certificate/certificate.json", "\"agreed_runs\": 24", "\"agreed_runs\": 25", "functions[0].agreed_runs"),
        ("evidence.json", "\"own_bytes\": ", "\"own_bytes\": 1", "functions["),
        ("trace.json", "\"role\": \"check\"", "\"role\": null", "functions["),
        ("assumptions.json", "There is enough stack", "There is no stack", "assumptions["),
    ];
    for (path, from, to, field) in changes {
        let text = String::from_utf8(package.files[path].clone()).expect("text");
        assert!(text.contains(from), "{path} has no {from}");
        let mut files = package.files.clone();
        files.insert(path.to_string(), text.replacen(from, to, 1).into_bytes());
        listed_anew(&mut files, path);
        let verified = verify(&files, 1);
        let found: Vec<&str> = verified.damage.iter().map(|d| d.path.as_str()).collect();
        assert!(found.contains(&path) && found.contains(&manifest::FILE) && found.len() == 2, "{:?}", verified.damage);
        let named =
            verified.damage.iter().find(|d| d.path == path).and_then(|d| d.field.as_deref()).unwrap_or_default();
        assert!(named.starts_with(field), "{path}: {named}");
    }
    // Another object that fits the manifest is proved, and does not fit what was said.
    let mut files = package.files.clone();
    let object = files.get_mut("object.o").expect("is there");
    let code =
        value(&package.files, "trace.json")["functions"][1]["code"][0]["bytes"].as_str().expect("hex").to_string();
    let code: Vec<u8> =
        (0..code.len() / 2).map(|n| u8::from_str_radix(&code[2 * n..2 * n + 2], 16).expect("hex")).collect();
    let at = object.windows(code.len()).position(|w| w == code).expect("the code is in the object");
    object[at] ^= 1;
    listed_anew(&mut files, "object.o");
    let verified = verify(&files, 1);
    let found: Vec<&str> = verified.damage.iter().map(|d| d.path.as_str()).collect();
    assert!(found.contains(&"certificate/certificate.json") && found.contains(&"index.html"), "{found:?}");
}

/// The compilation of a record.
fn compilation(build: &mut Build) -> &mut Compilation {
    build.compilation.as_mut().expect("the compiler made it")
}

/// Packages that were made as a whole from a record that contradicts claim and module.
#[test]
fn a_record_of_the_build_that_the_claim_contradicts_is_refused() {
    let without_form = |build: &mut Build| {
        let compilation = compilation(build);
        let pass = compilation.passes.iter_mut().find(|p| !p.unchanged.is_empty()).expect("a pass that did nothing");
        let index = pass.unchanged.remove(0);
        pass.applied.push(index);
    };
    let with_form = |build: &mut Build| {
        let compilation = compilation(build);
        let pass = compilation.passes.iter_mut().find(|p| !p.applied.is_empty()).expect("a pass that did something");
        pass.unchanged.append(&mut pass.applied);
    };
    let not_run = |build: &mut Build| {
        let compilation = compilation(build);
        let pass = compilation.passes.iter_mut().find(|p| !p.applied.is_empty()).expect("a pass that did something");
        pass.not_run = Some("level".to_string());
    };
    let no_function = |build: &mut Build| drop(compilation(build).rules.insert(77, Default::default()));
    // `sum` and `mix`: neither is inlined in the other.
    let foreign_body = |build: &mut Build| {
        let compilation = compilation(build);
        let other = compilation.lines[&2].clone();
        compilation.lines.insert(1, other);
    };
    let core = |build: &mut Build| compilation(build).core = "cortex-m3".to_string();
    let changes: [(&str, &dyn Fn(&mut Build)); 6] = [
        (": applied: ", &without_form),
        (": applied: ", &with_form),
        (": not_run: ", &not_run),
        ("function 77 is not in the claim", &no_function),
        ("lines: function 1: ", &foreign_body),
        ("core: cortex-m3", &core),
    ];
    for (says, change) in changes {
        let verified = verify(&made(change, None).files, 2);
        let why = verified.not_made.clone().unwrap_or_default();
        assert!(
            !verified.ok() && why.starts_with("build.json: compilation: ") && why.contains(says),
            "{says}: {verified:?}"
        );
    }
}

#[test]
fn the_record_of_another_run_is_named() {
    let package = made(|_| {}, None);
    let run = Run::read(&package.files[run_record::FILE]).expect("a record");
    let times = || run.proofs.iter().map(|p| (p.function, std::time::Duration::from_micros(p.microseconds)));
    let records = [
        Run::new(std::time::SystemTime::now(), 1, times(), vec!["synth".to_string(), "compile".to_string()]),
        Run::new(std::time::SystemTime::now(), 1, times().skip(1), run.command.clone()),
    ];
    for (record, field) in records.iter().zip(["command", "proofs"]) {
        let found = named(&package.files, run_record::FILE, synth::evidence::json(record).into_bytes());
        assert_eq!(found, [(run_record::FILE.to_string(), None)], "{field}");
    }
}

#[test]
fn damage_is_told_with_its_field_and_exit_code_1() {
    let folder = Folder::new("damage");
    let module = folder.corpus("poll");
    let args = ["compile", "--validate", &module, "-o", "p.o", "--evidence", "e"];
    assert_eq!(folder.synth(&args).0, DONE);
    let path = folder.path("e/evidence.json");
    let text = std::fs::read_to_string(&path).expect("reads");
    std::fs::write(&path, text.replacen("\"verdict\": \"Proved\"", "\"verdict\": \"Proven\"", 1)).expect("writes");
    let (code, out, _) = folder.synth(&["report", "verify", "e"]);
    assert_eq!(code, 1);
    assert!(out.contains("damaged: evidence.json, image.verdict: says \"Proven\", but \"Proved\" is found"), "{out}");
    let (code, out, _) = folder.synth(&["report", "verify", "e", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &value["ok"], &value["damage"][0]["path"]), (1, &false.into(), &"evidence.json".into()), "{out}");
    let (code, _, err) = folder.synth(&["report", "verify", "nowhere"]);
    assert_eq!(code, 2, "{err}");
}
