//! The store of proofs: nothing that changed is found, damage is named, and what was made up is contradicted by a proof.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use support::command::{Folder, check, corpus, json, synth as command};
use support::proofs::deep;
use support::tamper::Subject;
use synth::proof_cache::{Cached, Found, Key, Keys, ProofCache, Prover};
use synth_validator::certificate::{self, sha256};
use synth_validator::claim::{Claim, Ignoring};
use synth_validator::contract::{Bounds, Native, SYM_FUNCTION, SYM_INIT};
use synth_validator::ladder::Limits;
use synth_validator::prove_all::Functions;
use synth_validator::validate::{FunctionReport, Session, Verdict};

/// Functions: 0 an import, 1 a leaf that is inlined into 2, 3 by itself behind them, 4 that nothing calls.
const MODULE: &str = r#"(module
  (import "e" "h" (func $h (param i32) (result i32)))
  (memory 1) (global $g (mut i32) (i32.const 7)) (data (i32.const 8) "data")
  (func $leaf (export "leaf") (param i32) (result i32) (i32.add (local.get 0) (i32.const 5)))
  (func (export "caller") (param i32) (result i32)
    (i32.store (i32.const 16) (call $leaf (local.get 0)))
    (call $h (i32.xor (call $leaf (local.get 0)) (global.get $g))))
  (func (export "last") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func (result i32) (memory.size)))"#;
const LEAF: u32 = 1;
const CALLER: u32 = 2;
const LAST: u32 = 3;

fn session<'a>(wasm: &'a [u8], object: &[u8], claim: Option<Claim>) -> Option<Session<'a>> {
    Session::new(wasm, object, claim, Limits::default()).ok()
}

/// The keys of all functions of an object.
fn keys_by(wasm: &[u8], object: &[u8], claim: Option<Claim>, limits: Limits, prover: &Prover) -> BTreeMap<u32, Key> {
    let Ok(session) = Session::new(wasm, object, claim, limits) else { return BTreeMap::new() };
    let keys = Keys::new(&session, wasm, object, &limits, prover);
    let of = |index: u32| Some((index, keys.as_ref()?.of(index)?));
    session.functions().into_iter().filter_map(of).collect()
}

fn keys(wasm: &[u8], object: &[u8], claim: Option<Claim>) -> BTreeMap<u32, Key> {
    keys_by(wasm, object, claim, Limits::default(), &Prover::this())
}

fn subject_keys(text: &str) -> BTreeMap<u32, Key> {
    let subject = Subject::new(text);
    keys(&subject.wasm, &subject.compiled.object, None)
}

