//! Evidence about the tool: every requirement has a test and every id its requirement, and each way in which that can break is planted and
//! noticed; records of other tests are refused; the package says what is wrong on its first screen.

mod command;
mod makefile;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod uses;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use synth::evidence::release::data::{Data, KnownProblems};
use synth::evidence::release::families::{encoding_id, encoding_places};
use synth::evidence::release::record::{self, ALL, Binary, KIND, Outcome, Record, Run, SCHEMA};
use synth::evidence::release::requirements::{FAMILIES, LIST, Problem, Traced, Tree, extended_list, read_tree, trace};
use synth::evidence::release::{
    self, Inputs, SOURCE_SHA256, lemmas, package, sbom, smtlib, source_parts::PARTS, uses::Uses,
};
use synth::simulator::board::Folder;
use synth_validator::arm::encoding::patterns;
use synth_validator::evidence::source_digest;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tree() -> Tree {
    read_tree(root()).expect("readable")
}

/// With `BLESS=1` new ids are added to the list; none is ever taken out.
#[test]
fn requirements_tests_and_the_list_of_ids_fit_together() {
    let mut tree = tree();
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        let list = extended_list(tree.get(LIST).map_or("", String::as_str), &trace(&tree).requirements);
        std::fs::write(root().join(LIST), &list).expect("written");
        tree.insert(LIST.to_string(), list);
    }
    let traced = trace(&tree);
    let said: Vec<String> = traced.problems.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{} problems:\n{}", said.len(), said.join("\n"));
    let by_hand = |id: &str| !FAMILIES.iter().any(|f| id.starts_with(f));
    let stated = traced.requirements.iter().filter(|r| by_hand(&r.id)).count();
    println!(
        "{stated} requirements stated, {} made from tables, {} tests",
        traced.requirements.len() - stated,
        traced.tests.len()
    );
    assert!(stated >= 60 && traced.requirements.len() > 700, "{stated} of {}", traced.requirements.len());
}

/// Ids of encodings come from the text of the table; it is what the decoder has.
#[test]
fn encodings_are_those_of_the_decoder() {
    let places = encoding_places(&tree());
    let read: Vec<&str> = places.iter().map(|(pattern, _)| pattern.as_str()).collect();
    let has: Vec<&str> = patterns(false).chain(patterns(true)).collect();
    assert_eq!(read, has);
    assert_eq!(encoding_id("00011 00 mmm nnn ddd"), "TOR-ENC-16-00011.00.mmm.nnn.ddd");
}

/// A tree in which one text of a file is another, everywhere in it.
fn with(file: &str, from: &str, to: &str) -> Tree {
    let mut tree = tree();
    let text = tree.get_mut(file).unwrap_or_else(|| panic!("no {file}"));
    assert!(text.contains(from), "{file} has no {from:?}");
    *text = text.replace(from, to);
    tree
}

