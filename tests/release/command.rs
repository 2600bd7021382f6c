//! The command and the recorder of tests, each in a checkout of its own.

use super::*;

fn run(folder: &Path, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).current_dir(folder).args(arguments).output().expect("runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("made");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("readable");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).expect("copied");
    }
}

/// The command, in a checkout of its own: what it refuses, and a package that says what is wrong.
#[test]
fn the_command_is_bound_to_sources_commit_and_record() {
    let folder = Folder::new().expect("a folder");
    let source = folder.path().join("source");
    std::fs::create_dir_all(source.join("docs")).expect("made");
    for part in PARTS {
        let to = source.join(part);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("made");
        copy(&root().join(part), &to);
    }
    for part in ["tests", "validator/tests", "docs/conformance", LIST, "docs/known-problems.toml"] {
        copy(&root().join(part), &source.join(part));
    }
    let manifest = r#"{ "programs": [{ "name": "semaphore", "source": "none.c", "wasm": "semaphore.wasm" }] }"#;
    std::fs::create_dir(source.join("corpus")).expect("made");
    std::fs::write(source.join("corpus/manifest.json"), manifest).expect("written");
    copy(&root().join("corpus/wasm/semaphore.wasm"), &source.join("corpus/semaphore.wasm"));
    let git = |arguments: &[&str]| {
        let name = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"];
        let (code, said) = run(&source, "git", &[&name[..], arguments].concat());
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said.trim().to_string()
    };
    let report = |arguments: &[&str]| {
        let all = [&["report", "release", "--source", "source", "-o", "out"], arguments].concat();
        run(folder.path(), env!("CARGO_BIN_EXE_synth"), &all)
    };
    let refused = |said: &str| {
        let (code, found) = report(&["--tests", "record.json"]);
        assert_eq!(code, Some(2), "{found}");
        assert!(found.contains(said) && found.contains("help:"), "{said}: {found}");
        assert!(!folder.path().join("out/index.html").exists(), "{said}: something was written");
    };
    refused("no git checkout");
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "sources"]);
    let traced = trace(&read_tree(&source).expect("readable"));
    let put = |record: &Record| {
        let runs: Vec<serde_json::Value> = record
            .runs
            .iter()
            .map(|run| {
                let programs: Vec<serde_json::Value> = run
                    .binaries
                    .iter()
                    .map(|b| serde_json::json!({ "source": b.source, "ended_well": b.ended_well, "tests": b.tests }))
                    .collect();
                serde_json::json!({ "features": run.features, "binaries": programs })
            })
            .collect();
        let value = serde_json::json!({
            "schema": record.schema, "kind": record.kind, "commit": record.commit, "source_sha256": record.source_sha256,
            "selection": record.selection, "runs": runs, "environment": record.environment,
        });
        std::fs::write(folder.path().join("record.json"), value.to_string()).expect("written");
    };
    let (code, said) = report(&["--tests", "record.json"]);
    assert!(code == Some(2) && said.contains("cannot read"), "{said}");
    let commit = git(&["rev-parse", "HEAD"]);
    put(&passing(&traced, &"0".repeat(40)));
    refused("the tests ran at another commit");
    put(&Record { source_sha256: "0".repeat(64), ..passing(&traced, &commit) });
    refused("the tests ran against other sources");
    let good = passing(&traced, &commit);
    put(&good);
    std::fs::write(source.join("docs/new.md"), "new").expect("written");
    refused("changes that are not committed");
    std::fs::remove_file(source.join("docs/new.md")).expect("removed");
    let boards = source.join("boards/stm32f4.toml");
    let board = std::fs::read(&boards).expect("readable");
    std::fs::write(&boards, [&board[..], b"\n"].concat()).expect("written");
    git(&["commit", "-q", "-a", "-m", "another board"]);
    refused("this program was not built from these sources");
    std::fs::write(&boards, board).expect("written");
    git(&["reset", "-q", "--hard", &commit]);
    std::fs::create_dir_all(folder.path().join("out")).expect("made");
    std::fs::write(folder.path().join("out/letter.txt"), "mine").expect("written");
    refused("something else than evidence");
    std::fs::remove_file(folder.path().join("out/letter.txt")).expect("removed");

    // A test that failed; and this program is a debug build.
    let mut failed = good;
    let tests = failed.runs[0].binaries.iter_mut().find(|b| b.source == "tests/cli.rs").expect("a program");
    tests.tests.insert("json_is_json".to_string(), Outcome::Failed);
    put(&failed);
    let (code, said) = report(&["--tests", "record.json", "--format", "json"]);
    assert_eq!(code, Some(1), "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let reasons: Vec<&str> = said["reasons"].as_array().expect("a list").iter().filter_map(|r| r.as_str()).collect();
    let mut expected = vec!["Test failed: tests/cli.rs json_is_json", "Requirement whose tests fail: TOR-OUTPUT-JSON"];
    if cfg!(debug_assertions) {
        expected
            .push("The program is a debug build; what is delivered is a release build, whose digest is another one");
    }
    assert_eq!(reasons, expected);
    let index = std::fs::read_to_string(folder.path().join("out/index.html")).expect("written");
    assert!(unescaped(&index).contains("Test failed: tests/cli.rs json_is_json"));
    let dossier = std::fs::read_to_string(folder.path().join("out/lemmas.json")).expect("written");
    let dossier: serde_json::Value = serde_json::from_str(&dossier).expect("JSON");
    let entries = dossier["content"]["entries"].as_array().expect("a list");
    let used =
        |kind: &str| entries.iter().filter(|e| e["kind"] == kind && e["used_by"] != serde_json::json!([])).count();
    assert!(used("lemma") > 0 && used("selection") > 5, "{} and {}", used("lemma"), used("selection"));
    for file in ["tqp.html", "sbom.cdx.json", "obligations/shl_over_and.smt2", "configuration.json"] {
        assert!(folder.path().join("out").join(file).is_file(), "{file}");
    }
}

