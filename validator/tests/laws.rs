//! Laws that hold for all terms: a built term means what its operations say, however the graph has rewritten it, and words that the
//! ring normal form calls equal are equal in every state.

use proptest::prelude::*;
use synth_validator::concrete::eval_bin;
use synth_validator::domain::{BinOp, Domain};
use synth_validator::eval::{Assignment, word};
use synth_validator::ring;
use synth_validator::term::{Graph, T, Var};

const VARIABLES: u32 = 4;

/// An expression over a few variables.
#[derive(Clone, Debug)]
enum Expression {
    Variable(u32),
    Constant(u32),
    Bin(BinOp, Box<Expression>, Box<Expression>),
}

impl Expression {
    fn build(&self, g: &mut Graph) -> T {
        match self {
            Expression::Variable(i) => g.var(Var::Argument(*i)),
            Expression::Constant(k) => g.word(*k),
            Expression::Bin(op, a, b) => {
                let (a, b) = (a.build(g), b.build(g));
                g.bin(*op, &a, &b)
            }
        }
    }
    fn value(&self, variables: &[u32]) -> u32 {
        match self {
            Expression::Variable(i) => variables[*i as usize],
            Expression::Constant(k) => *k,
            Expression::Bin(op, a, b) => eval_bin(*op, a.value(variables), b.value(variables)),
        }
    }
}

fn constant() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u32::MAX),
        Just(1 << 31),
        0..64u32,
        (0..32u32).prop_map(|n| 1 << n),
        any::<u32>()
    ]
}

fn expression(ops: &'static [BinOp]) -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![(0..VARIABLES).prop_map(Expression::Variable), constant().prop_map(Expression::Constant)];
    leaf.prop_recursive(5, 40, 2, move |inner| {
        (prop::sample::select(ops), inner.clone(), inner).prop_map(|(op, a, b)| Expression::Bin(op, a.into(), b.into()))
    })
}

const ALL: &[BinOp] = &[
    BinOp::Add,
    BinOp::Sub,
    BinOp::Mul,
    BinOp::UMulHi,
    BinOp::UDiv,
    BinOp::SDiv,
    BinOp::And,
    BinOp::Or,
    BinOp::Xor,
    BinOp::Shl,
];
const RING: &[BinOp] = &[BinOp::Add, BinOp::Sub, BinOp::Mul];

fn assignment(variables: &[u32]) -> Assignment {
    let mut assignment = Assignment::default();
    assignment.words.extend((0..).map(Var::Argument).zip(variables.iter().copied()));
    assignment
}

fn variables() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(constant(), VARIABLES as usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Covers TOR-PROOF-TERMS, TOR-PROOF-EVAL.
    #[test]
    fn simplified_terms_keep_their_meaning(e in expression(ALL), v in variables()) {
        let mut g = Graph::new();
        let term = e.build(&mut g);
        prop_assert_eq!(word(&g, &assignment(&v), term), e.value(&v));
        // Building is a function: the same expression is the same node.
        prop_assert_eq!(e.build(&mut g), term);
    }

    /// Covers TOR-PROOF-RING.
    #[test]
    fn what_the_ring_calls_equal_is_equal(a in expression(RING), b in expression(RING), v in variables()) {
        let mut g = Graph::new();
        let (x, y) = (a.build(&mut g), b.build(&mut g));
        if ring::equal(&mut g, x, y) {
            prop_assert_eq!(a.value(&v), b.value(&v));
        }
        prop_assert!(ring::equal(&mut g, x, x));
    }

    #[test]
    fn the_ring_knows_the_laws_of_a_ring(a in expression(RING), b in expression(RING), c in expression(RING)) {
        let mut g = Graph::new();
        let (a, b, c) = (a.build(&mut g), b.build(&mut g), c.build(&mut g));
        let mut op = |op, x: &T, y: &T| g.bin(op, x, y);
        let sum = op(BinOp::Add, &a, &b);
        let left = op(BinOp::Mul, &sum, &c);
        let (x, y) = (op(BinOp::Mul, &c, &a), op(BinOp::Mul, &b, &c));
        let right = op(BinOp::Add, &y, &x);
        let more = op(BinOp::Sub, &right, &a);
        let back = op(BinOp::Add, &a, &more);
        // Beyond a degree it does not expand, which is no answer; below it must see it.
        let small = |t| ring::equal(&mut g.clone(), t, t);
        if small(left) && small(right) {
            prop_assert!(ring::equal(&mut g, left, right));
            prop_assert!(ring::equal(&mut g, back, right));
        }
    }
}