/// Each fault is noticed as what it is.
#[test]
fn planted_faults_are_noticed() {
    let noticed = |what: &str, tree: &Tree, expected: &dyn Fn(&Problem) -> bool| {
        let problems = trace(tree).problems;
        assert!(problems.iter().any(expected), "{what}: {problems:?}");
    };
    let id = |wanted: &'static str| move |found: &str| found == wanted;
    let is_empty = id("TOR-VERDICT-EMPTY");
    let claim = "validator/src/claim.rs";

    // A requirement that is renamed, left out, stated twice or not well formed.
    let renamed = with(claim, "Requirement TOR-VERDICT-EMPTY:", "Requirement TOR-VERDICT-NOTHING:");
    noticed("vanished", &renamed, &|p| matches!(p, Problem::Vanished(i) if is_empty(i)));
    noticed("unlisted", &renamed, &|p| matches!(p, Problem::Unlisted(_, i) if i == "TOR-VERDICT-NOTHING"));
    noticed("uncovered", &renamed, &|p| matches!(p, Problem::Uncovered(_, i) if i == "TOR-VERDICT-NOTHING"));
    noticed("unknown", &renamed, &|p| matches!(p, Problem::UnknownId(_, i) if is_empty(i)));
    for (from, to) in [
        ("Requirement TOR-VERDICT-EMPTY:", "Requirment TOR-VERDICT-EMPTY:"),
        ("Requirement TOR-VERDICT-EMPTY:", "Requirement TOR-VERDICT-EMPTY"),
        ("Requirement TOR-VERDICT-EMPTY:", "Requirement TOR-Verdict-Empty:"),
        ("Requirement TOR-VERDICT-EMPTY:", "Requirement TOR-OP-EMPTY:"),
        ("shall prove nothing.", "proves nothing."),
        ("shall prove nothing.", "shall prove nothing"),
        ("shall prove nothing.", "shall prove nothing, as TOR-EXIT-DONE says."),
    ] {
        noticed(to, &with(claim, from, to), &|p| matches!(p, Problem::Malformed(at, _) if at.file == claim));
    }
    let mut twice = tree();
    let stated = "// Requirement TOR-VERDICT-EMPTY: a claim shall be empty twice.\n";
    twice.get_mut("src/cli.rs").expect("there").push_str(stated);
    noticed("twice", &twice, &|p| matches!(p, Problem::Twice(_, i) if is_empty(i)));
    // It is no requirement where tests are.
    let mut elsewhere = tree();
    elsewhere.get_mut("tests/cli.rs").expect("there").push_str(&stated.replace("EMPTY", "ELSEWHERE"));
    noticed("elsewhere", &elsewhere, &|p| matches!(p, Problem::Malformed(at, _) if at.file == "tests/cli.rs"));

    // A test that no longer says what it covers, says something else, is gone or renamed away.
    let size = "tests/trust_size.rs";
    let silent = with(size, "/// Covers TOR-ENV-SIZE.\n", "");
    noticed("silent", &silent, &|p| matches!(p, Problem::Uncovered(_, i) if i == "TOR-ENV-SIZE"));
    let other = with(size, "Covers TOR-ENV-SIZE.", "Covers TOR-ENV-SIZES.");
    noticed("other", &other, &|p| matches!(p, Problem::UnknownId(_, i) if i == "TOR-ENV-SIZES"));
    let gone = with(size, "#[test]\nfn the_trusted_part_is_small", "fn the_trusted_part_is_small");
    noticed("gone", &gone, &|p| matches!(p, Problem::Stale(at) if at.file == size));
    noticed("gone", &gone, &|p| matches!(p, Problem::Uncovered(_, i) if i == "TOR-ENV-SIZE"));
    for wrong in
        ["Covers TOR-ENV-SIZE", "Covers: TOR-ENV-SIZE.", "Covers TOR-ENV-SIZE and others.", "Covers TOR-ENV-*."]
    {
        let tree = with(size, "Covers TOR-ENV-SIZE.", wrong);
        noticed(wrong, &tree, &|p| matches!(p, Problem::Malformed(at, _) if at.file == size));
    }
    let heading = with(
        claim,
        "//!\n//! Requirement TOR-VERDICT-EMPTY",
        "//! Covers TOR-VERDICT-EMPTY.\n//!\n//! Requirement TOR-VERDICT-EMPTY",
    );
    noticed("a heading without tests", &heading, &|p| matches!(p, Problem::Stale(at) if at.file == claim));

    // The list.
    let listed = |from: &str, to: &str| with(LIST, from, to);
    noticed(
        "not in the list",
        &listed("TOR-VERDICT-EMPTY\n", ""),
        &|p| matches!(p, Problem::Unlisted(_, i) if is_empty(i)),
    );
    let past = listed("TOR-VERDICT-EMPTY\n", "TOR-VERDICT-EMPTY\nTOR-VERDICT-PAST\n");
    noticed("past", &past, &|p| matches!(p, Problem::Vanished(i) if i == "TOR-VERDICT-PAST"));
    let withdrawn = listed("TOR-VERDICT-EMPTY\n", "TOR-VERDICT-EMPTY\nTOR-VERDICT-PAST withdrawn: it was said twice\n");
    assert_eq!(trace(&withdrawn).problems, [], "what is withdrawn with a reason may be gone");
    let back = listed("TOR-VERDICT-EMPTY\n", "TOR-VERDICT-EMPTY withdrawn: no longer\n");
    noticed("back", &back, &|p| matches!(p, Problem::Withdrawn(_, i) if is_empty(i)));
    for wrong in [
        "TOR-VERDICT-EMPTY withdrawn:\n",
        "TOR-VERDICT-EMPTY gone\n",
        "TOR-VERDICT-EMPTY\nTOR-VERDICT-EMPTY\n",
        "VERDICT\n",
    ] {
        noticed(wrong, &listed("TOR-VERDICT-EMPTY\n", wrong), &|p| matches!(p, Problem::ListLine(..)));
    }
}