#[test]
fn a_key_depends_on_everything_that_a_proof_rests_on() {
    let subject = Subject::new(MODULE);
    let (wasm, object) = (&subject.wasm, &subject.compiled.object);
    let base = keys(wasm, object, None);
    assert!([LEAF, CALLER, LAST].iter().all(|f| base.contains_key(f)), "{base:?}");
    assert_eq!(base, subject_keys(MODULE), "the same thing has the same keys");
    let differ = |what: &str, other: &BTreeMap<u32, Key>, functions: &[u32]| {
        for f in functions {
            assert!(other.contains_key(f) && other[f] != base[f], "{what}: function {f}");
        }
    };
    let all = [LEAF, CALLER, LAST];
    let this = Prover::this();
    assert!(this.validator_sha256.len() == 64 && !this.solver.is_empty());
    let by = |limits, prover: &Prover| keys_by(wasm, object, None, limits, prover);
    differ("validator", &by(Limits::default(), &Prover { validator_sha256: "0".repeat(64), ..this.clone() }), &all);
    differ("solver", &by(Limits::default(), &Prover { solver: "Z3 4.8.13.0".to_string(), ..this.clone() }), &all);
    let limits = Limits::default();
    for other in [
        Limits { smt_steps: limits.smt_steps + 1, ..limits },
        Limits { full_steps: limits.full_steps + 1, ..limits },
        Limits { region_steps: limits.region_steps + 1, ..limits },
        Limits { queries: limits.queries + 1, ..limits },
    ] {
        differ("limits", &by(other, &this), &all);
    }
    // Everything of the module but other functions' bodies.
    for (from, to, functions) in [
        ("\"data\"", "\"dada\"", &all[..]),
        ("i32.const 7", "i32.const 6", &all),
        ("\"e\" \"h\"", "\"e\" \"k\"", &all),
        ("(memory 1)", "(memory 1 2)", &all),
        ("(memory.size)", "(memory.grow (i32.const 0))", &all),
        ("i32.const 5", "i32.const 4", &[LEAF, CALLER]),
        ("i32.const 16", "i32.const 20", &[CALLER]),
        ("i32.const 3", "i32.const 5", &[LAST]),
    ] {
        assert_eq!(MODULE.matches(from).count(), 1, "{from}");
        differ(to, &subject_keys(&MODULE.replace(from, to)), functions);
    }
    differ("names", &subject_keys(&MODULE.replace("$leaf", "$loaf")), &all);
    // The contract.
    let mut claim = subject.compiled.claim.clone();
    claim.contract.bounds = Bounds::Mpu;
    differ("contract", &keys(wasm, object, Some(claim)), &all);
    // The claim of the function, and of those it relies on.
    let claim = &subject.compiled.claim;
    let place = |f: u32| claim.functions.iter().position(|c| c.index == f).expect("claimed");
    assert!(claim.functions[place(CALLER)].stages.iter().any(|s| !s.inlined.is_empty()), "the leaf is inlined");
    let mut changed = claim.clone();
    changed.functions[place(LEAF)].stages[0].name.push('x');
    let other = keys(wasm, object, Some(changed));
    differ("claim of the callee", &other, &[LEAF, CALLER]);
    assert_eq!(other[&LAST], base[&LAST], "a claim that it does not rely on");
    let mut ignoring = claim.clone();
    ignoring.functions[place(LAST)].stages[0].ignoring.push(Ignoring { callee: LEAF, stage: 1 });
    differ("words that any claim ignores", &keys(wasm, object, Some(ignoring)), &all);
    let mut double = claim.clone();
    double.functions.push(double.functions[place(LAST)].clone());
    assert!(keys(wasm, object, Some(double)).is_empty(), "a function with two claims");
    // Whose address an access has is found by looking at all bodies.
    let mut native = claim.clone();
    native.contract.native = [Native::Param(LAST, 0)].into();
    let native_keys = |wasm: &[u8]| keys(wasm, object, Some(native.clone()));
    let other = native_keys(&wat::parse_str(MODULE.replace("i32.const 16", "i32.const 20")).expect("a module"));
    assert_ne!(native_keys(wasm)[&LEAF], other[&LEAF]);
}

/// What is called before a function decides which assumptions its proof names.
#[test]
fn a_key_depends_on_the_code_of_the_start_up_function() {
    let subject = Subject::new(
        &MODULE.replace("(memory 1)", "(memory 1) (start $set) (func $set (global.set $g (i32.const 9)))"),
    );
    let (wasm, object) = (&subject.wasm, &subject.compiled.object);
    let base = keys(wasm, object, None);
    assert!(!base.is_empty());
    assert_eq!(base, keys(wasm, object, None), "the same thing has the same keys");
    let nop = [0x00, 0xbf];
    assert_ne!(object[subject.bytes_of(SYM_INIT)][..2], nop);
    let other = keys(wasm, &subject.patched(SYM_INIT, 0, &nop), None);
    assert_eq!(other.len(), base.len());
    for (index, key) in base {
        assert_ne!(other[&index], key, "function {index}");
    }
}

#[test]
fn what_did_not_change_is_found_where_something_else_did() {
    let base = subject_keys(MODULE);
    let other = subject_keys(&MODULE.replace("i32.const 3", "i32.const 5"));
    assert_eq!((&base[&LEAF], &base[&CALLER]), (&other[&LEAF], &other[&CALLER]));
}

