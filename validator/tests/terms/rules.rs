//! Rules at 32 bits, the width of words: families of shapes at which rules change, each value against the raw expression
//! of the same operations.

use crate::judge::{Count, Judge};
use crate::program::*;
use crate::reference::{Random, Replay};
use synth_validator::domain::*;
use synth_validator::ladder::{Limits, Path, Rung, prove};
use synth_validator::term::{Graph, Node, T, Var};
use z3::ast::Bool;

/// Random programs.
pub fn random() -> Count {
    let mut judge = Judge::new(32, 4);
    let mut random = Random::new(4);
    for _ in 0..80 {
        let length = 6 + random.below(10);
        judge.program(&program(&mut random, length, true));
    }
    judge.finish()
}

/// Constants at which rules change.
const CONSTANTS: [u32; 19] = [
    0,
    1,
    2,
    5,
    8,
    16,
    24,
    31,
    32,
    0xff,
    0x7f,
    0x80,
    0xff00,
    0xffff,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
];

/// Operations on the word `x` (and `y`), each as a list to append when `n` words exist: one list, its last word the result.
fn steps() -> Vec<Box<dyn Fn(usize, usize, usize) -> Program>> {
    let mut steps: Vec<Box<dyn Fn(usize, usize, usize) -> Program>> = vec![];
    // Bit counts are sums of 32 bits to z3: they are proved alone, and in company by execution.
    for op in UN.into_iter().filter(|op| *op != UnOp::Popcnt) {
        steps.push(Box::new(move |x, _, _| vec![Op::Un(op, x)]));
    }
    let small = &[1, 7, 8, 16, 24, 31];
    for op in [BinOp::Shl, BinOp::Lshr, BinOp::Ashr, BinOp::Ror] {
        for &c in small {
            steps.push(Box::new(move |x, _, n| vec![Op::Const(c), Op::Bin(op, x, n)]));
        }
    }
    for (op, constants) in [
        (BinOp::Add, &[1, 8, 0xffff_ff00, 0x8000_0000][..]),
        (BinOp::Mul, &[3, 4, 0x100, 0xffff_ffff, 0x8000_0000]),
        (BinOp::And, &[1, 0x7f, 0xff, 0xff00, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8]),
        (BinOp::Or, &[1, 0xff00, 0x8000_0000]),
        (BinOp::Xor, &[1, 0x8000_0000, 0xffff_ffff]),
    ] {
        for &c in constants {
            steps.push(Box::new(move |x, _, n| vec![Op::Const(c), Op::Bin(op, x, n)]));
        }
    }
    for op in [BinOp::Add, BinOp::Sub, BinOp::And, BinOp::Or, BinOp::Xor] {
        steps.push(Box::new(move |x, y, _| vec![Op::Bin(op, x, y)]));
    }
    steps.push(Box::new(|x, y, _| vec![Op::Bin(BinOp::Sub, y, x)]));
    steps
}

/// Words.
pub fn words() -> Count {
    let mut judge = Judge::new(32, 1);
    let first = INPUTS.len();
    // Every operation with a constant on either side, and with itself.
    for op in BIN {
        for c in CONSTANTS {
            let op_c = |p| vec![Op::Const(c), p];
            judge.program(&op_c(Op::Bin(op, 0, first)));
            judge.program(&op_c(Op::Bin(op, first, 0)));
            judge.program(&op_c(Op::Bin(op, 4, first)));
        }
        judge.program(&[Op::Bin(op, 0, 0)]);
        judge.program(&[Op::Bin(op, 0, 1), Op::Bin(op, 1, 0)]);
    }
    judge.program(&[Op::Un(UnOp::Popcnt, 0)]);
    special_words(&mut judge);
    // Every step after every other step, with the operand, with another unknown, and with the other result.
    let steps = steps();
    for (i, inner) in steps.iter().enumerate() {
        for (j, outer) in steps.iter().enumerate() {
            let words = |p: &Program| first + p.len();
            let mut p = inner(0, 1, first);
            let x = words(&p) - 1;
            let more = outer(x, if (i + j) % 2 == 0 { 0 } else { 1 }, words(&p));
            p.extend(more);
            judge.program(&p);
        }
    }
    judge.finish()
}