/// The same for what is made from tables.
#[test]
fn planted_faults_in_tables_are_noticed() {
    let noticed = |what: &str, tree: &Tree, expected: &dyn Fn(&Problem) -> bool| {
        let problems = trace(tree).problems;
        assert!(problems.iter().any(expected), "{what}: {problems:?}");
    };
    // A new encoding, operator, lemma or rule has no cases and no id in the list.
    let encoding = "    (\"00011 00 mmm nnn ddd\",";
    let new =
        with("validator/src/arm/encoding.rs", encoding, &format!("    (\"1101 1111 cccc mmmm\", it),\n{encoding}"));
    noticed("encoding", &new, &|p| matches!(p, Problem::NoCases(i, _) if i == "TOR-ENC-16-1101.1111.cccc.mmmm"));
    noticed("encoding", &new, &|p| matches!(p, Problem::Unlisted(_, i) if i == "TOR-ENC-16-1101.1111.cccc.mmmm"));
    let operator = "Wasm::I32DivS =>";
    let new = with(
        "validator/src/wasm/decode.rs",
        operator,
        &format!("Wasm::I32Abs => (Operator::Nop, I, I),\n        {operator}"),
    );
    noticed("operator", &new, &|p| matches!(p, Problem::NoCases(i, _) if i == "TOR-OP-i32.abs"));
    let lemma = "lemma shl_over_and\n";
    let text = "lemma shl_of_nothing\n  rule   (shl ?x 0) => ?x\n  source DDI 0403E, LSL\n  broken 0\n\n";
    let new = with("lemmas/rules/shift.lemma", lemma, &format!("{text}{lemma}"));
    noticed("lemma", &new, &|p| matches!(p, Problem::NoCases(i, _) if i == "TOR-LEMMA-shl_of_nothing"));
    // A row that is gone leaves its id; a row of cases that is gone leaves the requirement without; one that is wrong is said.
    let gone = with("lemmas/selection/shift.select", "select lsl_amount\n", "select lsl_amounts\n");
    noticed("rule", &gone, &|p| matches!(p, Problem::Vanished(i) if i == "TOR-SELECT-lsl_amount"));
    let cases = "docs/conformance/symbolic.md";
    let row = "| `i32.xor` |";
    noticed("no row", &with(cases, row, "i32.xor"), &|p| matches!(p, Problem::NoCases(i, _) if i == "TOR-OP-i32.xor"));
    let renamed = with(cases, row, "| `i32.nor` |");
    noticed("orphan", &renamed, &|p| matches!(p, Problem::OrphanRow(_, r) if r == "i32.nor"));
    let differs = with(
        "docs/conformance/arm-encodings.md",
        "| `adds r, r, r` | 1 | 2000 | 667 | 0 | 0 | 0 |",
        "| `adds r, r, r` | 1 | 2000 | 667 | 0 | 0 | 1 |",
    );
    noticed(
        "differences",
        &differs,
        &|p| matches!(p, Problem::NoCases(i, _) if i == "TOR-ENC-16-00011.00.mmm.nnn.ddd"),
    );
    let unproved = with("lemmas/rules/proved.list", " shl_over_and\n", " shl_over_and_once\n");
    noticed("not proved", &unproved, &|p| matches!(p, Problem::NoCases(i, _) if i == "TOR-LEMMA-shl_over_and"));
    // The validator names an assumption that is new.
    let luck = with("validator/src/validate.rs", "\"A-LOAD\"", "\"A-LUCK\"");
    noticed("assumption", &luck, &|p| matches!(p, Problem::Assumption(at, a) if a == "A-LUCK" && at.line > 1));
    // Tables that cannot be read.
    let broken = with("lemmas/rules/shift.lemma", "lemma shl_over_and\n", "lemmma shl_over_and\n");
    noticed("unreadable", &broken, &|p| matches!(p, Problem::Table(path, _) if path == "lemmas/rules/shift.lemma"));
    let mut missing = tree();
    missing.remove(cases);
    noticed("missing", &missing, &|p| matches!(p, Problem::Table(path, _) if path == cases));
    // No test is about a family any more.
    let silent = with("validator/tests/arm_conformance.rs", "TOR-ENC-*, ", "");
    let silent_too = silent["validator/tests/arm_conformance.rs"].replace("/// Covers TOR-ENC-*.\n", "");
    let mut silent = silent;
    silent.insert("validator/tests/arm_conformance.rs".to_string(), silent_too);
    noticed("family", &silent, &|p| matches!(p, Problem::Uncovered(_, i) if i.starts_with("TOR-ENC-")));
}

