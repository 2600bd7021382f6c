//! Lemmas are proved and their broken twins refuted by execution; the e-graph and integer rungs close what they should,
//! their proofs cannot be tampered with, and false equalities are not proved.

use synth_lemmas::Lemma;
use synth_validator::domain::*;
use synth_validator::egraph;
use synth_validator::ladder::{Limits, Open, Path, Rung, prove_equal};
use synth_validator::lemma::{Rules, constant_value, listing, prove, refutes};
use synth_validator::replay::{Proof, Rejected, Step, check};
use synth_validator::term::{Graph, T, Var};

/// Covers TOR-LEMMA-*.
#[test]
fn every_lemma_is_proved() {
    let rules = Rules::proved();
    assert!(rules.dropped.is_empty(), "{:?}", rules.dropped);
    assert_eq!(rules.lemmas().len(), synth_lemmas::all().len());
    let rewrites = rules.lemmas().iter().filter(|l| l.usage.rewrite);
    let (wide, narrow): (Vec<_>, Vec<_>) = rewrites.partition(|l| l.width() == 64);
    println!("{} lemmas for rewriting on 32 bits, {} on 64 bits", narrow.len(), wide.len());
    assert!(narrow.len() + wide.len() >= 150);
}

/// The list of proved lemmas is what this run proves. With `BLESS=1` it is written.
///
/// Covers TOR-LEMMA-*.
#[test]
fn the_list_of_proved_lemmas_is_true() {
    let list: String = Rules::proved().lemmas().iter().map(|l| listing(l) + "\n").collect();
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../lemmas/rules/proved.list");
        std::fs::write(path, &list).expect("the list is written");
        return;
    }
    assert_eq!(synth_lemmas::PROVED, list, "`make tables` writes it");
}

/// Covers TOR-LEMMA-*, TOR-PROOF-TWINS.
#[test]
fn every_broken_twin_is_refuted_by_execution() {
    for lemma in synth_lemmas::all() {
        let twin: Lemma = lemma.broken_twin();
        match prove(&twin) {
            Err(Open::Model(model)) => assert!(refutes(&twin, &model), "{}: {model:?}", twin.name),
            other => panic!("{}: {other:?}", twin.name),
        }
    }
}

/// Covers TOR-PROOF-LEMMAS.
#[test]
fn a_twin_among_the_lemmas_is_dropped() {
    let lemmas = synth_lemmas::all();
    let rules = Rules::prove(vec![lemmas[0].clone(), lemmas[1].broken_twin()]);
    assert_eq!((rules.lemmas().len(), rules.dropped.len()), (1, 1));
    assert!(rules.find(&rules.dropped[0].0).is_none());
}

#[test]
fn every_operation_has_a_meaning_and_a_name() {
    use synth_lemmas::{Op, Sort, Term};
    for op in Op::ALL {
        let operand = |s: &Sort| match s {
            Sort::Word => Term::Const(9),
            Sort::Bool => Term::Apply(Op::True, vec![]),
        };
        let term = Term::Apply(*op, op.operands().iter().map(operand).collect());
        assert!(constant_value(&term, &|_| None).is_some(), "{}", op.name());
        assert_eq!(Term::parse(&term.to_string()), Ok(term));
    }
}

/// Covers TOR-PROOF-LEMMAS.
#[test]
fn a_false_lemma_proves_nothing() {
    let truth = synth_lemmas::all().into_iter().find(|l| l.name == "add_by_or_and_and").expect("it is shipped");
    let rules = Rules::unproved(vec![truth.broken_twin()]);
    let (mut g, [x, y, _]) = graph();
    let (p, q) = (bin(&mut g, BinOp::Or, x, y), bin(&mut g, BinOp::And, x, y));
    let sum = bin(&mut g, BinOp::Add, p, q);
    assert_eq!(egraph::equal(&mut g, sum, p, &rules), None);
    let proof = Proof {
        start: egraph::read(&g, sum).expect("small").to_string(),
        steps: vec![Step {
            rule: "add_by_or_and_and_broken".into(),
            reversed: false,
            position: vec![],
            term: egraph::read(&g, p).expect("small").to_string(),
        }],
    };
    assert_eq!(check(&mut g, sum, p, &proof, &rules), Err(Rejected::UnknownRule(0)));
}

