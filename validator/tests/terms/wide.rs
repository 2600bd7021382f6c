//! Rules at 64 bits: pairs of words, as `synth_validator::pair` computes them over the term graph, against z3's 64-bit
//! vectors and native integers.

use crate::judge::{Count, Judge};
use crate::reference::wide::{COND, UN, native_bin, native_compare, native_un, z3_bin, z3_compare, z3_un};
use crate::reference::{self, Random, Replay};
use synth_validator::domain::*;
use synth_validator::eval::{Assignment, Evaluator};
use synth_validator::ir::{Bin64, Un64};
use synth_validator::pair::{self, Pair};
use synth_validator::term::{Graph, T, Var};
use z3::ast::{BV, Bool};

/// An expression of 64 bits over four unknown words.
#[derive(Clone, Debug)]
enum Wide {
    /// Unknowns `2n` (low) and `2n + 1` (high).
    Unknown(u32),
    /// Unknown word, zero-extended.
    Zero(u32),
    /// Unknown word, sign-extended.
    Sign(u32),
    Const(u64),
    Bin(Bin64, Box<Wide>, Box<Wide>),
    Un(Un64, Box<Wide>),
    /// The first if the comparison of the unknowns holds, else the second.
    Choice(Box<Wide>, Box<Wide>),
}
use Wide::*;

const BINS: [Bin64; 10] = [
    Bin64::Add,
    Bin64::Sub,
    Bin64::And,
    Bin64::Or,
    Bin64::Xor,
    Bin64::Shl,
    Bin64::ShrU,
    Bin64::ShrS,
    Bin64::Rotl,
    Bin64::Rotr,
];
const CONSTANTS: [u64; 16] = [
    0,
    1,
    2,
    7,
    8,
    31,
    32,
    33,
    63,
    0xff,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_0000_0000,
    u64::MAX,
];

fn bin(op: Bin64, a: Wide, b: Wide) -> Wide {
    Bin(op, Box::new(a), Box::new(b))
}

impl Wide {
    fn terms(&self, g: &mut Graph) -> Pair<Graph> {
        let var = |g: &mut Graph, n: u32| g.var(Var::Argument(n));
        match self {
            Unknown(n) => (var(g, 2 * n), var(g, 2 * n + 1)),
            Zero(n) => (var(g, *n), g.word(0)),
            Sign(n) => {
                let low = var(g, *n);
                (low, pair::sign(g, &low))
            }
            Const(c) => pair::constant(g, *c),
            Bin(op, a, b) => {
                let (a, b) = (a.terms(g), b.terms(g));
                pair::bin(g, *op, &a, &b)
            }
            Un(op, a) => {
                let a = a.terms(g);
                pair::un(g, *op, &a)
            }
            Choice(a, b) => {
                let (x, y) = (Unknown(0).terms(g), Unknown(1).terms(g));
                let less = pair::less(g, true, &x, &y);
                let (a, b) = (a.terms(g), b.terms(g));
                (g.ite(&less, &a.0, &b.0), g.ite(&less, &a.1, &b.1))
            }
        }
    }
    fn raw(&self) -> BV {
        let var = |n: u32| reference::variable(Var::Argument(n));
        match self {
            Unknown(n) => var(2 * n + 1).concat(var(2 * n)),
            Zero(n) => var(*n).zero_ext(32),
            Sign(n) => var(*n).sign_ext(32),
            Const(c) => BV::from_u64(*c, 64),
            Bin(Bin64::Mul, a, b) => a.raw() * b.raw(),
            Bin(op, a, b) => z3_bin(*op, &a.raw(), &b.raw()).expect("an operation that z3 is asked about"),
            Un(op, a) => z3_un(*op, &a.raw()),
            Choice(a, b) => Unknown(0).raw().bvslt(Unknown(1).raw()).ite(&a.raw(), &b.raw()),
        }
    }
    fn native(&self, words: &[u32; 4]) -> u64 {
        let w = |n: u32| words[n as usize];
        match self {
            Unknown(n) => u64::from(w(2 * n)) | u64::from(w(2 * n + 1)) << 32,
            Zero(n) => w(*n).into(),
            Sign(n) => i64::from(w(*n) as i32) as u64,
            Const(c) => *c,
            Bin(op, a, b) => native_bin(*op, a.native(words), b.native(words)),
            Un(op, a) => native_un(*op, a.native(words)),
            Choice(a, b) => {
                let less = (Unknown(0).native(words) as i64) < Unknown(1).native(words) as i64;
                if less { a.native(words) } else { b.native(words) }
            }
        }
    }
}

/// Operands: unknown, extended, constant.
fn operands() -> Vec<Wide> {
    let mut all = vec![Unknown(1), Unknown(0), Zero(2), Sign(2)];
    all.extend(CONSTANTS.map(Const));
    all
}