/// The second formulation of lemmas, answered by z3: it says the same as the first. Broken twins have a model.
#[test]
fn obligations_in_text_hold_and_those_of_broken_twins_do_not() {
    let answer = |script: &str| {
        let mut params = z3::Params::new();
        params.set_u32("rlimit", 3_000_000);
        let solver = z3::Solver::new();
        solver.set_params(&params);
        solver.from_string(script);
        assert!(!solver.get_assertions().is_empty(), "{script}");
        solver.check()
    };
    let (mut held, mut open, mut refuted) = (0, 0, 0);
    for lemma in synth_lemmas::all() {
        match answer(&smtlib::script(&lemma)) {
            z3::SatResult::Unsat => held += 1,
            z3::SatResult::Unknown => open += 1,
            z3::SatResult::Sat => panic!("{} does not hold in text", lemma.name),
        }
        match answer(&smtlib::script(&lemma.broken_twin())) {
            z3::SatResult::Sat => refuted += 1,
            z3::SatResult::Unknown => {}
            z3::SatResult::Unsat => panic!("the broken twin of {} holds in text", lemma.name),
        }
    }
    println!("lemmas in text: {held} hold, {open} not decided; {refuted} broken twins refuted");
    let all = synth_lemmas::all().len();
    assert!(held * 10 > all * 8 && refuted * 10 > all * 9, "{held} and {refuted} of {all}");
}

/// A record in which every test of the sources passed.
fn passing(traced: &Traced, commit: &str) -> Record {
    let mut binaries: BTreeMap<String, BTreeMap<String, Outcome>> = BTreeMap::new();
    for test in &traced.tests {
        let file = &test.place.file;
        let (program, name) = match file.rsplit_once('/') {
            Some((folder, leaf)) if folder.ends_with("tests") => {
                let _ = leaf;
                (file.clone(), test.name.clone())
            }
            _ if file.contains("tests/") => {
                let (folder, leaf) = file.rsplit_once('/').expect("has a folder");
                let module = leaf.trim_end_matches(".rs");
                let name = if module == "main" { test.name.clone() } else { format!("{module}::{}", test.name) };
                (format!("{folder}/main.rs"), name)
            }
            _ => {
                let package = &file[..file.find("src/").expect("a source") + 4];
                let module = file[package.len()..].trim_end_matches(".rs").replace('/', "::");
                let name = if module == "lib" {
                    format!("tests::{}", test.name)
                } else {
                    format!("{module}::tests::{}", test.name)
                };
                (format!("{package}lib.rs"), name)
            }
        };
        binaries.entry(program).or_default().insert(name, Outcome::Ok);
    }
    let binaries = binaries.into_iter().map(|(source, tests)| Binary { source, ended_well: true, tests }).collect();
    Record {
        schema: SCHEMA,
        kind: KIND.to_string(),
        commit: commit.to_string(),
        source_sha256: SOURCE_SHA256.to_string(),
        selection: ALL.to_string(),
        runs: vec![Run { features: String::new(), binaries }],
        environment: BTreeMap::from([("date".to_string(), "2026-01-01T00:00:00Z".to_string())]),
    }
}

/// Inputs of a package with two lemmas, in which everything is as it has to be.
fn inputs() -> Inputs {
    let tree = tree();
    let traced = trace(&tree);
    let known = std::fs::read_to_string(root().join("docs/known-problems.toml")).expect("readable");
    Inputs {
        commit: "0".repeat(40),
        program_sha256: "1".repeat(64),
        profile: "release".to_string(),
        record: passing(&traced, &"0".repeat(40)),
        dossier: lemmas::dossier(&synth_lemmas::all()[..2], &[], &|_| ()),
        uses: Uses::default(),
        parts: vec![],
        interface: vec![],
        files: vec![],
        toolchain: vec![],
        known_problems: KnownProblems::read(&known).expect("well formed"),
        lines: (2, 1),
        traced,
        tree,
    }
}