/// Shapes that the operations above do not meet: choices by one condition, bits, constants in memory, long sums.
fn special_words(judge: &mut Judge) {
    let first = INPUTS.len();
    let bits = [Op::Cmp(CmpOp::Ult, 0, 1), Op::Cmp(CmpOp::Slt, 2, 3), Op::Bit(2), Op::Bit(3)];
    for op in [BinOp::And, BinOp::Or, BinOp::Xor, BinOp::Add] {
        judge.program(&[&bits[..], &[Op::Bin(op, first, first + 1)]].concat());
    }
    for (yes, no) in [(0x1f0, 5), (0x80, 0xff), (u32::MAX, 0)] {
        for mask in [1, 0x7f, 0xff, 0xf0f0] {
            let choice = [Op::Cmp(CmpOp::Ult, 0, 1), Op::Const(yes), Op::Const(no), Op::Ite(2, first, first + 1)];
            let masked = [Op::Const(mask), Op::Bin(BinOp::And, first + 2, first + 3), Op::Un(UnOp::Sext8, first + 2)];
            judge.program(&[&choice[..], &masked[..]].concat());
        }
    }
    // A choice inside a choice, by the same condition and by its negation.
    let inner = [Op::Cmp(CmpOp::Ult, 0, 1), Op::Not(2), Op::Ite(2, 0, 2)];
    for c in [2, 3] {
        judge.program(&[&inner[..], &[Op::Ite(c, first, 3), Op::Ite(c, 3, first), Op::Ite(c, first, first)]].concat());
    }
    // A choice by what its own word is, as one word or as several, and by what a word near it is.
    let sums = [Op::Bin(BinOp::Sub, 0, 1), Op::Bin(BinOp::Sub, 1, 0), Op::Bin(BinOp::Add, 0, 1), Op::Const(7)];
    let near = [Op::Bin(BinOp::Add, first, first + 3), Op::Bin(BinOp::Sub, first + 3, 0)];
    let start = [&sums[..], &near].concat();
    let words: Vec<usize> = [0].into_iter().chain(first..first + 6).collect();
    for x in &words {
        for y in &words {
            for (a, b) in [(*y, 3), (3, *y)] {
                judge.program(&[&start[..], &[Op::Cmp(CmpOp::Eq, *x, first + 3), Op::Ite(2, a, b)]].concat());
                judge.program(&[&start[..], &[Op::Cmp(CmpOp::Eq, *x, 2), Op::Ite(2, a, b)]].concat());
            }
        }
    }
    // Leading zeros of zero, as a bit, and what is near it.
    for zeros in [Op::Bin(BinOp::Xor, 0, 1), Op::Bin(BinOp::Sub, 0, 1), Op::Bin(BinOp::Or, 0, 4)] {
        for n in [4, 5, 6] {
            let bit = [Op::Un(UnOp::Clz, first), Op::Const(n), Op::Bin(BinOp::Lshr, first + 1, first + 2)];
            judge.program(&[&[zeros], &bit[..]].concat());
        }
    }
    // Sign copies of a byte or halfword that is 0, or in part.
    for (shift, extension) in [(8, UnOp::Sext8), (16, UnOp::Sext16), (4, UnOp::Sext8)] {
        for n in [7, 15, 31] {
            let shifted = [Op::Const(shift), Op::Bin(BinOp::Shl, 0, first), Op::Un(extension, first + 1)];
            judge.program(&[&shifted[..], &[Op::Const(n), Op::Bin(BinOp::Ashr, first + 2, first + 3)]].concat());
        }
    }
    for width in WIDTH {
        let stored = [Op::Const(0xffff_feff), Op::Store(width, 0, first)];
        judge.program(&[&stored[..], &WIDTH.map(|w| Op::Load(w, 0))].concat());
    }
    // More terms than a sum is kept normal with: the first sum past the limit.
    let mut long: Program = vec![];
    for k in 0..257u32 {
        let n = first + long.len();
        long.extend([Op::Const(2 * k + 3), Op::Bin(BinOp::Xor, 0, n)]);
    }
    let mut sum = first + 1;
    for k in 1..257 {
        long.push(Op::Bin(BinOp::Add, sum, first + 2 * k + 1));
        sum = first + long.len() - 1;
    }
    judge.last_words(&long, 1);
}

