//! Obligations as text, and foreign solvers that are asked about it.
//!
//! The text of every obligation is read by the solver that is linked in, from which the text does not come, and by those that are
//! installed. What solvers may do wrong is done by scripts that the tests write.

mod support;

use std::collections::BTreeMap;
use support::packages;
use synth::pipeline::{Options, compile};
use synth_validator::certificate::Certificate;
use synth_validator::evidence::obligations::{self, Obligation};
use synth_validator::ladder::{Limits, Rung};
use synth_validator::prove_all::prove_all;
use synth_validator::validate::{Session, Verdict};
use z3::{SatResult, Solver};

/// Programs of the corpus that are exported.
const PROGRAMS: [&str; 7] = ["semaphore", "q15", "bit_counts", "kernel_stack", "strings", "segments", "poll"];

/// Products, quotients and remainders whose code is other operations, and words that the e-graph makes equal.
const ARITHMETIC: &str = r#"(module (memory 1)
  (func (export "tenth") (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 10)))
  (func (export "rest") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "product") (param i64 i64) (result i64) (i64.mul (local.get 0) (local.get 1)))
  (func (export "polynomial") (param i32 i32) (result i32)
    (i32.mul (i32.add (local.get 0) (i32.const 3)) (i32.add (local.get 0) (local.get 1))))
  (func (export "merge") (param i32 i32) (result i32)
    (i32.add (i32.or (local.get 0) (local.get 1)) (i32.and (local.get 0) (local.get 1))))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1))))"#;

struct Built {
    name: String,
    module: Vec<u8>,
    object: Vec<u8>,
}

fn built(name: &str, module: Vec<u8>) -> Built {
    let object = compile(&module, &Options::default()).unwrap_or_else(|e| panic!("{name}: {e}")).object;
    Built { name: name.to_string(), module, object }
}

fn program(name: &str) -> Built {
    let path = packages::repository().join("corpus/wasm").join(name).with_extension("wasm");
    built(name, std::fs::read(path).expect("readable"))
}

fn arithmetic() -> Built {
    built("arithmetic", wat::parse_str(ARITHMETIC).expect("a module"))
}

fn all() -> Vec<Built> {
    PROGRAMS.iter().map(|name| program(name)).chain([arithmetic()]).collect()
}

fn session(built: &Built) -> Session<'_> {
    Session::new(&built.module, &built.object, None, Limits::default()).expect("reads")
}

fn exported(session: &Session<'_>, least: Rung) -> Vec<Obligation> {
    let of = |f: u32| obligations::of(session, f, least).unwrap_or_else(|v| panic!("function {f}: {v:?}"));
    session.functions().into_iter().flat_map(of).collect()
}

/// What the solver that is linked in says, within steps.
fn asked(text: &str) -> SatResult {
    z3::with_z3_config(&z3::Config::new(), || {
        let solver = Solver::new();
        let mut params = z3::Params::new();
        params.set_u32("rlimit", 20_000_000);
        solver.set_params(&params);
        solver.from_string(text.replace("(check-sat)", ""));
        assert_eq!(solver.get_assertions().len(), text.matches("(assert ").count(), "the text was read:\n{text}");
        solver.check()
    })
}

#[test]
fn every_obligation_beyond_the_path_rung_is_exported_and_holds() {
    let mut answers: BTreeMap<(&str, String), u32> = BTreeMap::new();
    for built in all() {
        let session = session(&built);
        let reports = prove_all(&session, 2, &|_| {});
        let found = exported(&session, Rung::Path);
        for rung in Rung::ALL {
            let proved: u32 = reports.iter().map(|t| t.report.effort().rungs[rung as usize]).sum();
            let written = found.iter().filter(|o| o.rung == rung && o.counts).count();
            if rung > Rung::Normal {
                assert_eq!(written as u32, proved, "{}: {}", built.name, rung.name());
            }
        }
        let ids: std::collections::BTreeSet<String> = found.iter().map(Obligation::id).collect();
        assert_eq!(ids.len(), found.len(), "{}: names are unique", built.name);
        for o in &found {
            assert_eq!(o.egg.is_some(), o.rung == Rung::Egraph, "{}", o.id());
            let answer = asked(&o.smt2);
            assert_ne!(answer, SatResult::Sat, "{} {}:\n{}", built.name, o.id(), o.smt2);
            *answers.entry((o.rung.name(), format!("{answer:?}"))).or_default() += 1;
        }
    }
    println!("{answers:?}");
    let unsat = |rung: Rung| answers.get(&(rung.name(), "Unsat".to_string())).copied().unwrap_or(0);
    assert!([Rung::Path, Rung::Egraph, Rung::Smt].into_iter().all(|r| unsat(r) > 0), "{answers:?}");
}

#[test]
fn recording_changes_no_certificate_and_text_is_the_same_each_time() {
    for built in [program("semaphore"), program("strings"), arithmetic()] {
        let certificate = |session: &Session<'_>| {
            let reports = prove_all(session, 2, &|_| {});
            let image = session.image();
            Certificate::new(session, &built.module, &built.object, Limits::default(), &image, &reports).to_json()
        };
        let plain = certificate(&session(&built));
        let recorded = session(&built);
        let before = exported(&recorded, Rung::Egraph);
        assert_eq!(certificate(&recorded), plain, "{}: recorded before", built.name);
        assert_eq!(exported(&recorded, Rung::Egraph), before, "{}: recorded after", built.name);
        assert_eq!(exported(&session(&built), Rung::Egraph), before, "{}: another session", built.name);
        let all = exported(&recorded, Rung::Path);
        let beyond: Vec<&Obligation> = all.iter().filter(|o| o.rung > Rung::Path).collect();
        assert_eq!(beyond, before.iter().collect::<Vec<_>>(), "{}: numbers do not depend on the rung", built.name);
    }
}

/// The same text without one of its conditions.
fn weakened(text: &str, which: usize) -> Option<String> {
    let at: Vec<usize> = text.match_indices("(assert ").map(|(at, _)| at).collect();
    let (start, rest) = text.split_at(*at.get(which)?);
    let (_, rest) = rest.split_once('\n')?;
    Some(format!("{start}{rest}"))
}

#[test]
fn an_obligation_that_lost_a_condition_does_not_hold() {
    let (mut holds, mut fails) = (0, 0);
    for built in all() {
        for o in exported(&session(&built), Rung::Egraph) {
            for which in 0..o.smt2.matches("(assert ").count() {
                match asked(&weakened(&o.smt2, which).expect("there is one")) {
                    SatResult::Sat => fails += 1,
                    _ => holds += 1,
                }
            }
        }
    }
    println!("of the conditions of obligations {fails} are needed, {holds} are not");
    assert!(fails > 20, "{fails}");
}

#[test]
fn a_function_that_cannot_be_attempted_has_no_obligations() {
    let built = program("semaphore");
    let session = session(&built);
    assert!(matches!(obligations::of(&session, 4_000, Rung::Path), Err(Verdict::Unknown(_))));
}
