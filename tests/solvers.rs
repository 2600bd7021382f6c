//! Obligations as text, and foreign solvers that are asked about it.
//!
//! The text of every obligation is read by the solver that is linked in, from which the text does not come, and by those that are
//! installed. What solvers may do wrong is done by scripts that the tests write.

mod support;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use support::command::Folder;
use support::packages;
use synth::pipeline::{Options, compile};
use synth_validator::certificate::Certificate;
use synth_validator::check_command;
use synth_validator::evidence::asking::Asking;
use synth_validator::evidence::obligations::{self, Obligation};
use synth_validator::evidence::solver::{Answer, AskError, Foreign, Kind, Plan, Tally, ask, ask_all};
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

const LIMIT: Duration = Duration::from_secs(20);

/// A solver that `scripts/setup-test.sh` installs.
fn installed(name: &str) -> Foreign {
    let solver: Foreign = name.parse().expect("known");
    solver.find().unwrap_or_else(|e| panic!("{e}, or scripts/setup-test.sh"));
    solver
}

#[test]
fn installed_solvers_agree_and_notice_a_false_obligation() {
    let q15 = program("q15");
    let found = exported(&session(&q15), Rung::Egraph);
    let right: Vec<&str> = found.iter().map(|o| o.smt2.as_str()).collect();
    // One that lost a condition which it needs, among those that did not.
    let weak = |text: &&str| {
        (0..text.matches("(assert ").count()).find_map(|n| weakened(text, n).filter(|t| asked(t) == SatResult::Sat))
    };
    let wrong = right.iter().find_map(weak).expect("a condition that is needed");
    let mixed: Vec<&str> =
        right[..3].iter().copied().chain([wrong.as_str()]).chain(right[3..5].iter().copied()).collect();
    for name in ["z3", "cvc5"] {
        let solver = installed(name);
        let (answers, version) = ask(&solver, &right, LIMIT);
        println!("{name} {version:?}: {answers:?}");
        assert!(version.is_some_and(|v| v.contains('.')));
        assert!(answers.iter().all(|a| *a == Answer::Agrees || *a == Answer::Unknown), "{answers:?}");
        assert!(answers.iter().filter(|a| **a == Answer::Agrees).count() * 2 > answers.len(), "{answers:?}");
        let (answers, _) = ask(&solver, &mixed, LIMIT);
        let expected: Vec<bool> = (0..6).map(|n| n == 3).collect();
        assert_eq!(answers.iter().map(|a| *a == Answer::Disagrees).collect::<Vec<_>>(), expected, "{answers:?}");
    }
}