fn text<'a>(package: &'a synth::evidence::release::Package, path: &str) -> &'a str {
    std::str::from_utf8(&package.files[path]).expect("text")
}

#[test]
fn a_package_is_a_function_of_its_inputs_and_says_that_all_is_well() {
    let first = package(&inputs()).expect("made");
    assert!(first.state.ok, "{:?}", first.state.reasons);
    let mut other = inputs();
    other.record.environment.insert("date".to_string(), "2027-02-02T00:00:00Z".to_string());
    let second = package(&other).expect("made");
    assert_eq!(first.files.keys().collect::<Vec<_>>(), second.files.keys().collect::<Vec<_>>());
    let changed: Vec<&String> = first.files.keys().filter(|path| first.files[*path] != second.files[*path]).collect();
    assert_eq!(changed, ["environment.json"], "date and host are in one file");
    for (path, bytes) in &first.files {
        let content = std::str::from_utf8(bytes).expect("text");
        if path.ends_with(".json") && !["sbom.cdx.json", "release.schema.json"].contains(&path.as_str()) {
            let value: serde_json::Value = serde_json::from_str(content).expect("JSON");
            assert_eq!(value["schema"], release::SCHEMA, "{path}");
        }
        if path.ends_with(".html") {
            assert!(!content.contains("src=\"http") && !content.contains("href=\"http"), "{path} needs a network");
            links_lead_somewhere(&first.files, path, content);
        }
    }
    assert!(text(&first, "index.html").contains("A-STACK") && text(&first, "index.html").contains("not done"));
    let manifest: serde_json::Value = serde_json::from_str(text(&first, "manifest.json")).expect("JSON");
    assert_eq!(manifest["content"].as_array().expect("a list").len(), first.files.len() - 2);
}

#[test]
fn every_json_file_has_the_form_of_the_schema() {
    let folder = Folder::new().expect("a folder");
    let written = folder.path().join("out");
    synth::evidence::folder::write(&written, &full().files).expect("written");
    println!("{}", python("schema.py", &[&root().join("docs/schema/release.schema.json"), &written]));
}

#[test]
fn pages_work_in_a_browser() {
    let folder = Folder::new().expect("a folder");
    let written = folder.path().join("out");
    synth::evidence::folder::write(&written, &full().files).expect("written");
    println!("{}", python("browser.py", &[&written]));
}

/// Runs a script of the tests of evidence, with Debian's Python, which has the packages that `scripts/setup-test.sh` installs.
fn python(script: &str, arguments: &[&Path]) -> String {
    let mut command = Command::new("/usr/bin/python3");
    let output = command.arg(root().join("tests/evidence").join(script)).args(arguments).output();
    let output = output.expect("python3 runs; scripts/setup-test.sh installs it");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{script}: {said}");
    said
}

/// A package in which every list has something.
fn full() -> release::Package {
    let mut inputs = inputs();
    let rules = synth::selection::load().expect("well formed");
    inputs.dossier = lemmas::dossier(&synth_lemmas::all()[..2], &rules[..1], &|_| ());
    let part = sbom::Part {
        name: "serde".to_string(),
        version: "1.0.0".to_string(),
        licence: Some("MIT".to_string()),
        sha256: None,
        is_linked: true,
        needs: vec!["other@1.0.0".to_string()],
    };
    inputs.parts = vec![part];
    let option =
        release::CommandOption { name: "--x".to_string(), help: "h".to_string(), values: vec!["y".to_string()] };
    inputs.interface =
        vec![release::Command { name: "synth x".to_string(), about: "a".to_string(), options: vec![option] }];
    inputs.files = vec![release::Tracked { path: "a".to_string(), bytes: 1, sha256: "2".repeat(64) }];
    inputs.toolchain = vec![("rustc".to_string(), "1".to_string())];
    inputs.traced.problems.push(Problem::Vanished("TOR-PAST".to_string()));
    package(&inputs).expect("made")
}

