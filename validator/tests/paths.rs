//! What is decided on a path: conditions that share parts are looked at once, however deep.

use synth_validator::domain::*;
use synth_validator::ladder::Path;
use synth_validator::ring;
use synth_validator::term::{Graph, T, Var};

/// Flags that comparisons write under a condition of the same flags: each stands in the next one several times, so that code of a few
/// dozen instructions once kept the validator from ending.
///
/// Covers TOR-PROOF-PATHS.
#[test]
fn conditions_that_share_parts_are_looked_at_once() {
    let mut g = Graph::new();
    let below = |g: &mut Graph, n: u32| {
        let word = g.var(Var::Argument(n));
        g.cmp_const(CmpOp::Ult, &word, 7)
    };
    let mut flag = below(&mut g, 0);
    for i in 0..200 {
        let (yes, no) = (below(&mut g, 2 * i + 1), below(&mut g, 2 * i + 2));
        flag = g.ite_bool(&flag, &yes, &no);
    }
    let mut path = Path::default();
    assert_eq!(path.decide(&mut g, flag), None);
    assert!(path.assume(&mut g, flag));
    assert_eq!(path.decide(&mut g, flag), Some(true));
}

/// Sums that stand in each other once per term, below a shift: a few thousand bytes of code once kept the validator from ending.
///
/// Covers TOR-PROOF-PATHS.
#[test]
fn bounds_of_a_term_are_looked_for_once() {
    let mut g = Graph::new();
    let mut word = g.var(Var::Argument(0));
    for _ in 0..8 {
        let mut sum = g.word(0);
        for i in 0..80 {
            let moved = g.bin_const(BinOp::Add, &word, i);
            let half = g.bin_const(BinOp::Lshr, &moved, 1);
            sum = g.bin(BinOp::Add, &sum, &half);
        }
        word = sum;
    }
    let condition = g.cmp_const(CmpOp::Ult, &word, 7);
    assert_eq!(Path::default().decide(&mut g, condition), None);
    let narrow = g.bin_const(BinOp::Lshr, &word, 8);
    let condition = g.cmp_const(CmpOp::Ult, &narrow, 1 << 24);
    assert_eq!(Path::default().decide(&mut g, condition), Some(true));
}

/// Products that stand in each other twice: their polynomials are small, but were made again for each place.
///
/// Covers TOR-PROOF-RING.
#[test]
fn a_word_is_expanded_once() {
    let mut g = Graph::new();
    let (a, b, y) = (g.var(Var::Argument(0)), g.var(Var::Argument(1)), g.var(Var::Argument(2)));
    let deep = |g: &mut Graph, first: T| {
        let mut word = first;
        for _ in 0..31 {
            let next = g.bin_const(BinOp::Add, &word, 1);
            let (p, q) = (g.bin(BinOp::Mul, &word, &y), g.bin(BinOp::Mul, &next, &y));
            word = g.bin(BinOp::Add, &p, &q);
        }
        word
    };
    let (one, other) = (deep(&mut g, a), deep(&mut g, b));
    assert!(!ring::equal(&mut g, one, other));
    let (sum, twice) = (g.bin(BinOp::Add, &one, &y), g.bin(BinOp::Add, &y, &one));
    assert!(ring::equal(&mut g, sum, twice));
}