/// What a script says to the n-th `check-sat` of its process, and to every `echo`. Obligations have a head, the first and the last query,
/// which are the controls, have none.
fn script(folder: &Folder, name: &str, program: &str) -> Foreign {
    let path = folder.write(name, program);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    Foreign { kind: Kind::Z3, program: path.into() }
}
fn awk(answer: &str) -> String {
    format!(
        r#"#!/bin/sh
exec awk '
/^; function/ {{ head = $0 }}
/^\(reset\)/ {{ head = "" }}
/^\(check-sat\)/ {{ n++; {answer} fflush() }}
/^\(echo / {{ gsub(/[()"]/, ""); sub(/^echo /, ""); print; fflush() }}'
"#
    )
}

/// What a solver makes of the obligations of int64, with a second for each.
fn asked_about_int64(solver: &Foreign) -> (Tally, Vec<String>) {
    let int64 = program("int64");
    let session = session(&int64);
    let solvers = [solver.clone()];
    let plan = Plan { solvers: &solvers, least: Rung::Egraph, limit: Duration::from_secs(1), keep: None };
    let ids = exported(&session, Rung::Egraph).iter().map(Obligation::id).collect();
    (ask_all(&session, &plan, &|_| {}).expect("asks").remove(0), ids)
}

#[test]
fn solvers_that_do_wrong_are_noticed() {
    let folder = Folder::new("fakes");
    let control = "if (head == \"\") { print \"sat\"; next }";
    let unsat = awk(&format!("{control} print \"unsat\";"));
    let cases: &[(&str, String, &str)] = &[
        ("agreeable", awk("print \"unsat\";"), "unsat to a query that has a solution"),
        ("ignorant", awk("print \"unknown\";"), "unknown to a query that is trivial"),
        ("garbage", awk(&format!("{control} print \"@#$%\"; print \"(((\";")), "it says \"@#$% (((\""),
        ("error", awk(&format!("{control} print \"(error \\\"no\\\")\";")), "it says \"(error"),
        ("both", awk(&format!("{control} print \"unsat\"; print \"unsat\";")), "it says \"unsat unsat\""),
        ("silent", awk(control), "it says nothing"),
        ("gone", "#!/bin/sh\nexit 3\n".to_string(), "exit status: 3"),
        ("deaf", "#!/bin/sh\nexec 0<&-\necho hello\nexit 0\n".to_string(), "it ended after \"hello\""),
        ("complaining", "#!/bin/sh\necho 'no licence' >&2\nexit 1\n".to_string(), "no licence"),
        ("crashing", awk(&format!("{control} system(\"kill -SEGV $PPID\"); exit 1;")), "it ended without an answer"),
        ("endless", awk(&format!("{control} while (1) print \"unsat?\";")), "more than 64 lines"),
        ("wide", awk(&format!("{control} while (1) printf \"unsat?\";")), "more than 4096 bytes"),
        ("text", "no program\n".to_string(), ""),
        ("first", awk("print n == 1 ? \"sat\" : \"unsat\";"), "unsat to a query that has a solution"),
        (
            "failing",
            unsat.replace("exec awk", "awk") + "exit 3\n",
            "does not end as it should after its answers (exit status: 3",
        ),
        (
            "numbering",
            unsat.replace("next }", "for (k = 1; k < 20; k++) printf \"unsat\\nsynth-%d\\n\", k; next }"),
            "on a query that is trivial it says",
        ),
        (
            "hasty",
            awk(control).replace("print; fflush()", "print; print \"unsat\"; fflush()"),
            "on a query that is trivial it says",
        ),
    ];
    for (name, program, why) in cases {
        let start = Instant::now();
        let (tally, ids) = asked_about_int64(&script(&folder, name, program));
        println!("{name}: {:?} after {:?}", tally.failed.first(), start.elapsed());
        assert!(!tally.is_agreement(), "{name}");
        assert_eq!((tally.agreed, tally.unknown.len(), tally.disagreed.len()), (0, 0, 0), "{name}");
        assert_eq!(tally.failed.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids, "{name}");
        assert!(tally.failed[0].1.contains(why), "{name}: {:?}", tally.failed[0]);
    }
    let (tally, ids) = asked_about_int64(&script(&folder, "contrary", &awk("print \"sat\";")));
    assert_eq!((tally.disagreed.clone(), tally.is_agreement()), (ids.clone(), false));
    let (tally, _) = asked_about_int64(&script(&folder, "slow", &awk(&format!("{control} print \"unknown\";"))));
    assert_eq!((tally.unknown.clone(), tally.is_agreement()), (ids.clone(), false), "nothing was agreed upon");
    // One that says all that it should and then stays.
    let text = "; function 1\n(check-sat)\n";
    let staying = script(&folder, "staying", &(unsat.replace("exec awk", "awk") + "sleep 1000\n"));
    let (answers, _) = ask(&staying, &[text], Duration::from_secs(1));
    let stays =
        |a: &Answer| matches!(a, Answer::Failed(why) if why == "it does not end as it should after its answers");
    assert!(answers.len() == 1 && stays(&answers[0]), "{answers:?}");
    let honest = script(&folder, "honest", &unsat);
    assert_eq!(ask(&honest, &[text; 3], Duration::from_secs(1)).0, [Answer::Agrees, Answer::Agrees, Answer::Agrees]);
    // One query alone makes it crash: the others are answered all the same.
    let number = ids[1].rsplit('-').next().expect("a number").to_string();
    let picky = format!("{control} if (head ~ /obligation {number},/) exit 1; print \"unsat\";");
    let (tally, _) = asked_about_int64(&script(&folder, "picky", &awk(&picky)));
    let failed: Vec<&String> = tally.failed.iter().map(|(id, _)| id).collect();
    assert!(failed.contains(&&ids[1]) && tally.agreed as usize + failed.len() == ids.len(), "{tally}");
    assert!(tally.agreed > 0 && !tally.is_agreement(), "{tally}");
}

#[test]
fn a_solver_that_never_answers_is_killed_with_all_that_it_started() {
    let folder = Folder::new("hanging");
    let pid = folder.text("pid");
    let text = format!("#!/bin/sh\nsleep 1000 &\necho $! >> {pid}\necho sat\necho synth-0\nsleep 1000\n");
    let start = Instant::now();
    let (answers, _) = ask(&script(&folder, "hanging", &text), &["(check-sat)\n"; 6], Duration::from_secs(1));
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    assert_eq!(answers.len(), 6);
    let killed = |a: &Answer| matches!(a, Answer::Failed(why) if why.contains("said nothing for 11 s and was killed"));
    assert!(answers[..3].iter().all(killed), "{answers:?}");
    assert!(matches!(&answers[3], Answer::Failed(why) if why.contains("not asked")), "{answers:?}");
    let started = std::fs::read_to_string(&pid).expect("it ran");
    assert!(started.lines().count() >= 3);
    for process in started.lines() {
        // A zombie is gone, but for whoever has to wait for it; a signal takes a moment to arrive.
        let state = || std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let is_gone = || state().is_empty() || state().contains(") Z ");
        let gone = (0..200).any(|_| {
            is_gone() || {
                std::thread::sleep(Duration::from_millis(10));
                false
            }
        });
        assert!(gone, "{process} goes on: {}", state());
    }
}

#[test]
fn a_missing_solver_is_named_with_its_remedy() {
    let q15 = program("q15");
    let solvers = ["z3=/no/such/z3".parse::<Foreign>().expect("known")];
    let plan = Plan { solvers: &solvers, least: Rung::Egraph, limit: LIMIT, keep: None };
    match ask_all(&session(&q15), &plan, &|_| {}) {
        Err(AskError::Missing(text)) => {
            assert!(text.contains("apt-get install z3") && text.contains("/no/such/z3"), "{text}")
        }
        other => panic!("{other:?}"),
    }
    for name in ["", "z4", "yices=/bin/true", "z3="] {
        assert!(name.parse::<Foreign>().is_err(), "{name}");
    }
    for kind in ["z3", "cvc5", "bitwuzla"] {
        let error = format!("{kind}=no-such-program").parse::<Foreign>().expect("known").find().expect_err("missing");
        assert!(error.contains("not in PATH") && error.contains("install"), "{error}");
    }
}

/// Runs `synth-check` on the certificate of a program. Result: exit code, standard output, standard error.
fn checked(folder: &Folder, more: &[&str]) -> (u8, String, String) {
    let names = ["certificate", "m.wasm", "m.o"].map(|name| OsString::from(folder.path(name)));
    let args: Vec<OsString> = names.into_iter().chain(more.iter().map(OsString::from)).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = check_command::run(&args, &mut out, &mut err);
    let [out, err] = [out, err].map(|text| String::from_utf8(text).expect("text"));
    (code, out, err)
}

/// Writes a program, its object and its certificate.
fn certified(folder: &Folder, built: &Built) -> Certificate {
    let session = session(built);
    let reports = prove_all(&session, 2, &|_| {});
    let image = session.image();
    let certificate = Certificate::new(&session, &built.module, &built.object, Limits::default(), &image, &reports);
    certificate.write(&folder.path("certificate"), session.claim()).expect("writes");
    folder.write("m.wasm", &built.module);
    folder.write("m.o", &built.object);
    certificate
}

/// Covers TOR-CHECK-EXIT.
#[test]
fn synth_check_asks_solvers() {
    let folder = Folder::new("check");
    let built = program("semaphore");
    let session = session(&built);
    certified(&folder, &built);
    let (code, out, err) = checked(&folder, &[]);
    assert!(code == 0 && out.contains("Proved again") && !out.contains("agreed") && err.is_empty(), "{out}{err}");
    installed("z3");
    installed("cvc5");
    let (code, out, err) =
        checked(&folder, &["--solver", "z3", "--solver", "cvc5", "--solver-limit", "20", "--path-rung"]);
    let asked = exported(&session, Rung::Path).len();
    let agreed =
        out.matches(&format!(": {asked} of {asked} obligations agreed, 0 unknown, 0 disagreed, 0 failed")).count();
    assert!(code == 0 && agreed == 2 && err.is_empty(), "{code} {out}{err}");
    // One that disagrees, and the text that it disagrees with.
    let contrary = format!("z3={}", script(&folder, "contrary", &awk("print \"sat\";")).program.display());
    let ids: Vec<String> = exported(&session, Rung::Egraph).iter().map(Obligation::id).collect();
    let (code, out, _) = checked(&folder, &["--solver", &contrary]);
    assert!(code == 1 && ids.iter().all(|id| out.contains(&format!("{id}: z3 finds that it does not hold"))), "{out}");
    let kept = folder.text("kept");
    assert!(!folder.path("kept").exists());
    let (code, _, _) = checked(&folder, &["--solver", &contrary, "--keep", &kept]);
    assert_eq!(code, 1);
    for o in exported(&session, Rung::Egraph) {
        let file = folder.path("kept").join(o.id()).with_extension("smt2");
        assert_eq!(std::fs::read_to_string(file).expect("kept"), o.smt2);
    }
    // Usage, and a solver that is not there.
    for (more, why) in [
        (&["--solver", "z3=/no/such/program"][..], "apt-get install z3"),
        (&["--solver"], "needs a value"),
        (&["--solver", "z3", "--solver-limit", "0"], "no number of seconds"),
        (&["--keep", "x"], "there is no --solver"),
        (&["--quick"], "no flag"),
        (&["more"], "not 4 files"),
    ] {
        let (code, out, err) = checked(&folder, more);
        assert!(code == 2 && err.contains(why) && out.is_empty(), "{more:?}: {code} {out}{err}");
    }
    // A solver that has nothing to answer is started all the same.
    let constant = wat::parse_str(r#"(module (func (export "f") (result i32) (i32.const 1)))"#).expect("a module");
    let constant = self::built("constant", constant);
    assert!(exported(&self::session(&constant), Rung::Egraph).is_empty());
    certified(&folder, &constant);
    let (code, out, _) = checked(&folder, &["--solver", "z3=/bin/false"]);
    assert!(code == 1 && out.contains("z3 is not believed: it ended without an answer (exit status: 1"), "{out}");
    let (code, out, _) = checked(&folder, &["--solver", "z3"]);
    assert!(code == 0 && out.contains(": 0 of 0 obligations agreed") && out.contains("z3 4."), "{out}");
    // A certificate that does not hold is not asked about.
    folder.write("m.o", program("q15").object);
    let (code, out, err) = checked(&folder, &["--solver", "z3"]);
    assert!(code == 1 && err.contains("does not hold") && out.is_empty(), "{out}{err}");
}

/// Covers TOR-CHECK-EXIT.
#[test]
fn what_a_certificate_does_not_count_stands_for_nothing_that_it_counts() {
    let folder = Folder::new("counts");
    let built = program("strings");
    let certificate = certified(&folder, &built);
    let beside = exported(&session(&built), Rung::Path).iter().filter(|o| !o.counts).count() as u32;
    assert!(beside > 0, "the program has a path that cannot be");
    let honest = awk("if (head == \"\") { print \"sat\"; next } print \"unsat\";");
    let solver = format!("z3={}", script(&folder, "honest", &honest).program.display());
    let (_, asking) = Asking::parse(&["--solver", &solver, "--path-rung"].map(OsString::from)).expect("flags");
    let counting = |more: u32| {
        let mut certificate = certificate.clone();
        *certificate.totals.rungs.get_mut(Rung::Path.name()).expect("a rung") += more;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let files = (&built.module[..], &built.object[..]);
        let code = asking.run(&folder.path("certificate"), &certificate, files, &mut out, &mut err);
        (code, String::from_utf8(err).expect("text"))
    };
    assert_eq!(counting(0), (0, String::new()));
    let (code, err) = counting(beside);
    assert!(code == 1 && err.contains("obligations were found, and the certificate counts"), "{code} {err}");
}