/// A page with the slashes that its templates escape.
fn unescaped(page: &str) -> String {
    page.replace("&#x2f;", "/")
}

/// Every relative link of a page is a file of the package, and its anchor is there.
fn links_lead_somewhere(files: &BTreeMap<String, Vec<u8>>, page: &str, content: &str) {
    let content = unescaped(content);
    for link in content.split("href=\"").skip(1).map(|rest| &rest[..rest.find('"').expect("ends")]) {
        if link.starts_with("data:") {
            continue;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { page } else { file };
        let bytes = files.get(target).unwrap_or_else(|| panic!("{page}: {link} leads nowhere"));
        let there = unescaped(&String::from_utf8_lossy(bytes));
        assert!(anchor.is_empty() || there.contains(&format!("id=\"{anchor}\"")), "{page}: {link} has no anchor");
    }
}

/// Nobody but a project qualifies a tool.
#[test]
fn no_page_promises_what_only_a_project_can_grant() {
    let package = package(&inputs()).expect("made");
    let mut found = 0;
    for (path, bytes) in &package.files {
        let content = String::from_utf8_lossy(bytes).to_lowercase();
        for word in ["qualified", "certified"] {
            assert!(!content.contains(word), "{path} says `{word}`");
        }
        found += content.matches("qualifiable").count();
    }
    assert!(found > 0);
}

/// What is wrong stands on the first screen, and nothing that depends on it is achieved.
#[test]
fn what_is_wrong_is_said_on_the_first_screen() {
    let check = |what: &str, expected: &str, not_achieved: &str, change: &dyn Fn(&mut Inputs)| {
        let mut inputs = inputs();
        change(&mut inputs);
        let package = package(&inputs).expect("made");
        assert!(!package.state.ok, "{what}");
        let first = text(&package, "index.html");
        assert!(package.state.reasons.iter().any(|r| r.contains(expected)), "{what}: {:?}", package.state.reasons);
        assert!(first.contains("Not everything is as it has to be") && first.contains("class=\"state bad\""), "{what}");
        let rows: serde_json::Value = serde_json::from_str(text(&package, "objectives.json")).expect("JSON");
        let rows = rows["content"]["rows"].as_array().expect("rows");
        let row = rows
            .iter()
            .find(|r| format!("{} {}", r["table"].as_str().unwrap(), r["row"].as_str().unwrap()) == not_achieved);
        assert_eq!(row.expect("a row")["status"], "not done", "{what}");
    };
    fn program<'a>(inputs: &'a mut Inputs, source: &str) -> &'a mut Binary {
        inputs.record.runs[0].binaries.iter_mut().find(|b| b.source == source).expect("a program")
    }
    fn set(inputs: &mut Inputs, outcome: Outcome) {
        let tests = &mut program(inputs, "tests/trust_size.rs").tests;
        *tests.get_mut("the_trusted_part_is_small").expect("a test") = outcome;
    }
    check("failed", "tests/trust_size.rs the_trusted_part_is_small", "T-0 5", &|i| set(i, Outcome::Failed));
    check("failed", "Requirement whose tests fail: TOR-ENV-SIZE", "T-0 5", &|i| set(i, Outcome::Failed));
    check("missing", "tests/trust_size.rs the_trusted_part_is_small", "T-0 5", &|i| set(i, Outcome::Missing));
    check("ignored", "did not all run: TOR-ENV-SIZE", "T-0 5", &|i| set(i, Outcome::Ignored));
    let not_run = "Test that did not run: tests/trust_size.rs::the_trusted_part_is_small";
    check("ignored", not_run, "T-0 5", &|i| set(i, Outcome::Ignored));
    // A test that covers no requirement is missed as well.
    let counting = "Test that did not run: tests/trust_size.rs::blank_lines_comments_and_tests_do_not_count";
    check("no result", counting, "T-0 5", &|i| {
        program(i, "tests/trust_size.rs").tests.remove("blank_lines_comments_and_tests_do_not_count").expect("a test");
    });
    check("not run", "did not all run: TOR-ENV-SIZE", "T-0 5", &|i| {
        i.record.runs[0].binaries.retain(|b| b.source != "tests/trust_size.rs")
    });
    check("ended badly", "Test program ended badly: tests/trust_size.rs", "T-0 5", &|i| {
        program(i, "tests/trust_size.rs").ended_well = false
    });
    check("a part", "a part of the tests only", "T-0 5", &|i| i.record.selection = "cargo test --test cli".to_string());
    check("stale", "Trace: ", "T-0 2", &|i| i.traced.problems.push(Problem::Vanished("TOR-PAST".to_string())));
    check("lemma", "is Unknown, its broken twin Refuted", "T-1 all", &|i| {
        i.dossier.entries[0].judged.verdict = "Unknown"
    });
    check("twin", "is Proved, its broken twin Proved", "T-1 all", &|i| {
        i.dossier.entries[0].judged.broken_twin = "Proved"
    });
    check("debug", "debug build", "T-1 all", &|i| i.profile = "debug".to_string());
}

