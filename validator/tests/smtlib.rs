//! Text for foreign solvers says of every operation of the lemma language what execution says.

use std::time::Duration;
use synth_lemmas::{Op, Sort, Term, TermError};
use synth_validator::concrete::mix;
use synth_validator::evidence::smtlib::{Products, equation};
use synth_validator::evidence::solver::{Answer, Foreign, ask};
use synth_validator::lemma::{Value, constant_value};
use z3::{SatResult, Solver};

fn asked(text: &str) -> SatResult {
    let solver = Solver::new();
    solver.from_string(text.replace("(check-sat)", ""));
    assert_eq!(solver.get_assertions().len(), text.matches("(assert ").count(), "the text was read:\n{text}");
    solver.check()
}

fn truth(b: bool) -> Term {
    Term::Apply(if b { Op::True } else { Op::False }, vec![])
}

#[test]
fn every_operation_has_the_executed_value() {
    const WORDS: [u32; 8] = [0, 1, 31, 32, 0x7fff_ffff, 0x8000_0000, u32::MAX, 10];
    for op in Op::ALL {
        for case in 0..24 {
            let operand = |(i, sort): (usize, &Sort)| {
                let word = mix(case * 31 + i as u32);
                match sort {
                    Sort::Word if case < 16 => Term::Const(WORDS[word as usize % WORDS.len()]),
                    Sort::Word => Term::Const(word),
                    Sort::Bool => truth(word & 1 == 1),
                }
            };
            let term = Term::Apply(*op, op.operands().iter().enumerate().map(operand).collect());
            let (right, wrong) = match constant_value(&term, &|_| None).expect("a value") {
                Value::Word(w) => (Term::Const(w), Term::Const(w ^ 1 << (case % 32))),
                Value::Bool(b) => (truth(b), truth(!b)),
            };
            let text = |value: &Term| equation(&term, value, Products::Interpreted, &[]).expect("sorts are right");
            assert_eq!(asked(&text(&right)), SatResult::Unsat, "{term} = {right}");
            assert_eq!(asked(&text(&wrong)), SatResult::Sat, "{term} = {wrong}");
        }
    }
}

#[test]
fn opaque_parts_are_unknown_and_variables_are_refused() {
    let term = |text: &str| Term::parse(text).expect("a term");
    let text = |a: &str, b: &str| equation(&term(a), &term(b), Products::Uninterpreted, &[]);
    let holds = |a: &str, b: &str| asked(&text(a, b).expect("sorts are right")) == SatResult::Unsat;
    assert!(holds("(add @1 @2)", "(add @2 @1)"));
    assert!(!holds("(add @1 @2)", "(add @1 @1)"));
    assert!(holds("(ite (bnot @1) @2 @3)", "(ite @1 @3 @2)"));
    // Of products nothing is known but that they are functions.
    assert!(holds("(mul @1 (add @2 @3))", "(mul @1 (add @3 @2))"));
    assert!(!holds("(mul @1 @2)", "(mul @2 @1)"));
    assert!(matches!(text("(add ?x @2)", "@1"), Err(TermError::Unexpected(_))));
    assert!(matches!(text("(add @1 @2)", "(bnot @1)"), Err(TermError::Sort(_))));
}

#[test]
fn installed_solvers_tell_what_holds_from_what_does_not() {
    let term = |text: &str| Term::parse(text).expect("a term");
    let text = |a: &str, b: &str| equation(&term(a), &term(b), Products::Interpreted, &[]).expect("sorts are right");
    // What each text says is unsat; the second one is not, the third one is hard for bits.
    let third = "(lshr (umulhi @1 0xaaaaaaab) 1)";
    let texts = [text("(add @1 @2)", "(add @2 @1)"), text("(sub @1 @2)", "(sub @2 @1)"), text("(udiv @1 3)", third)];
    assert!(texts.iter().all(|t| t.contains("(set-info :status unsat)")));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for name in ["z3", "cvc5"] {
        let solver: Foreign = name.parse().expect("known");
        solver.find().unwrap_or_else(|e| panic!("{e}, or scripts/setup-test.sh"));
        let (answers, version) = ask(&solver, &texts, Duration::from_secs(5));
        println!("{name} {version:?}: {answers:?}");
        assert_eq!(answers[..2], [Answer::Agrees, Answer::Disagrees], "{name}");
        // The second way of cvc5 is integers.
        assert!(
            answers[2] == Answer::Agrees || answers[2] == Answer::Unknown && name == "z3",
            "{name}: {:?}",
            answers[2]
        );
    }
}