/// Runs terms on random words.
fn execute(
    judge: &mut Judge,
    random: &mut Random,
    mut agrees: impl FnMut(&mut Evaluator, &[u32; 4]) -> bool,
    what: &dyn Fn() -> String,
) {
    for _ in 0..4 {
        let words = [(); 4].map(|()| random.word());
        let mut a = Assignment::default();
        for (n, w) in words.iter().enumerate() {
            a.words.insert(Var::Argument(n as u32), *w);
        }
        let agrees = agrees(&mut Evaluator::new(&a), &words);
        judge.executed(agrees, || format!("{} on {words:x?}", what()));
    }
}

fn value(judge: &mut Judge, random: &mut Random, e: &Wide) {
    let g = &mut Graph::new();
    let (t, mut replay) = (e.terms(g), Replay::default());
    let expected = e.raw();
    judge.word(g, &mut replay, t.0, &expected.extract(31, 0), &format!("low of {e:?}"));
    judge.word(g, &mut replay, t.1, &expected.extract(63, 32), &format!("high of {e:?}"));
    let joined = |evaluator: &mut Evaluator, words: &[u32; 4]| {
        let found = u64::from(evaluator.word(g, t.0)) | u64::from(evaluator.word(g, t.1)) << 32;
        found == e.native(words)
    };
    execute(judge, random, joined, &|| format!("{e:?}"));
}

/// All operations on all operands, and each operation after each other.
pub fn words() -> Count {
    let (mut judge, mut random) = (Judge::new(64, 1), Random::new(641));
    for op in BINS {
        for b in operands() {
            value(&mut judge, &mut random, &bin(op, Unknown(0), b.clone()));
            if !matches!(b, Unknown(_)) {
                value(&mut judge, &mut random, &bin(op, b, Unknown(0)));
            }
        }
        // Each operation after each other, with constants that meet in one rule or another.
        for inner in BINS {
            for (k, j) in [(8, 24), (33, 31), (0xff, 0xff00_0000_00ff)] {
                let e = bin(op, bin(inner, Unknown(0), Const(k)), Const(j));
                value(&mut judge, &mut random, &e);
            }
            if !matches!(op, Bin64::Shl | Bin64::ShrU | Bin64::ShrS | Bin64::Rotl | Bin64::Rotr) {
                value(&mut judge, &mut random, &bin(op, bin(inner, Unknown(0), Const(5)), Unknown(1)));
            }
        }
    }
    for c in [0, 1, 2, 3, 10, 1 << 31, 1 << 32, 1 << 63, u64::MAX] {
        value(&mut judge, &mut random, &bin(Bin64::Mul, Unknown(0), Const(c)));
        value(&mut judge, &mut random, &bin(Bin64::Mul, Const(c), Zero(0)));
    }
    for op in UN {
        for a in [Unknown(0), Zero(0), Sign(0), Const(0x8000_0000_0000_0080)] {
            // Bit counts are sums of 64 bits to z3: `tests/pair.rs` proves the one of an unknown, with more steps.
            if op == Un64::Popcnt && !matches!(a, Const(_)) {
                continue;
            }
            value(&mut judge, &mut random, &Un(op, Box::new(a)));
        }
        for inner in [Bin64::Xor, Bin64::Add, Bin64::ShrU] {
            if op != Un64::Popcnt {
                value(&mut judge, &mut random, &Un(op, Box::new(bin(inner, Unknown(0), Const(40)))));
            }
        }
    }
    judge.finish()
}

fn condition(
    judge: &mut Judge,
    random: &mut Random,
    t: T,
    g: &Graph,
    expected: &Bool,
    native: impl Fn(&[u32; 4]) -> bool,
    what: &str,
) {
    judge.boolean(g, &mut Replay::default(), t, expected, what);
    execute(judge, random, |evaluator, words| evaluator.boolean(g, t) == native(words), &|| what.to_string());
}

/// All comparisons of all operands; `i64.eqz` is the one with 0.
pub fn comparisons() -> Count {
    let (mut judge, mut random) = (Judge::new(64, 1), Random::new(642));
    let lefts = [Unknown(0), Zero(0), Sign(0), bin(Bin64::Add, Unknown(0), Const(1))];
    for cond in COND {
        for (a, b) in lefts.iter().flat_map(|a| operands().into_iter().map(move |b| (a, b))) {
            let g = &mut Graph::new();
            let (p, q) = (a.terms(g), b.terms(g));
            for (x, y, (p, q)) in [(a, &b, (p, q)), (&b, a, (q, p))] {
                let t = pair::compare(g, cond, &p, &q);
                let native = |words: &[u32; 4]| native_compare(cond, x.native(words), y.native(words));
                let expected = z3_compare(cond, &x.raw(), &y.raw());
                condition(&mut judge, &mut random, t, g, &expected, native, &format!("{cond:?} {x:?} {y:?}"));
            }
        }
    }
    judge.finish()
}