/// A store that knows the functions of an object.
fn filled(folder: &Folder, subject: &Subject) -> (ProofCache, BTreeMap<u32, FunctionReport>) {
    let store = ProofCache::open(&folder.path("store")).expect("opens");
    let (wasm, object) = (&subject.wasm, &subject.compiled.object);
    let session = session(wasm, object, None).expect("reads");
    let reports =
        deep(|| session.functions().into_iter().map(|f| (f, session.function(f))).collect::<BTreeMap<_, _>>());
    for (f, key) in keys(wasm, object, None) {
        assert_eq!(reports[&f].verdict, Verdict::Proved);
        store.store(&key, &reports[&f]).expect("stores");
    }
    (store, reports)
}

/// What a store says of functions of another object or claim has to be what proofs find.
fn agrees(store: &ProofCache, wasm: &[u8], object: &[u8], claim: Option<Claim>) -> (u32, u32) {
    let (mut hits, mut misses) = (0, 0);
    let keys = keys(wasm, object, claim.clone());
    let Some(session) = session(wasm, object, claim) else { return (0, 0) };
    for (f, key) in keys {
        match store.find(&key, f) {
            Found::Report(stored) => {
                assert_eq!(deep(|| session.function(f)), *stored, "function {f}");
                hits += 1;
            }
            Found::Nothing => misses += 1,
            Found::Damaged(_, why) => panic!("function {f}: {why}"),
        }
    }
    (hits, misses)
}

#[test]
fn no_mutant_of_code_is_found() {
    let (folder, subject) = (Folder::new("mutants"), Subject::new(MODULE));
    let (store, reports) = filled(&folder, &subject);
    assert_eq!(agrees(&store, &subject.wasm, &subject.compiled.object, None), (reports.len() as u32, 0));
    let mut missed = 0;
    for f in [LEAF, CALLER, LAST] {
        for offset in 0..subject.code(f).len() {
            for bit in [0, 3, 7] {
                let mut object = subject.compiled.object.clone();
                object[subject.code(f).start + offset] ^= 1 << bit;
                let Some(key) = keys(&subject.wasm, &object, None).remove(&f) else { continue };
                assert_eq!(store.find(&key, f), Found::Nothing, "function {f}, byte {offset}, bit {bit}");
                missed += 1;
            }
        }
    }
    println!("{missed} mutants of code, none found");
    assert!(missed > 100, "{missed}");
}

#[test]
fn mutants_of_the_object_and_the_claim_are_found_only_where_their_proofs_say_the_same() {
    let (folder, subject) = (Folder::new("anywhere"), Subject::new(MODULE));
    let (store, _) = filled(&folder, &subject);
    let (wasm, object, claim) = (&subject.wasm, &subject.compiled.object, subject.compiled.claim.encode());
    let mut sums = [(0, 0); 2];
    let mut add = |which: usize, (hits, misses): (u32, u32)| {
        sums[which].0 += hits;
        sums[which].1 += misses;
    };
    for at in (0..object.len()).step_by(29) {
        let mut mutant = object.clone();
        mutant[at] ^= 1 << (at % 8);
        add(0, agrees(&store, wasm, &mutant, None));
    }
    for at in (0..claim.len()).step_by(11) {
        let mut mutant = claim.clone();
        mutant[at] ^= 1 << (at % 8);
        if let Ok(mutant) = Claim::decode(&mutant) {
            add(1, agrees(&store, wasm, object, Some(mutant)));
        }
    }
    println!("objects and claims: (found, not found) {sums:?}");
    assert!(sums.iter().all(|(hits, misses)| *hits > 20 && *misses > 10), "{sums:?}");
}