/// A graph with three unknown words.
fn graph() -> (Graph, [T; 3]) {
    let mut g = Graph::new();
    let words = [0, 1, 2].map(|i| g.var(Var::Argument(i)));
    (g, words)
}

type Sides = dyn Fn(&mut Graph, [T; 3]) -> (T, T);

fn bin(g: &mut Graph, op: BinOp, a: T, b: T) -> T {
    g.bin(op, &a, &b)
}

fn closes(expected: Rung, name: &str, sides: &Sides) {
    let (mut g, words) = graph();
    let (a, b) = sides(&mut g, words);
    assert_eq!(prove_equal(&mut g, &Path::default(), a, b, &Limits::default()), Ok(expected), "{name}");
}

fn egraph_examples() -> Vec<(&'static str, Box<Sides>)> {
    use BinOp::*;
    vec![
        (
            "sum of or and and",
            Box::new(|g, [x, y, _]| {
                let (p, q) = (bin(g, Or, x, y), bin(g, And, x, y));
                (bin(g, Add, p, q), bin(g, Add, x, y))
            }),
        ),
        (
            "merge by mask",
            Box::new(|g, [x, y, m]| {
                let ones = g.word(u32::MAX);
                let inverse = bin(g, Xor, m, ones);
                let (p, q) = (bin(g, And, x, m), bin(g, And, y, inverse));
                let left = bin(g, Or, p, q);
                let d = bin(g, Xor, x, y);
                let d = bin(g, And, m, d);
                (left, bin(g, Xor, y, d))
            }),
        ),
        (
            "rotation left by a register",
            Box::new(|g, [x, n, _]| {
                let (low, zero) = (g.word(31), g.word(0));
                let count = bin(g, And, n, low);
                let rest = bin(g, Sub, zero, n);
                let rest = bin(g, And, rest, low);
                let (p, q) = (bin(g, Shl, x, count), bin(g, Lshr, x, rest));
                let left = bin(g, Or, q, p);
                let c = g.word(32);
                let back = bin(g, Sub, c, n);
                (left, bin(g, Ror, x, back))
            }),
        ),
        (
            "sign extension of a mixture",
            Box::new(|g, [x, y, _]| {
                let d = bin(g, Xor, x, y);
                let left = g.un(UnOp::Sext16, &d);
                let (p, q) = (g.un(UnOp::Sext16, &x), g.un(UnOp::Sext16, &y));
                (left, bin(g, Xor, p, q))
            }),
        ),
        (
            "choice of sums",
            Box::new(|g, [x, y, z]| {
                let c = g.cmp(CmpOp::Ult, &x, &y);
                let choice = g.ite(&c, &x, &y);
                let left = bin(g, Xor, choice, z);
                let (p, q) = (bin(g, Xor, z, x), bin(g, Xor, z, y));
                (left, g.ite(&c, &p, &q))
            }),
        ),
        (
            "equality of exclusive ors",
            Box::new(|g, [x, y, z]| {
                let (p, q) = (bin(g, Xor, x, z), bin(g, Xor, z, y));
                (g.cmp(CmpOp::Eq, &p, &q), g.cmp(CmpOp::Eq, &x, &y))
            }),
        ),
        (
            "bits cleared by subtraction",
            Box::new(|g, [x, m, n]| {
                let p = bin(g, And, m, x);
                let left = bin(g, Sub, x, p);
                let ones = g.word(u32::MAX);
                let inverse = bin(g, Xor, m, ones);
                (bin(g, Shl, left, n), {
                    let p = bin(g, And, inverse, x);
                    bin(g, Shl, p, n)
                })
            }),
        ),
    ]
}

#[test]
fn the_egraph_closes_examples() {
    for (name, sides) in egraph_examples() {
        closes(Rung::Egraph, name, &*sides);
    }
}

#[test]
fn proofs_repeat() {
    for (name, sides) in egraph_examples() {
        let proof = || {
            let (mut g, words) = graph();
            let (a, b) = sides(&mut g, words);
            egraph::equal(&mut g, a, b, Rules::proved())
        };
        assert_eq!(proof(), proof(), "{name}");
    }
}

