//! Pairs of words compute 64-bit arithmetic: by execution against native integers, and by z3 for all operands.
//!
//! Multiplication and division are not given to z3 as they stand. Division is one operation of the domain, used twice;
//! its words are compared with native division by execution. Multiplication is proved from its schoolbook identity: see
//! [`product_by_words`].

mod reference;

use reference::wide::{BIN, COND, UN, native_bin, native_compare, native_un, z3_bin, z3_compare, z3_un};
use reference::{Random, Z3, never};
use synth_validator::concrete::{Bytes, Concrete};
use synth_validator::domain::{BinOp, Domain};
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::ir::Bin64;
use synth_validator::pair;
use synth_validator::term::{Graph, Var};
use z3::SatResult;
use z3::ast::{BV, Bool, Int};

fn split(v: u64) -> (u32, u32) {
    (v as u32, (v >> 32) as u32)
}
fn join(p: (u32, u32)) -> u64 {
    u64::from(p.0) | u64::from(p.1) << 32
}
fn agree(a: u64, b: u64) {
    let d = &mut Concrete::new(Bytes::Dense(vec![]));
    let (p, q) = (split(a), split(b));
    for op in BIN {
        assert_eq!(join(pair::bin(d, op, &p, &q)), native_bin(op, a, b), "{op:?} of {a:#x} and {b:#x}");
    }
    for op in UN {
        assert_eq!(join(pair::un(d, op, &p)), native_un(op, a), "{op:?} of {a:#x}");
    }
    for cond in COND {
        assert_eq!(pair::compare(d, cond, &p, &q), native_compare(cond, a, b), "{cond:?} of {a:#x} and {b:#x}");
    }
    assert_eq!(join(pair::mul_wide(d, &p.0, &q.0)), u64::from(p.0) * u64::from(q.0));
    assert_eq!(pair::constant(d, a), p);
}

/// Covers TOR-PROOF-PAIRS.
#[test]
fn pairs_agree_with_native_arithmetic_at_boundaries_and_random_values() {
    let mut values: Vec<u64> = vec![];
    for i in 0..64 {
        values.extend([1u64 << i, (1 << i) - 1, !(1 << i), (!0u64 << i).wrapping_add(1)]);
    }
    for k in [
        3u64,
        5,
        6,
        10,
        31,
        33,
        63,
        0x5555_5555_5555_5555,
        0x0123_4567_89ab_cdef,
        0xffff_ffff_0000_0001,
        0x8000_0000_7fff_ffff,
    ] {
        values.extend([k, k.wrapping_neg()]);
    }
    values.sort_unstable();
    values.dedup();
    for &a in &values {
        for &b in &values {
            agree(a, b);
        }
    }
    let mut random = Random::new(64);
    for _ in 0..60_000 {
        agree(random.wide(), random.wide());
    }
}

/// The pair of `Argument(i)` and `Argument(i + 1)` in the graph, and as one 64-bit vector.
fn unknown(g: &mut Graph, i: u32) -> (pair::Pair<Graph>, BV) {
    let low = (g.var(Var::Argument(i)), reference::variable(Var::Argument(i)));
    let high = (g.var(Var::Argument(i + 1)), reference::variable(Var::Argument(i + 1)));
    ((low.0, high.0), high.1.concat(&low.1))
}

const STEPS: u32 = 40_000_000;

/// Covers TOR-PROOF-PAIRS.
#[test]
fn pairs_are_64_bit_vectors_for_all_operands() {
    // Twice: the formulas as written, and as the term graph normalises them.
    let g = &mut Graph::new();
    let ((p, a), (q, b)) = (unknown(g, 0), unknown(g, 2));
    let raw = |i| (reference::variable(Var::Argument(i)), reference::variable(Var::Argument(i + 1)));
    let (rp, rq) = (raw(0), raw(2));
    let mut replay = reference::Replay::default();
    let check = |what: &str, differ: [Bool; 2]| {
        for (form, differ) in ["as written", "as terms"].iter().zip(differ) {
            assert_eq!(never(&differ, STEPS), SatResult::Unsat, "{what} {form}");
        }
    };
    for op in BIN {
        let Some(expected) = z3_bin(op, &a, &b) else {
            continue;
        };
        let (low, high) = pair::bin(&mut Z3, op, &rp, &rq);
        let t = pair::bin(g, op, &p, &q);
        let term = replay.word(g, t.1).concat(replay.word(g, t.0));
        check(&format!("{op:?}"), [high.concat(&low).ne(&expected), term.ne(&expected)]);
    }
    for op in UN {
        let expected = z3_un(op, &a);
        let (low, high) = pair::un(&mut Z3, op, &rp);
        let t = pair::un(g, op, &p);
        let term = replay.word(g, t.1).concat(replay.word(g, t.0));
        check(&format!("{op:?}"), [high.concat(&low).ne(&expected), term.ne(&expected)]);
    }
    for cond in COND {
        let expected = z3_compare(cond, &a, &b);
        let holds = pair::compare(&mut Z3, cond, &rp, &rq);
        let t = pair::compare(g, cond, &p, &q);
        check(&format!("{cond:?}"), [holds.xor(&expected), replay.bool(g, t).xor(&expected)]);
    }
    // A wrong expectation is noticed.
    let (low, high) = pair::bin(&mut Z3, Bin64::ShrS, &rp, &rq);
    let wrong = high.concat(&low).ne(z3_bin(Bin64::ShrU, &a, &b).expect("a shift"));
    assert_eq!(never(&wrong, STEPS), SatResult::Sat);
}