#[test]
fn a_damaged_entry_is_named_and_not_used() {
    let (folder, subject) = (Folder::new("damaged"), Subject::new(MODULE));
    let (store, reports) = filled(&folder, &subject);
    let keys = keys(&subject.wasm, &subject.compiled.object, None);
    let (key, file) = (&keys[&LEAF], store.file(&keys[&LEAF]));
    assert_eq!(store.find(key, LEAF), Found::Report(Box::new(reports[&LEAF].clone())));
    let text = std::fs::read(&file).expect("an entry");
    let damaged = |bytes: &[u8]| {
        std::fs::write(&file, bytes).expect("writes");
        matches!(store.find(key, LEAF), Found::Damaged(path, why) if path == file && !why.is_empty())
    };
    for at in 0..text.len() {
        let mut bytes = text.clone();
        bytes[at] ^= 1;
        assert!(damaged(&bytes), "byte {at}");
        assert!(damaged(&text[..at]), "cut off at {at}");
    }
    assert!(damaged(&[&text[..], b" "].concat()));
    let other = std::fs::read(store.file(&keys[&LAST])).expect("an entry");
    assert!(damaged(&other), "the entry of another key");
    assert!(!damaged(&text));
    assert!(matches!(store.find(key, LAST), Found::Damaged(..)), "the entry of another function");
    // It is proved again, and the entry is as it should be.
    std::fs::write(&file, &text[1..]).expect("writes");
    let (wasm, object) = (&subject.wasm, &subject.compiled.object);
    let session = session(wasm, object, None).expect("reads");
    let cached = |indices| {
        Cached::new(&session, indices)
            .with(&store, Keys::new(&session, wasm, object, &Limits::default(), &Prover::this()))
    };
    let first = cached(vec![LEAF]);
    assert_eq!(deep(|| first.prove(LEAF)), reports[&LEAF]);
    let uses = first.uses();
    assert!(
        uses.hits.is_empty() && uses.attempted == [LEAF] && uses.damaged[&LEAF].contains("is no entry"),
        "{uses:?}"
    );
    assert_eq!(std::fs::read(&file).expect("an entry"), text);
    // What another process has stored is a hit; what this one has is not.
    let again = cached(vec![LEAF]);
    assert_eq!(deep(|| again.prove(LEAF)), reports[&LEAF]);
    assert_eq!((again.uses().hits, cached(vec![]).uses().hits), (vec![], vec![]));
}

#[test]
fn only_proofs_are_stored() {
    let (folder, subject) = (Folder::new("refuted"), Subject::new(MODULE));
    let store = ProofCache::open(&folder.path("store")).expect("opens");
    let (object, key) = broken(&subject);
    let session = session(&subject.wasm, &object, None).expect("reads");
    let cached = Cached::new(&session, vec![LAST])
        .with(&store, Keys::new(&session, &subject.wasm, &object, &Limits::default(), &Prover::this()));
    assert!(matches!(deep(|| cached.prove(LAST)).verdict, Verdict::Refuted(_)));
    assert_eq!((store.find(&key, LAST), cached.uses().attempted), (Found::Nothing, vec![LAST]));
}

/// The object with code of the last function that computes something else, and that function's key.
fn broken(subject: &Subject) -> (Vec<u8>, Key) {
    let symbol = format!("{SYM_FUNCTION}{LAST}");
    // movs r0, #1
    let object = subject.patched(&symbol, 0, &[0x01, 0x20]);
    let key = keys(&subject.wasm, &object, None).remove(&LAST).expect("a key");
    (object, key)
}

/// Puts the proof of right code under the key of wrong code, digest and all. Result: the key as text.
fn poisoned(store: &ProofCache, key: &Key, report: &FunctionReport) -> String {
    let text = serde_json::to_string(report).expect("JSON");
    let file = store.file(key);
    let hex = file.file_stem().expect("a name").to_str().expect("text").to_string();
    let digest = sha256(format!("{hex}\n{text}").as_bytes());
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(&file, format!("{{\"schema\":1,\"key\":\"{hex}\",\"sha256\":\"{digest}\",\"report\":{text}}}\n"))
        .expect("writes");
    assert!(matches!(store.find(key, report.index), Found::Report(_)), "it is well made");
    hex
}

