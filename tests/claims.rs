//! Damaged claims and certificates. A claim is not believed, so a damaged one may at worst fail to prove what is true. Here it is tried on
//! code that is wrong: no claim proves that. And a damaged certificate is refused with the place of the damage, whatever was damaged and
//! even where the digests are made to fit.
//!
//! `CLAIM_MUTANTS=n` sets how many claims are tried on each wrong object, and how many rounds of damage a certificate gets; with `BLESS=1` the
//! tables in `docs/conformance/` are written then (`make claims`).

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use support::packages::repository;
use support::proofs::{deep, deep_map};
use support::tamper::Subject;
use synth::mutate::inputs::Random;
use synth::mutate::layout::Layout;
use synth::simulator::board::Folder;
use synth_validator::arm::decode::{Code, decode};
use synth_validator::certificate::{CERTIFICATE_FILE, CLAIM_FILE, Certificate, check, sha256};
use synth_validator::claim::Claim;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::prove_all;
use synth_validator::validate::{Session, Verdict};

const LIMITS: Limits = Limits { smt_steps: 200_000, full_steps: 200_000, region_steps: 3_000, queries: 100 };

/// Loops, an egg proof, inlining, ignored arguments, indirect calls, words at joins that copy a sign or are one word.
const MODULES: [&str; 4] = [
    r#"(module (memory 1)
      (func (export "fill") (param $at i32) (param $n i32) (result i32)
        (loop $next
          (if (i32.and (local.get $n) (i32.const 0xff)) (then
            (i32.store8 (local.get $at) (i32.mul (local.get $n) (i32.const 8)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $next))))
        (i32.or (i32.shl (local.get $at) (i32.const 3)) (i32.shr_u (local.get $at) (i32.const 29)))))"#,
    r#"(module
      (import "e" "h" (func $h (param i32) (result i32)))
      (global $g (mut i32) (i32.const 5))
      (func $small (param i32 i32) (result i32) (i32.add (local.get 0) (call $h (local.get 1))))
      (func $large (param i32 i32) (result i32)
        (global.set $g (i32.rem_u (call $h (local.get 0)) (i32.const 10)))
        (if (result i32) (global.get $g) (then (call $small (i32.const 1) (local.get 0))) (else (i32.const 3))))
      (func (export "a") (param i32) (result i32) (call $large (local.get 0) (i32.const 77)))
      (func (export "b") (param i32) (result i32) (call $large (call $small (local.get 0) (i32.const 2)) (local.get 0))))"#,
    r#"(module (type $t (func (param i32) (result i64)))
      (table 2 funcref) (elem (i32.const 0) $x $y)
      (func $x (type $t) (i64.mul (i64.extend_i32_s (local.get 0)) (i64.const 3)))
      (func $y (type $t) (i64.const 9))
      (func (export "apply") (param i32 i32) (result i64)
        (local i64)
        (loop $l
          (local.set 2 (i64.add (local.get 2) (call_indirect (type $t) (local.get 1) (i32.and (local.get 0) (i32.const 1)))))
          (br_if $l (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1)))))
        (local.get 2)))"#,
    r#"(module
      (import "e" "tell" (func $tell (param i64)))
      (import "e" "ask" (func $ask (param i32) (result i32)))
      (memory 1)
      (func (export "square") (param i32 i32) (result i64)
        (local i64)
        (local.set 2 (i64.extend_i32_s (local.get 0)))
        (if (local.get 1) (then (call $tell (local.get 2))))
        (i64.mul (local.get 2) (local.get 2)))
      (func (export "falls") (param i32 i32) (result i32)
        (local i32 i32 i32)
        (loop
          (local.set 3 (local.get 0))
          (i32.store (i32.const 8)
            (i32.lt_u
              (i32.shr_u (local.get 0) (local.get 2))
              (if (result i32) (local.get 4)
                (then (local.set 0 (call $ask (local.get 0))) (local.get 3))
                (else (local.get 0)))))
          (local.set 0 (i32.add (local.get 0) (i32.load (i32.const 8))))
          (br_if 0 (local.tee 1 (i32.shr_u (local.get 1) (i32.const 1)))))
        (local.get 0)))"#,
];

/// What the modules are about.
const SUBJECTS: [&str; 4] =
    ["loop, egg proof", "inlining, ignored arguments, imports", "indirect calls, i64", "sign copies, equal words"];

/// Places inside of a document that hold something to change, as paths. The whole document is none: in what takes its place there may be
/// nothing to change.
fn places(value: &Value, here: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    let mut inside = |children: &mut dyn Iterator<Item = &Value>| {
        for (i, child) in children.enumerate() {
            here.push(i);
            found.push(here.clone());
            places(child, here, found);
            here.pop();
        }
    };
    match value {
        Value::Array(all) => inside(&mut all.iter()),
        Value::Object(all) => inside(&mut all.values()),
        _ => {}
    }
}

fn at<'v>(value: &'v mut Value, path: &[usize]) -> &'v mut Value {
    path.iter().fold(value, |value, i| match value {
        Value::Array(all) => &mut all[*i],
        Value::Object(all) => all.values_mut().nth(*i).expect("a field"),
        _ => unreachable!("only these have children"),
    })
}