/// Comparisons.
pub fn comparisons() -> Count {
    let mut judge = Judge::new(32, 16);
    let first = INPUTS.len();
    // Unknowns that are masked, extended, choices of constants, aligned, sums.
    let shapes: Vec<Program> = vec![
        vec![Op::Bin(BinOp::Add, 0, 1)],
        vec![Op::Bin(BinOp::Sub, 0, 1)],
        vec![Op::Bin(BinOp::Xor, 0, 1)],
        vec![Op::Const(0xff), Op::Bin(BinOp::And, 0, first)],
        vec![Op::Const(1), Op::Bin(BinOp::Lshr, 0, first)],
        vec![Op::Const(3), Op::Bin(BinOp::Mul, 0, first)],
        vec![Op::Const(4), Op::Bin(BinOp::Add, 0, first)],
        vec![Op::Un(UnOp::Sext8, 0)],
        vec![Op::Un(UnOp::Clz, 0)],
        vec![Op::Cmp(CmpOp::Ult, 0, 1), Op::Const(0x80), Op::Const(5), Op::Ite(2, first, first + 1)],
        vec![Op::Cmp(CmpOp::Eq, 0, 1), Op::Bit(2)],
        vec![Op::Load(Width::Half, 0)],
    ];
    for op in CMP {
        for shape in &shapes {
            let n = first + shape.iter().filter(|op| matches!(op.kind(), Kind::Word)).count();
            for other in [0, 1, 4, 5, n - 1] {
                judge.program(&[&shape[..], &[Op::Cmp(op, n - 1, other), Op::Cmp(op, other, n - 1)]].concat());
            }
            for c in CONSTANTS {
                judge.program(&[&shape[..], &[Op::Const(c), Op::Cmp(op, n - 1, n), Op::Cmp(op, n, n - 1)]].concat());
            }
        }
        // A sum of aligned unknowns that no word near the end of the range equals.
        for c in [0xffff_fff9, 0xffff_fffa, 0xffff_fffe] {
            judge.program(&[
                Op::Const(9),
                Op::Bin(BinOp::Add, 6, first),
                Op::Const(c),
                Op::Cmp(op, first + 1, first + 2),
                Op::Cmp(op, first + 2, first + 1),
            ]);
        }
        for c in CONSTANTS {
            for x in [0, 4, 5, 7] {
                judge.program(&[Op::Const(c), Op::Cmp(op, x, first), Op::Cmp(op, first, x)]);
            }
        }
    }
    judge.finish()
}

/// Conditions that flags compute, and choices.
pub fn booleans() -> Count {
    let mut judge = Judge::new(32, 60);
    let first = INPUTS.len();
    // Operand pairs: unknowns, an unknown and 0, a sum and its summand. Others are met in random terms.
    let operands: [(Program, usize, usize); 3] =
        [(vec![], 0, 1), (vec![Op::Const(0)], 0, first), (vec![Op::Bin(BinOp::Add, 0, 1)], first, 0)];
    for (before, x, y) in operands {
        // Without a borrow, and with an unknown carry.
        for carry in if before.is_empty() { [1, 2] } else { [1, 1] } {
            // Boolean 2 is an unknown carry; then the flags of a difference and of a sum, and comparisons.
            let mut p = before.clone();
            let n = first + before.len();
            p.push(Op::Cmp(CmpOp::Ult, 2, 3));
            p.extend([Op::Not(carry), Op::Bit(3), Op::Bit(carry), Op::Const(0)]);
            let (borrow, more, zero) = (n, n + 1, n + 2);
            p.extend([Op::Bin(BinOp::Sub, x, y), Op::Bin(BinOp::Sub, n + 3, borrow)]);
            p.extend([Op::Bin(BinOp::Add, x, y), Op::Bin(BinOp::Add, n + 5, more)]);
            p.extend([Op::Cmp(CmpOp::Slt, n + 4, zero), Op::Cmp(CmpOp::Eq, n + 4, zero)]);
            p.extend([Op::SubCarry(x, y, carry), Op::SubOverflow(x, y, carry)]);
            p.extend([Op::Cmp(CmpOp::Slt, n + 6, zero), Op::Cmp(CmpOp::Eq, n + 6, zero)]);
            p.extend([Op::AddCarry(x, y, carry), Op::AddOverflow(x, y, carry)]);
            p.extend(CMP.map(|op| Op::Cmp(op, x, y)));
            p.extend([Op::Cmp(CmpOp::Ult, y, x), Op::Cmp(CmpOp::Slt, y, x)]);
            let bases: Vec<usize> = (0..17).collect();
            // All pairs of these and of their negations.
            p.extend(bases.iter().map(|b| Op::Not(*b)));
            let all: Vec<usize> = (0..34).collect();
            for &a in &all[2..] {
                p.extend(all.iter().filter(|b| **b > a).map(|b| Op::And(a, *b)));
            }
            for &a in &bases {
                p.extend(bases.iter().filter(|b| **b > a).map(|b| Op::Xor(a, *b)));
            }
            for &a in &bases[2..5] {
                p.extend(bases.iter().flat_map(|b| [Op::IteBool(a, *b, bases[(a + b) % 17]), Op::Or(a, *b)]));
            }
            p.extend(bases.iter().flat_map(|b| [Op::Bit(*b), Op::Ite(*b, 0, 1), Op::Ite(b + 17, 0, 1)]));
            judge.program(&p);
        }
    }
    judge.finish()
}