/// The script that records tests, on a crate of its own: every test that a program lists has its result, also where the program fails or
/// leaves early; and its digest of the sources, by `find` and `sha256sum`, is the one that programs carry.
#[test]
fn records_have_a_result_for_every_test() {
    let folder = Folder::new().expect("a folder");
    let source = folder.path().join("tiny");
    let put = |path: &str, text: &str| {
        let at = source.join(path);
        std::fs::create_dir_all(at.parent().expect("a parent")).expect("made");
        std::fs::write(at, text).expect("written");
    };
    put("Cargo.toml", "[workspace]\n[package]\nname = \"tiny\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
    put("build.rs", "fn main() {}\n");
    put(
        "src/lib.rs",
        "#[cfg(test)]\nmod tests {\n    #[test]\n    fn passes() {}\n    #[test]\n    fn fails() { panic!(\"\\ntest tests::fails ... ok\"); }\n\
         #[test]\n    #[ignore]\n    fn rests() {}\n}\n",
    );
    // Built for the tests of the folder, and no test program.
    put("src/main.rs", "fn main() { std::process::exit(2) }\n");
    put(
        "tests/leaves.rs",
        "#[test]\nfn leaves() { std::process::exit(0) }\n#[test]\nfn waits() { std::thread::sleep(std::time::Duration::from_secs(60)) }\n",
    );
    put("Makefile", "test: ## Tests.\n\tcargo test --workspace\n\nother:\n\tcargo test --other\n");
    put(".gitignore", "target/\n");
    for path in ["boards/a.toml", "lemmas/b", "validator/Cargo.toml", "validator/build.rs", "validator/src/c.rs"] {
        put(path, path);
    }
    std::fs::create_dir_all(source.join("scripts")).expect("made");
    copy(&root().join("scripts/record-tests.sh"), &source.join("scripts/record-tests.sh"));
    let must = |program: &str, arguments: &[&str]| {
        let (code, said) = run(&source, program, arguments);
        assert_eq!(code, Some(0), "{program} {arguments:?}: {said}");
        said.trim().to_string()
    };
    must("cargo", &["generate-lockfile", "--offline"]);
    must("git", &["init", "-q"]);
    must("git", &["add", "-A"]);
    let name = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"];
    must("git", &[&name[..], &["commit", "-q", "-m", "tiny"]].concat());
    let script = |arguments: &[&str]| {
        let mut command = Command::new("scripts/record-tests.sh");
        let command = command.current_dir(&source).args(arguments).env("CARGO_TARGET_DIR", source.join("target"));
        let output = command.output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(script(&[]).0, Some(2));
    let (code, said) = script(&["-o", "../record.json"]);
    assert_eq!(code, Some(1), "{said}");
    let text = std::fs::read_to_string(folder.path().join("record.json")).expect("written");
    let digest = source_digest::compute(&source, &PARTS).expect("readable");
    let record =
        record::read(&text, &must("git", &["rev-parse", "HEAD"]), &digest).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!((record.selection.as_str(), record.runs.len()), (ALL, 1));
    let programs: Vec<(&str, bool)> =
        record.runs[0].binaries.iter().map(|b| (b.source.as_str(), b.ended_well)).collect();
    assert_eq!(programs, [("src/lib.rs", false), ("src/main.rs", true), ("tests/leaves.rs", true)]);
    let results: Vec<(&str, Outcome)> =
        record.runs[0].binaries.iter().flat_map(|b| &b.tests).map(|(name, o)| (name.as_str(), *o)).collect();
    let expected = [
        ("tests::fails", Outcome::Failed),
        ("tests::passes", Outcome::Ok),
        ("tests::rests", Outcome::Ignored),
        ("leaves", Outcome::Missing),
        ("waits", Outcome::Missing),
    ];
    assert_eq!(results, expected);
    let (code, said) = script(&["-o", "../part.json", "--", "--lib"]);
    assert_eq!(code, Some(1), "{said}");
    let part = std::fs::read_to_string(folder.path().join("part.json")).expect("written");
    assert!(part.contains("\"selection\": \"cargo test --lib\"") && !part.contains("leaves"), "{part}");
    put("boards/new.toml", "new");
    let (code, said) = script(&["-o", "../dirty.json"]);
    assert!(code == Some(2) && said.contains("not committed") && !folder.path().join("dirty.json").exists(), "{said}");
}