/// Changes one place of a document: a number, a text, a choice, a list.
fn damaged(document: &Value, random: &mut Random) -> Value {
    let mut paths = Vec::new();
    places(document, &mut Vec::new(), &mut paths);
    let mut new = document.clone();
    loop {
        let path = random.pick(&paths).clone();
        let source = random.pick(&paths).clone();
        let other = at(&mut document.clone(), &source).clone();
        let place = at(&mut new, &path);
        match place {
            Value::Number(n) => {
                let n = n.as_i64().unwrap_or(0);
                let changed = match random.below(5) {
                    0 => n.wrapping_add(1),
                    1 => n.wrapping_sub(1),
                    2 => n ^ 1 << random.below(16),
                    3 => n.wrapping_add(4),
                    _ => random.below(16) as i64,
                };
                *place = changed.into();
            }
            Value::String(text) => match random.below(2) {
                0 => text.push('x'),
                _ => {
                    *text = ["Add", "Sub", "Ult", "Slt", "Eq", "Ne", "Word", "Byte", "None", "Software"]
                        [random.below(10)]
                    .into()
                }
            },
            Value::Bool(b) => *b = !*b,
            Value::Array(all) if !all.is_empty() => {
                let i = random.below(all.len());
                match random.below(4) {
                    0 => drop(all.remove(i)),
                    1 => all.insert(i, all[i].clone()),
                    2 => all.swap(0, i),
                    _ => all[i] = other,
                }
            }
            _ => *place = other,
        }
        if new != *document {
            return new;
        }
    }
}

/// A claim with changes that its form allows.
fn damaged_claim(claim: &Value, random: &mut Random) -> Claim {
    loop {
        let mut changed = claim.clone();
        (0..1 + random.below(2)).for_each(|_| changed = damaged(&changed, random));
        if let Ok(claim) = serde_json::from_value(changed) {
            return claim;
        }
    }
}

fn codes(session: &Session<'_>) -> Vec<Option<Code>> {
    let count = session.module().functions.len() as u32;
    (0..count).map(|f| session.object().functions.get(&f).and_then(|b| decode(b).ok())).collect()
}

/// Objects that do something else: executions of the validator have shown it.
fn wrong_objects(subject: &Subject, count: usize) -> Vec<Vec<u8>> {
    let session = Session::new(&subject.wasm, &subject.compiled.object, None, LIMITS).map_err(|e| e.to_string());
    let session = session.expect("reads");
    let codes = codes(&session);
    let layout = Layout::new(&subject.compiled.object, &session, &codes).expect("an object");
    let mut found = Vec::new();
    for number in 0.. {
        let mutant = layout.mutant(&mut Random::new(0xc1a1, number)).expect("a mutant");
        let Ok(changed) = session.with_object(&mutant.object) else { continue };
        if changed.functions().into_iter().any(|f| matches!(changed.function(f).verdict, Verdict::Refuted(_))) {
            found.push(mutant.object);
        }
        if found.len() == count {
            break;
        }
    }
    found
}

/// Whether all is proved: by the verdict, or by its links alone, whatever executions say.
fn is_accepted(session: &Session<'_>) -> bool {
    session.image() == Verdict::Proved
        && session.functions().into_iter().all(|f| {
            let report = session.function(f);
            let links = report.links.iter().all(|l| l.verdict == Verdict::Proved) && !report.links.is_empty();
            report.verdict == Verdict::Proved || links
        })
}