/// Data files that name what is not there are errors.
#[test]
fn data_files_are_checked() {
    let traced = trace(&tree());
    let problem = |id: &str, state: &str, requirement: &str| {
        format!(
            "[[problem]]\nid = \"{id}\"\ntitle = \"t\"\nstate = \"{state}\"\nrequirements = [\"{requirement}\"]\nverdicts = \"v\"\n\
             workaround = \"w\"\nquery = \"q\"\n"
        )
    };
    let good = problem("KP-1", "open", "TOR-ENV-SIZE");
    let known = |text: &str| KnownProblems::read(text).and_then(|k| Data::read(&traced, &k));
    assert!(known(&good).is_ok());
    assert!(known(&problem("KP-1", "open", "TOR-ENV-SIZES")).expect_err("unknown").contains("TOR-ENV-SIZES"));
    assert!(known(&problem("KP-1", "closed", "TOR-ENV-SIZE")).expect_err("state").contains("closed"));
    assert!(known(&format!("{good}{good}")).expect_err("twice").contains("twice"));
    assert!(known("[[problem]]\nid = 1\n").is_err());
    // An assumption whose requirement is gone, and a requirement whose assumption is not told.
    let mut fewer = traced.clone();
    fewer.requirements.retain(|r| r.id != "TOR-ASSUME-RT");
    assert!(Data::read(&fewer, &KnownProblems { problem: vec![] }).expect_err("gone").contains("A-RT"));
    let mut more = traced.clone();
    more.requirements[0].id = "TOR-ASSUME-LUCK".to_string();
    assert!(Data::read(&more, &KnownProblems { problem: vec![] }).expect_err("not told").contains("TOR-ASSUME-LUCK"));
}

#[test]
fn what_is_linked_in_is_listed_once_and_repeats() {
    let output = Command::new("cargo")
        .current_dir(root())
        .args([
            "metadata",
            "--locked",
            "--offline",
            "--format-version",
            "1",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .output()
        .expect("runs");
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("readable");
    let parts = sbom::parts(&output.stdout, &lock, "4.8.12").expect("understood");
    let role = |name: &str| parts.iter().find(|p| p.name == name).map(|p| p.is_linked);
    assert_eq!(role("synth-validator"), Some(true));
    assert_eq!(
        (role("capstone-sys"), role("libz3"), role("serde_derive"), role("wasmi")),
        (Some(true), Some(true), Some(false), None)
    );
    let bom = |digest: &str| sbom::cyclonedx(&parts, digest).expect("as CycloneDX demands");
    assert_eq!(bom(&"0".repeat(64)), bom(&"0".repeat(64)));
    let value: serde_json::Value = serde_json::from_str(&bom(&"0".repeat(64))).expect("JSON");
    assert_eq!((&value["bomFormat"], &value["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert!(value.get("serialNumber").is_none() && value["metadata"].get("timestamp").is_none());
    assert_eq!(value["metadata"]["component"]["name"], "synth");
    assert!(value["components"].as_array().is_some_and(|c| c.len() == parts.len() - 1));
    assert!(sbom::licences(&parts).values().map(Vec::len).sum::<usize>() > 30);
    // A digest that the lock file lacks, and what is no output of cargo.
    let without: String = lock.lines().filter(|l| !l.starts_with("checksum")).map(|l| format!("{l}\n")).collect();
    assert!(sbom::parts(&output.stdout, &without, "4").expect_err("no digest").contains("no digest"));
    assert!(sbom::parts(b"{}", &lock, "4").is_err());
}