/// An entry about code that a refused pass made: it is contradicted although all is compiled and proved again without the pass, and the
/// evidence says both.
#[cfg(feature = "faults")]
#[test]
fn an_entry_that_is_contradicted_is_told_although_a_fault_has_a_pass_refused() {
    use synth::pipeline::{Options, compile};
    const FAULT: &str = "if_convert-exchanged";
    const DECIDES: u32 = 5;
    let folder = Folder::new("refused");
    let module = corpus("semaphore");
    let wasm = std::fs::read(&module).expect("readable");
    let built = |fault| compile(&wasm, &Options { fault, ..Options::default() }).expect("compiles").object;
    let (right, wrong) = (built(None), built(Some(FAULT)));
    assert_ne!(right, wrong);
    let report = deep(|| session(&wasm, &right, None).expect("reads").function(DECIDES));
    let store = ProofCache::open(&folder.path("store")).expect("opens");
    let hex = poisoned(&store, &keys(&wasm, &wrong, None)[&DECIDES], &report);
    let (cache, object, evidence) = (folder.text("store"), folder.text("k.o"), folder.text("evidence"));
    let args = ["compile", "--validate", &module, "-o", &object, "--fault", FAULT, "--proof-cache", &cache];
    let args = [&args[..], &["--proof-cache-check", "--evidence", &evidence]].concat();
    let (_, err) = check(&args, 1);
    assert!(err.contains("wrong about function 5") && err.contains(&hex), "{err}");
    assert!(!folder.path("k.o").exists(), "nothing is written");
    let state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path("evidence/evidence.json")).expect("written")).expect("JSON");
    let reasons = state["state"]["reasons"].to_string();
    for reason in ["refused the pass if_convert", "the proof cache is wrong about a function"] {
        assert!(reasons.contains(reason), "{reasons}");
    }
}

#[test]
fn a_poisoned_entry_is_contradicted_by_every_proof() {
    let (folder, subject) = (Folder::new("poisoned"), Subject::new(MODULE));
    let (store, reports) = filled(&folder, &subject);
    let (object, key) = broken(&subject);
    let hex = poisoned(&store, &key, &reports[&LAST]);

    let (module, file) = (folder.write("m.wasm", &subject.wasm), folder.write("m.o", &object));
    let (cache, dir) = (folder.text("store"), folder.text("certificate"));
    let taking = ["validate", &module, &file, "--proof-cache", &cache];
    // A verdict that is taken rests on the store …
    let (out, _) = check(&[&taking[..], &["--certificate", &dir]].concat(), 0);
    assert!(out.contains("rests on it until it is proved again"), "{out}");
    // … and nothing that proves believes it.
    let damage = certificate::check(&PathBuf::from(&dir), &subject.wasm, &object, 1, &|_| {}).expect_err("it is wrong");
    assert!(damage.place.contains("functions"), "{damage}");
    check(&["validate", &module, &file], 1);
    let (_, err) = check(&[&taking[..], &["--proof-cache-check"]].concat(), 1);
    assert!(err.contains("wrong about function 3") && err.contains(&hex), "{err}");
    // What is contradicted is taken by nobody again.
    assert!(matches!(store.find(&key, LAST), Found::Nothing));
    check(&taking, 1);
    poisoned(&store, &key, &reports[&LAST]);
    let said = json(&[&taking[..], &["--proof-cache-check"]].concat(), 1);
    assert!(
        said["proof_cache"]["contradicted"]["3"].is_string() && said["proof_cache"]["hits"] == serde_json::json!([]),
        "{said}"
    );
}

/// An entry that says `Proved` and by what not.
#[test]
fn an_entry_without_obligations_is_no_proof() {
    let (folder, subject) = (Folder::new("empty"), Subject::new(MODULE));
    let (store, reports) = filled(&folder, &subject);
    let (_, key) = broken(&subject);
    for links in [0, reports[&LAST].links.len()] {
        let mut report = reports[&LAST].clone();
        report.links.truncate(links);
        report.links.iter_mut().for_each(|link| link.effort.rungs = [0; 7]);
        store.store(&key, &report).expect("written");
        assert!(matches!(store.find(&key, LAST), Found::Damaged(..)), "{links}");
    }
}