/// How much to try: as asked for, else this.
fn tries(default: u64) -> u64 {
    std::env::var("CLAIM_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Writes a table of a large run, if one is asked for.
fn write(name: &str, text: &str) {
    if std::env::var_os("BLESS").is_some() && std::env::var_os("CLAIM_MUTANTS").is_some() {
        let path = repository().join("docs/conformance").join(name);
        std::fs::write(path, format!("<!-- Generated by `make claims`. -->\n{text}")).expect("written");
    }
}

/// Covers TOR-INPUT-CLAIM, TOR-WITNESS-TAMPERED.
#[test]
fn no_claim_proves_code_that_is_wrong() {
    let tries = tries(12);
    let mut table = String::from(
        "# Damaged claims\n\nOn objects that executions have shown to be wrong; `Proved` must be 0, by the verdict and by the links alone.\n\n\
        | module | wrong objects | damaged claims | no claim any more | not proved | proved |\n|---|---:|---:|---:|---:|---:|\n",
    );
    for (number, text) in MODULES.into_iter().enumerate() {
        let subject = Subject::new(text);
        let document = serde_json::to_value(&subject.compiled.claim).expect("serializes");
        let wrong = deep(|| wrong_objects(&subject, 6));
        let cases: Vec<(usize, u64)> = (0..wrong.len()).flat_map(|i| (0..tries).map(move |k| (i, k))).collect();
        let results = deep_map(&cases, |(i, k)| {
            let claim = damaged_claim(&document, &mut Random::new(*i as u64 + 1, *k));
            match Session::new(&subject.wasm, &wrong[*i], Some(claim.clone()), LIMITS) {
                Err(_) => "refused",
                Ok(session) if is_accepted(&session) => {
                    println!("module {number}, object {i}, claim {k} is proved: {claim:?}");
                    "proved"
                }
                Ok(_) => "not proved",
            }
        });
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        results.iter().for_each(|r| *counts.entry(r).or_default() += 1);
        let [refused, not_proved, proved] =
            ["refused", "not proved", "proved"].map(|c| counts.get(c).copied().unwrap_or(0));
        let (wrong, claims) = (wrong.len(), results.len());
        let row = format!("| {} | {wrong} | {claims} | {refused} | {not_proved} | {proved} |\n", SUBJECTS[number]);
        print!("{row}");
        table += &row;
        assert_eq!(proved, 0, "{table}");
    }
    write("claims.md", &table);
}

fn certificate(subject: &Subject, folder: &Path) -> Certificate {
    let object = &subject.compiled.object;
    let session = Session::new(&subject.wasm, object, None, LIMITS).map_err(|e| e.to_string()).expect("reads");
    let reports = prove_all(&session, 1, &|_| {});
    let certificate = Certificate::new(&session, &subject.wasm, object, LIMITS, &session.image(), &reports);
    assert!(certificate.is_proved());
    certificate.write(folder, session.claim()).expect("written");
    certificate
}

/// Covers TOR-CERT-DAMAGE, TOR-CERT-REPROVED, TOR-CERT-DIGESTS.
#[test]
fn damaged_certificates_are_refused_with_their_place() {
    let subject = Subject::new(MODULES[1]);
    let folder = Folder::new().expect("a folder");
    let whole = deep(|| certificate(&subject, folder.path()));
    let (json, claim) = (whole.to_json(), subject.compiled.claim.encode());
    let document: Value = serde_json::from_str(&json).expect("JSON");
    let claimed = serde_json::to_value(&subject.compiled.claim).expect("serializes");
    let holds = || deep(|| check(folder.path(), &subject.wasm, &subject.compiled.object, 1, &|_| {}));
    assert!(holds().is_ok(), "the control");
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("written");
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    // Other limits, and nothing else: everything may be proved within them as well, and then the certificate says so.
    let other_limits = |bytes: &[u8]| {
        let mut read: Value = serde_json::from_slice(bytes).ok()?;
        let limits = std::mem::replace(read.get_mut("limits")?, document["limits"].clone());
        let are_others = limits != document["limits"] && read == document;
        are_others.then_some("the limits: everything is proved within the others too")
    };
    let mut judge = |what: &'static str, may_hold: Option<&'static str>| match holds() {
        Ok(anew) => {
            let why = may_hold.unwrap_or_else(|| panic!("{what}: accepted"));
            assert!(anew.certificate.is_proved(), "{what}: accepted");
            *counts.entry(why).or_default() += 1;
        }
        Err(damage) => {
            assert!(!damage.place.is_empty() && !damage.message.is_empty(), "{what}: {damage}");
            assert!(!damage.message.contains("panicked"), "{what}: {damage}");
            *counts.entry(what).or_default() += 1;
        }
    };
    for k in 0..tries(40) {
        let mut random = Random::new(0xce27, k);
        // A byte of the certificate, of the claim; a field of the certificate.
        let mut bytes = json.clone().into_bytes();
        let place = random.below(bytes.len());
        bytes[place] ^= 1 << random.below(7);
        put(CERTIFICATE_FILE, &bytes);
        judge("a byte of the certificate", other_limits(&bytes));
        let field = serde_json::to_string_pretty(&damaged(&document, &mut random)).expect("JSON") + "\n";
        put(CERTIFICATE_FILE, field.as_bytes());
        judge("a field of the certificate", other_limits(field.as_bytes()));
        // The claim, then with a digest that fits.
        let mut bytes = claim.clone();
        let place = random.below(bytes.len());
        bytes[place] ^= 1 << random.below(8);
        for bytes in [bytes, damaged_claim(&claimed, &mut random).encode()] {
            put(CERTIFICATE_FILE, json.as_bytes());
            put(CLAIM_FILE, &bytes);
            judge("the claim", None);
            let fitting = json.replace(&whole.claim_sha256, &sha256(&bytes));
            put(CERTIFICATE_FILE, fitting.as_bytes());
            // Another claim may prove the same.
            judge("claim, with a digest that fits", Some("the claim, with a digest that fits: proves the same"));
        }
        put(CLAIM_FILE, &claim);
    }
    let mut table = String::from(
        "# Damaged certificates\n\nEach is refused with its place, or another claim, or other limits, prove the same and the certificate says exactly that.\n\n\
        | damaged | certificates |\n|---|---:|\n",
    );
    for (what, n) in &counts {
        let _ = writeln!(table, "| {what} | {n} |");
    }
    print!("{table}");
    write("certificates.md", &table);
    assert!(counts["claim, with a digest that fits"] > 40, "{counts:?}");
}