/// Stores and loads.
pub fn memory() -> Count {
    let mut judge = Judge::new(32, 16);
    let first = INPUTS.len();
    for k in 0..9u32 {
        for j in [0, 1, 2, 3, 5] {
            // first: offsets; then the indices `x + k - 4` and `x + j`.
            let indices = [
                Op::Const(k.wrapping_sub(4)),
                Op::Const(j),
                Op::Bin(BinOp::Add, 0, first),
                Op::Bin(BinOp::Add, 0, first + 1),
            ];
            for a in WIDTH {
                for b in WIDTH {
                    let mut p = indices.to_vec();
                    p.extend([Op::Store(a, 0, 1), Op::Store(b, first + 2, 2), Op::Store(b, first + 3, 3)]);
                    p.extend(WIDTH.map(|w| Op::Load(w, first + 2)));
                    p.extend(WIDTH.map(|w| Op::Load(w, 0)));
                    // An index that may alias.
                    p.extend([
                        Op::Store(Width::Word, 4, 0),
                        Op::Store(a, 0, 5),
                        Op::Load(b, 4),
                        Op::Load(a, first + 3),
                    ]);
                    judge.program(&p);
                }
            }
        }
    }
    judge.finish()
}

/// What path assumptions simplify: where they hold, the term is what it was.
pub fn paths() -> Count {
    let (mut judge, mut random) = (Judge::new(32, 1), Random::new(8));
    for _ in 0..200 {
        let length = 6 + random.below(10);
        let p = program(&mut random, length, true);
        let g = &mut Graph::new();
        let terms = symbolic(g, &p);
        let (mut path, mut replay, mut assumed) = (Path::default(), Replay::default(), vec![]);
        let mut consistent = true;
        for _ in 0..1 + random.below(3) {
            let b = terms.bools[random.below(terms.bools.len())];
            let condition = if random.below(2) == 0 { b } else { g.not(&b) };
            consistent &= path.assume(g, condition);
            assumed.push((condition, replay.bool(g, condition)));
        }
        // Where the assumptions are seen to contradict each other, anything follows.
        if !consistent {
            continue;
        }
        let mut judge_if = |differ: Bool, what: &dyn Fn() -> String| {
            let parts: Vec<&Bool> = assumed.iter().map(|(_, b)| b).chain([&differ]).collect();
            judge.differ(what, Bool::and(&parts));
        };
        for &t in &terms.words {
            let simple = path.simplify(g, t);
            if simple != t {
                let differ = replay.word(g, t).ne(replay.word(g, simple));
                judge_if(differ, &|| format!("{:?} to {:?}", g.node(t), g.node(simple)));
            }
        }
        for &b in &terms.bools {
            let simple = path.simplify(g, b);
            if simple != b && !matches!(g.node(b), Node::Bool(_)) {
                let differ = replay.bool(g, b).xor(replay.bool(g, simple));
                judge_if(differ, &|| format!("{:?} to {:?}", g.node(b), g.node(simple)));
            }
            if let Some(decided) = path.decide(g, b) {
                let differ = replay.bool(g, b).xor(Bool::from_bool(decided));
                judge_if(differ, &|| format!("{:?} is {decided}", g.node(b)));
            }
        }
    }
    judge.finish()
}