/// `mul` computes (w mod 2^32, floor(w / 2^32) + x + y) modulo 2^32 each, where w = al·bl, x = al·bh, y = ah·bl are
/// opaque naturals. With z = ah·bh, the product of the pairs is w + 2^32·(x + y) + 2^64·z by distribution, which z3 does
/// over the integers; that both agree modulo 2^64 is linear in w, x, y, z.
///
/// Covers TOR-PROOF-PAIRS.
#[test]
fn product_by_words() {
    let [w, x, y, z] = ["w", "x", "y", "z"].map(Int::new_const);
    let [al, ah, bl, bh] = ["al", "ah", "bl", "bh"].map(Int::new_const);
    let two_32 = Int::from_u64(1 << 32);
    let (a, b) = (&al + &ah * &two_32, &bl + &bh * &two_32);
    let expanded = &al * &bl + (&al * &bh + &ah * &bl) * &two_32 + &ah * &bh * &two_32 * &two_32;
    assert_eq!(never(&(a * b).eq(&expanded).not(), STEPS), SatResult::Unsat, "distribution");

    let natural = |i: &Int| i.ge(Int::from_u64(0));
    let low = w.modulo(&two_32);
    let high = (w.div(&two_32) + &x + &y).modulo(&two_32);
    let exact = &w + (&x + &y) * &two_32 + &z * &two_32 * &two_32;
    let two_64 = &two_32 * &two_32;
    let differ = exact.modulo(&two_64).eq(low + high * &two_32).not();
    let assumed = Bool::and(&[natural(&w), natural(&x), natural(&y), natural(&z), differ]);
    assert_eq!(never(&assumed, STEPS), SatResult::Unsat, "carries");

    // The term that `mul` builds is the one that the identity speaks of.
    let g = &mut Graph::new();
    let ((p, _), (q, _)) = (unknown(g, 0), unknown(g, 2));
    let (low, high) = pair::mul(g, &p, &q);
    let [w_low, w_high] = [BinOp::Mul, BinOp::UMulHi].map(|op| g.bin(op, &p.0, &q.0));
    let (x, y) = (g.bin(BinOp::Mul, &p.0, &q.1), g.bin(BinOp::Mul, &p.1, &q.0));
    let sum = g.bin(BinOp::Add, &x, &y);
    let sum = g.bin(BinOp::Add, &sum, &w_high);
    assert_eq!((low, high), (w_low, sum));
}

#[test]
fn pair_terms_evaluate_to_native_arithmetic() {
    let g = &mut Graph::new();
    let ((p, _), (q, _)) = (unknown(g, 0), unknown(g, 2));
    let bins = BIN.map(|op| pair::bin(g, op, &p, &q));
    let uns = UN.map(|op| pair::un(g, op, &p));
    let conds = COND.map(|c| pair::compare(g, c, &p, &q));
    let mut random = Random::new(65);
    for _ in 0..5_000 {
        let (a, b) = (random.wide(), random.wide());
        let mut assignment = Assignment::default();
        for (i, v) in [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32].into_iter().enumerate() {
            assignment.words.insert(Var::Argument(i as u32), v);
        }
        let mut evaluator = Evaluator::new(&assignment);
        let mut both = |t: &(_, _)| join((evaluator.word(g, t.0), evaluator.word(g, t.1)));
        for (op, t) in BIN.iter().zip(&bins) {
            assert_eq!(both(t), native_bin(*op, a, b), "{op:?} of {a:#x} and {b:#x}");
        }
        for (op, t) in UN.iter().zip(&uns) {
            assert_eq!(both(t), native_un(*op, a), "{op:?} of {a:#x}");
        }
        for (c, t) in COND.iter().zip(&conds) {
            assert_eq!(evaluator.boolean(g, *t), native_compare(*c, a, b), "{c:?} of {a:#x} and {b:#x}");
        }
    }
}