#[test]
fn certificates_are_the_same_with_and_without_a_store() {
    let folder = Folder::new("same");
    let cache = folder.text("cache");
    let compile = |name: &str, more: &[&str]| {
        let (object, dir) = (folder.text(&format!("{name}.o")), folder.text(name));
        let module = corpus("semaphore");
        let args = ["compile", "--validate", &module, "-o", &object, "--certificate", &dir];
        json(&[&args[..], more].concat(), 0)
    };
    let with = ["--proof-cache", &cache];
    let (plain, first, second) = (compile("plain", &[]), compile("first", &with), compile("second", &with));
    let checked = compile("checked", &[&with[..], &["--proof-cache-check"]].concat());
    let counts = |said: &serde_json::Value| {
        let count = |field: &str| said["proof_cache"][field].as_array().map_or(0, Vec::len);
        (count("hits"), count("attempted"))
    };
    assert!(plain["proof_cache"].is_null());
    assert_eq!((counts(&first), counts(&second), counts(&checked)), ((0, 7), (7, 0), (0, 7)));
    for file in ["certificate.json", "claim.bin", "passes.json"] {
        let read = |name: &str| std::fs::read(folder.path(name).join(file)).expect("written");
        for name in ["first", "second", "checked"] {
            assert_eq!(read(name), read("plain"), "{name}, {file}");
        }
    }
    let object = folder.text("plain.o");
    let (out, _) = check(&["validate", &corpus("semaphore"), &object, "--proof-cache", &cache], 0);
    assert!(out.contains(&format!("proof cache: 7 functions taken from {cache}, 0 attempted")), "{out}");
    // Other limits are another proof.
    let (out, _) =
        check(&["validate", &corpus("semaphore"), &object, "--proof-cache", &cache, "--limit-queries", "2999"], 0);
    assert!(out.contains("proof cache: 0 functions taken"), "{out}");
    let corpus_run = json(&["corpus", "run", "--validate", "--only", "semaphore", "--proof-cache", &cache], 0);
    assert_eq!(corpus_run["totals"]["taken"], 7);
    // Damage is said on the standard error, and the verdict is as before.
    let entries = files(&folder.path("cache"));
    std::fs::write(&entries[0], "{}").expect("writes");
    let warned: Vec<String> = (0..2)
        .map(|_| check(&["validate", &corpus("semaphore"), &object, "--proof-cache", &cache], 0).1)
        .chain([check(
            &["validate", &corpus("semaphore"), &object, "--proof-cache", &cache, "--limit-queries", "2999"],
            0,
        )
        .1])
        .collect();
    let warnings = warned.iter().filter(|w| w.contains("warning: the proof cache, function")).count();
    assert_eq!(warnings, 1, "{warned:?}");
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn processes_share_a_store() {
    let folder = Folder::new("shared");
    let (module, object, cache) = (corpus("mutex"), folder.text("out.o"), folder.text("cache"));
    check(&["compile", &module, "-o", &object], 0);
    let args = ["validate", &module, &object, "--proof-cache", &cache, "--format", "json"];
    let start = |_| command(&args).stdout(std::process::Stdio::piped()).spawn().expect("starts");
    let running: Vec<_> = (0..4).map(start).collect();
    let said = running.into_iter().map(|p| p.wait_with_output().expect("ends"));
    let certificates: std::collections::BTreeSet<String> = said
        .map(|output| {
            assert!(output.status.success());
            let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(said["proof_cache"]["damaged"], serde_json::json!({}));
            said["validation"].to_string()
        })
        .collect();
    assert_eq!(certificates.len(), 1);
    let functions = json(&args[..5], 0)["proof_cache"]["hits"].as_array().expect("a list").len();
    let stored = files(&folder.path("cache"));
    assert_eq!(stored.len(), functions, "{stored:?}");
    assert!(functions > 3 && stored.iter().all(|f| f.extension().is_some_and(|e| e == "json")), "{stored:?}");
}

#[test]
fn a_store_that_cannot_be_is_an_error() {
    let folder = Folder::new("errors");
    let (module, object) = (corpus("mutex"), folder.text("out.o"));
    let (_, err) = check(&["compile", &module, "-o", &object, "--proof-cache", &folder.text("cache")], 2);
    assert!(err.contains("--validate") && !folder.path("cache").exists() && !folder.path("out.o").exists(), "{err}");
    let file = folder.write("file", "text");
    let (_, err) = check(&["compile", "--validate", &module, "-o", &object, "--proof-cache", &file], 2);
    assert!(err.contains("proof cache") && !folder.path("out.o").exists(), "{err}");
    check(&["compile", "--validate", &module, "-o", &object, "--proof-cache-check"], 2);
}
