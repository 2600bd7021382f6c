//! The translation for z3 that proofs use, and the text for other solvers, against z3's own reading of the same operations.

use crate::execution::mutate;
use crate::program::*;
use crate::reference::{self, Random, Replay, Z3, never};
use synth_validator::domain::*;
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::evidence::smtlib::{self, Products};
use synth_validator::refinement::Goal;
use synth_validator::smt::{Answer, Multiplier, Smt};
use synth_validator::term::{Graph, T, Var};
use z3::ast::Ast;
use z3::{SatResult, Solver};

#[test]
fn z3_notices_planted_mistakes() {
    for which in [0, 1, 4, 5, 6, 7, 9, 10] {
        let mut random = Random::new(5);
        let noticed = (0..400).any(|_| {
            let p = program(&mut random, 20, true);
            let wrong: Program = p.iter().map(|op| mutate(*op, which)).collect();
            if wrong == p {
                return false;
            }
            let g = &mut Graph::new();
            let terms = symbolic(g, &wrong);
            let raw = run(&mut Z3, reference::memory(0), INPUTS.map(reference::variable).to_vec(), &p);
            let mut replay = Replay::default();
            let words: Vec<_> = terms.words.iter().zip(&raw.words).map(|(t, e)| replay.word(g, *t).ne(e)).collect();
            let bools: Vec<_> = terms.bools.iter().zip(&raw.bools).map(|(t, e)| replay.bool(g, *t).xor(e)).collect();
            words
                .iter()
                .chain(&bools)
                .any(|d| d.simplify().as_bool() != Some(false) && never(d, 300_000) == SatResult::Sat)
        });
        assert!(noticed, "mistake {which}");
    }
}

/// Assumptions that give the unknowns their values.
fn pinned(g: &mut Graph, a: &Assignment) -> Vec<T> {
    INPUTS
        .map(|v| {
            let t = g.var(v);
            g.cmp_const(CmpOp::Eq, &t, a.variable(v))
        })
        .to_vec()
}

/// Covers TOR-PROOF-SMT, TOR-PROOF-EVAL.
#[test]
fn solver_terms_have_the_evaluated_value() {
    let mut random = Random::new(6);
    let mut asked = 0;
    for i in 0..150 {
        let products = i % 3 == 0;
        // Memory is not pinned, so loads are left out by leaving the program's results of loads out of the question.
        let mut p = program(&mut random, 16, !products);
        p.iter_mut().for_each(|op| {
            *op = match *op {
                Op::Load(_, i) => Op::Un(UnOp::Rev, i),
                Op::Store(..) | Op::Fill(..) | Op::Copy(..) | Op::Init(..) => Op::Nop,
                op => op,
            }
        });
        let a = assignment(&mut random);
        let g = &mut Graph::new();
        let terms = symbolic(g, &p);
        let assumptions = pinned(g, &a);
        let mut evaluator = Evaluator::new(&a);
        let t = *terms.words.last().expect("inputs at least");
        let b = *terms.bools.last().expect("constants at least");
        let value = evaluator.word(g, t);
        let right = g.cmp_const(CmpOp::Eq, &t, value);
        let wrong = g.cmp_const(CmpOp::Eq, &t, value ^ 1 << random.below(32));
        let (holds, fails) = match evaluator.boolean(g, b) {
            true => (b, g.not(&b)),
            false => (g.not(&b), b),
        };
        let modes = [Multiplier::Full, Multiplier::Uninterpreted];
        for mode in &modes[..if products { 1 } else { 2 }] {
            // Products of unknowns occur in both kinds, through no operation but these.
            for (yes, no) in [(right, wrong), (holds, fails)] {
                assert_eq!(Smt::new(g, *mode).follows(&assumptions, yes, 5_000_000), Answer::Holds, "{p:?}");
                let Answer::Fails(model) = Smt::new(g, *mode).follows(&assumptions, no, 5_000_000) else {
                    panic!("a wrong value passes in {p:?}");
                };
                for (v, value) in model.words {
                    assert_eq!(value, a.variable(v), "the model's {v:?}");
                }
                asked += 2;
            }
        }
    }
    println!("ground queries: {asked}");
}

/// Covers TOR-LIMIT-STEPS.
#[test]
fn no_steps_are_a_limit() {
    let g = &mut Graph::new();
    let x = g.var(Var::Argument(0));
    let square = g.bin(BinOp::Mul, &x, &x);
    let (low, bit) = (g.bin_const(BinOp::And, &square, 3), g.bin_const(BinOp::And, &x, 1));
    let goal = g.cmp(CmpOp::Eq, &low, &bit);
    assert_eq!(Smt::new(g, Multiplier::Full).follows(&[], goal, 5_000_000), Answer::Holds);
    assert_eq!(Smt::new(g, Multiplier::Full).follows(&[], goal, 0), Answer::Exhausted);
}

/// Covers TOR-PROOF-SMT.
#[test]
fn solver_terms_are_raw_expressions_for_all_inputs() {
    scripts_are_raw_expressions(|g, t| Smt::new(g, Multiplier::Full).script(&[], t));
}

#[test]
fn text_for_other_solvers_is_raw_expressions_for_all_inputs() {
    scripts_are_raw_expressions(|g, t| smtlib::script(g, &[], Goal::Holds(t), Products::Interpreted, &[]));
}

fn scripts_are_raw_expressions(script: impl Fn(&Graph, T) -> String) {
    // The script asserts that a condition does not hold; with the raw condition beside it nothing must satisfy both.
    let mut random = Random::new(7);
    let (mut proved, mut unknown) = (0, 0);
    for _ in 0..150 {
        let p = program(&mut random, 14, true);
        let g = &mut Graph::new();
        let terms = symbolic(g, &p);
        let raw = run(&mut Z3, reference::memory(0), INPUTS.map(reference::variable).to_vec(), &p);
        let fresh = g.var(Var::Havoc(99));
        let (word, raw_word) = (terms.words.last().expect("a word"), raw.words.last().expect("a word"));
        let equation = g.cmp(CmpOp::Eq, word, &fresh);
        let mut conditions = vec![(equation, raw_word.eq(reference::variable(Var::Havoc(99))))];
        conditions.extend(terms.bools.iter().copied().zip(raw.bools).skip(2).step_by(3));
        for (t, e) in conditions {
            let negated = g.not(&t);
            for (t, e) in [(t, e.clone()), (negated, e.not())] {
                let script = script(g, t);
                let solver = Solver::new();
                let mut params = z3::Params::new();
                params.set_u32("rlimit", 3_000_000);
                solver.set_params(&params);
                solver.from_string(script.replace("(check-sat)", ""));
                assert!(!solver.get_assertions().is_empty(), "the script was read");
                solver.assert(&e);
                match solver.check() {
                    SatResult::Unsat => proved += 1,
                    SatResult::Unknown => unknown += 1,
                    SatResult::Sat => panic!("{:?} is not its encoding in {p:?}", g.node(t)),
                }
            }
        }
    }
    println!("encodings: {proved} proved, {unknown} unknown");
    assert!(proved > 500 && unknown * 50 < proved, "{unknown} of {proved} unknown");
}