/// Covers TOR-PROOF-EGRAPH, TOR-PROOF-REPLAY.
#[test]
fn tampered_proofs_are_rejected() {
    let rules = Rules::proved();
    for (name, sides) in egraph_examples() {
        let (mut g, words) = graph();
        let (a, b) = sides(&mut g, words);
        let proof = egraph::equal(&mut g, a, b, rules).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(check(&mut g, a, b, &proof, rules), Ok(()));
        assert_eq!(check(&mut g, a, words[0], &proof, rules), Err(Rejected::Ends), "{name}");
        for i in 0..proof.steps.len() {
            let mut rejects = |why: &str, change: &dyn Fn(&mut synth_validator::replay::Step)| {
                let mut bad = proof.clone();
                change(&mut bad.steps[i]);
                assert!(check(&mut g, a, b, &bad, rules).is_err(), "{name}, step {i}: {why}: {:?}", bad.steps[i]);
            };
            rejects("unknown rule", &|s| s.rule.push('x'));
            rejects("wrong rule", &|s| {
                s.rule = if s.rule == "udiv_by_power" { "fold" } else { "udiv_by_power" }.into()
            });
            rejects("wrong position", &|s| s.position.push(0));
            rejects("wrong leaf", &|s| s.term = s.term.replace("@0", "@1"));
            rejects("not a term", &|s| s.term.push(')'));
            rejects("another term", &|s| s.term = "(mul @0 @0)".into());
        }
        let mut bad = proof.clone();
        bad.steps.clear();
        assert_eq!(check(&mut g, a, b, &bad, rules), Err(Rejected::Ends), "{name}");
        let few = Rules::prove(vec![]);
        assert!(check(&mut g, a, b, &proof, &few).is_err(), "{name}: without lemmas");
    }
}

/// Pairs that agree on most words, or on all small ones, and not on all.
fn near_misses() -> Vec<(&'static str, Box<Sides>)> {
    use BinOp::*;
    vec![
        ("sum is not or", Box::new(|g, [x, y, _]| (bin(g, Add, x, y), bin(g, Or, x, y)))),
        (
            "sum of or and xor",
            Box::new(|g, [x, y, _]| {
                let (p, q) = (bin(g, Or, x, y), bin(g, Xor, x, y));
                (bin(g, Add, p, q), bin(g, Add, x, y))
            }),
        ),
        (
            "rotation by a register without mask",
            Box::new(|g, [x, n, _]| {
                let c = g.word(32);
                let rest = bin(g, Sub, c, n);
                let (p, q) = (bin(g, Lshr, x, n), bin(g, Shl, x, rest));
                (bin(g, Or, p, q), bin(g, Ror, x, n))
            }),
        ),
        (
            "one arm of a choice",
            Box::new(|g, [x, y, z]| {
                let c = g.cmp(CmpOp::Ult, &x, &y);
                let choice = g.ite(&c, &x, &y);
                let left = bin(g, Xor, choice, z);
                let p = bin(g, Xor, z, x);
                (left, g.ite(&c, &p, &y))
            }),
        ),
        (
            "sign extension of a sum",
            Box::new(|g, [x, y, _]| {
                let sum = bin(g, Add, x, y);
                let left = g.un(UnOp::Sext8, &sum);
                let (p, q) = (g.un(UnOp::Sext8, &x), g.un(UnOp::Sext8, &y));
                (left, bin(g, Add, p, q))
            }),
        ),
        ("signed and unsigned order", Box::new(|g, [x, y, _]| (g.cmp(CmpOp::Slt, &x, &y), g.cmp(CmpOp::Ult, &x, &y)))),
        (
            "equal but for one word",
            Box::new(|g, [x, y, _]| {
                let odd = g.cmp_const(CmpOp::Eq, &x, 0x1234_5678);
                let other = g.ite(&odd, &y, &x);
                let (p, q) = (bin(g, And, x, y), bin(g, Or, x, y));
                let left = bin(g, Add, p, q);
                (left, bin(g, Add, other, y))
            }),
        ),
    ]
}

/// Covers TOR-PROOF-EGRAPH.
#[test]
fn near_misses_are_not_proved() {
    for (name, sides) in near_misses() {
        let (mut g, words) = graph();
        let (a, b) = sides(&mut g, words);
        assert_eq!(egraph::equal(&mut g, a, b, Rules::proved()), None, "{name}");
        let verdict = prove_equal(&mut g, &Path::default(), a, b, &Limits::default());
        assert!(matches!(verdict, Err(Open::Model(_))), "{name}: {verdict:?}");
    }
}