/// Orders that follow from other orders against one size: bounds checks from bounds checks.
pub fn orders() -> Count {
    let (mut judge, mut random) = (Judge::new(32, 1), Random::new(9));
    let small = [0, 1, 2, 4, 8, 12, 64, 0x1_0000, 1 << 31, 0u32.wrapping_sub(4), u32::MAX];
    let mut decided = 0;
    for _ in 0..12_000 {
        let g = &mut Graph::new();
        let (x, s) = (g.var(Var::Argument(0)), g.var(Var::Argument(1)));
        let exchanged = [random.below(2) == 0, random.below(2) == 0];
        let mut constant = || small[random.below(small.len())];
        let least = constant();
        let mut below = |g: &mut Graph, exchanged: bool| {
            let (x, s) = (g.bin_const(BinOp::Add, &x, constant()), g.bin_const(BinOp::Sub, &s, constant()));
            if exchanged { g.cmp(CmpOp::Ult, &x, &s) } else { g.cmp(CmpOp::Ult, &s, &x) }
        };
        let (known, wanted) = (below(g, exchanged[0]), below(g, exchanged[1]));
        let small_size = g.cmp_const(CmpOp::Ult, &s, least);
        let (mut path, mut replay, mut assumed) = (Path::default(), Replay::default(), vec![]);
        let large = g.not(&small_size);
        let known = if random.below(2) == 0 { known } else { g.not(&known) };
        let mut consistent = true;
        for condition in [large, known] {
            consistent &= path.assume(g, condition);
            assumed.push(replay.bool(g, condition));
        }
        if let (true, Some(truth)) = (consistent, path.decide(g, wanted)) {
            decided += 1;
            let differ = replay.bool(g, wanted).xor(Bool::from_bool(truth));
            let parts: Vec<&Bool> = assumed.iter().chain([&differ]).collect();
            judge.differ(|| format!("{:?} is {truth}", g.node(wanted)), Bool::and(&parts));
        }
    }
    assert!(decided > 300, "{decided} orders decided");
    judge.finish()
}

/// What several comparisons with constants leave of words, and of what is computed from them.
pub fn ranges() -> Count {
    let (mut judge, mut random) = (Judge::new(32, 1), Random::new(10));
    let edges = [0, 1, 7, 8, 12, 64, 256, 0x10_fff1, 0x10_fffd, 1 << 31, 0xffff_ff00, 0u32.wrapping_sub(8), u32::MAX];
    let few = Limits { smt_steps: 1, full_steps: 1, ..Limits::default() };
    let (mut decided, mut contradictions) = (0, 0);
    for round in 0..6_000 {
        let g = &mut Graph::new();
        let (x, y) = (g.var(Var::Argument(0)), g.var(Var::Argument(1)));
        let mut edge = |g: &mut Graph, t: &T| {
            let k = edges[random.below(edges.len())];
            (g.cmp_const([CmpOp::Ult, CmpOp::Slt, CmpOp::Eq][random.below(3)], t, k), k, random.below(10))
        };
        let mut condition = |g: &mut Graph| {
            let (chosen_by, k, shape) = edge(g, &x);
            let near = g.bin_const(BinOp::Add, &x, k);
            let word = match shape {
                0 => near,
                1 => g.bin_const(BinOp::Lshr, &near, k % 9),
                2 => g.bin_const(BinOp::And, &near, if k % 2 == 0 { 0xffff_fff8 } else { k }),
                3 => g.bin(BinOp::And, &near, &y),
                4 => {
                    let other = g.bin_const(BinOp::Shl, &x, 1);
                    g.ite(&chosen_by, &near, &other)
                }
                5 => g.bin(BinOp::Sub, &near, &y),
                6 => g.bin(BinOp::Sub, &y, &near),
                7 => y,
                _ => x,
            };
            let (holds, _, form) = edge(g, &word);
            let holds = match form {
                0 | 1 => g.cmp([CmpOp::Ult, CmpOp::Slt][form], &word, &y),
                2 | 3 => {
                    let (other, ..) = edge(g, &word);
                    g.and(&holds, &other)
                }
                _ => holds,
            };
            if form % 2 == 0 { holds } else { g.not(&holds) }
        };
        let (mut path, mut replay, mut assumed) = (Path::default(), Replay::default(), vec![]);
        let mut consistent = true;
        for _ in 0..4 {
            let fact = condition(g);
            consistent &= path.assume(g, fact);
            assumed.push(replay.bool(g, fact));
        }
        let wanted = condition(g);
        let mut truth = path.decide(g, wanted);
        if truth.is_none() && round % 4 == 0 {
            truth = (prove(g, &path, wanted, &few) == Ok(Rung::Path)).then_some(true);
        }
        let parts: Vec<&Bool> = assumed.iter().collect();
        if !consistent {
            contradictions += 1;
            judge.differ(|| "contradictory".to_string(), Bool::and(&parts));
        } else if let Some(truth) = truth {
            decided += 1;
            let differ = replay.bool(g, wanted).xor(Bool::from_bool(truth));
            judge.differ(|| format!("{:?} is {truth}", g.node(wanted)), Bool::and(&[&parts[..], &[&differ]].concat()));
        }
    }
    assert!(decided > 300 && contradictions > 300, "{decided} conditions decided, {contradictions} contradictions");
    judge.finish()
}