/// Conditions made of two comparisons, and choices by one.
pub fn booleans() -> Count {
    let (mut judge, mut random) = (Judge::new(64, 1), Random::new(643));
    for (first, second) in COND.iter().flat_map(|p| COND.iter().map(move |q| (*p, *q))) {
        let g = &mut Graph::new();
        let (p, q) = (Unknown(0).terms(g), Unknown(1).terms(g));
        let (a, b) = (pair::compare(g, first, &p, &q), pair::compare(g, second, &p, &q));
        let [x, y] = [Unknown(0).raw(), Unknown(1).raw()];
        let (ra, rb) = (z3_compare(first, &x, &y), z3_compare(second, &x, &y));
        let native = move |words: &[u32; 4]| {
            let (x, y) = (Unknown(0).native(words), Unknown(1).native(words));
            (native_compare(first, x, y), native_compare(second, x, y))
        };
        let what = |name: &str| format!("{first:?} {name} {second:?}");
        let all = [g.and(&a, &b), g.or(&a, &b), g.xor(&a, &b)];
        condition(
            &mut judge,
            &mut random,
            all[0],
            g,
            &Bool::and(&[&ra, &rb]),
            |w| native(w).0 && native(w).1,
            &what("and"),
        );
        condition(
            &mut judge,
            &mut random,
            all[1],
            g,
            &Bool::or(&[&ra, &rb]),
            |w| native(w).0 || native(w).1,
            &what("or"),
        );
        condition(&mut judge, &mut random, all[2], g, &ra.xor(&rb), |w| native(w).0 != native(w).1, &what("xor"));
    }
    for a in operands() {
        value(&mut judge, &mut random, &Choice(Box::new(a.clone()), Box::new(Unknown(1))));
        value(&mut judge, &mut random, &Choice(Box::new(Const(5)), Box::new(a)));
    }
    judge.finish()
}

/// Stores of two words, and loads of two words around them.
pub fn memory() -> Count {
    let mut judge = Judge::new(64, 4);
    let index = reference::variable(Var::Argument(4));
    for distance in [0u32, 1, 2, 4, 8, 12, u32::MAX, u32::MAX - 3, u32::MAX - 7] {
        let g = &mut Graph::new();
        let at = g.var(Var::Argument(4));
        let start = g.var(Var::Memory(0));
        let (p, raw) = (Unknown(0).terms(g), Unknown(0).raw());
        let second = g.bin_const(BinOp::Add, &at, 4);
        let stored = g.store(&start, Width::Word, &at, &p.0);
        let stored = g.store(&stored, Width::Word, &second, &p.1);
        let at_byte = |k: u32| &index + reference::word(k);
        let memory = (0..8).fold(reference::memory(0), |m, k| m.store(&at_byte(k), &raw.extract(8 * k + 7, 8 * k)));
        let near = g.bin_const(BinOp::Add, &at, distance);
        let near_high = g.bin_const(BinOp::Add, &near, 4);
        let low = g.load(&stored, Width::Word, &near);
        let high = g.load(&stored, Width::Word, &near_high);
        let byte = |k: u32| memory.select(&at_byte(distance.wrapping_add(k))).as_bv().expect("bytes");
        let expected = (1..8).fold(byte(0), |low, k| byte(k).concat(&low));
        let mut replay = Replay::default();
        let what = format!("i64 at distance {distance}");
        judge.word(g, &mut replay, low, &expected.extract(31, 0), &what);
        judge.word(g, &mut replay, high, &expected.extract(63, 32), &what);
    }
    judge.finish()
}

#[test]
fn wrong_expectations_at_64_bits_are_noticed() {
    let mut judge = Judge::new(64, 1);
    let g = &mut Graph::new();
    let shifted = bin(Bin64::ShrS, Unknown(0), Const(40));
    let (low, high) = shifted.terms(g);
    let expected = bin(Bin64::ShrU, Unknown(0), Const(40)).raw();
    let mut replay = Replay::default();
    judge.word(g, &mut replay, low, &expected.extract(31, 0), "low of a signed shift as unsigned");
    judge.word(g, &mut replay, high, &expected.extract(63, 32), "high of a signed shift as unsigned");
    let (p, q) = (Unknown(0).terms(g), Unknown(1).terms(g));
    let (less, native) = (pair::less(g, true, &p, &q), |w: &[u32; 4]| Unknown(0).native(w) < Unknown(1).native(w));
    let unsigned = Unknown(0).raw().bvult(Unknown(1).raw());
    for seed in 0..20 {
        condition(&mut judge, &mut Random::new(seed), less, g, &unsigned, native, "signed order as unsigned");
    }
    let wrong = judge.finish().wrong;
    assert!(wrong.iter().filter(|w| w.starts_with("differs")).count() == 3, "{wrong:?}");
    assert!(wrong.iter().any(|w| !w.starts_with("differs")), "by execution: {wrong:?}");
}
