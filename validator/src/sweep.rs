//! Rung 6: sweeping. Parts of a query that have the same value in sampled states are proved equal one after the other, operands before
//! their users, and one is put in the place of the other; what is left to the solver is what the sides do not share.
//!
//! Method. It is the sweeping of hardware equivalence checking (A. Kuehlmann, F. Krohm, "Equivalence checking using cuts and heaps", DAC
//! 1997). Words are grouped by their values in a few pseudo-random states. A word that falls into the group of an older one is asked
//! about twice: cut off, with what both have in common as words of which only their zero bits are known, and whole, with the assumptions.
//! Sampling decides what is asked and nothing else: a wrong guess costs steps.
//!
//! Requirement TOR-PROOF-SWEEP: Sweeping shall put one word in the place of another only where both have been proved equal under the
//! assumptions.

use crate::domain::*;
use crate::eval::{Assignment, Evaluator};
use crate::ladder::{Limits, is_memory};
use crate::lemma::Rules;
use crate::replay::is_bool;
use crate::smt::{Answer, Multiplier, Smt};
use crate::term::{Graph, Node, T, Var};
use rustc_hash::{FxHashMap, FxHashSet};

/// Nodes of a query that is swept.
const NODES_MAX: usize = 3_000;
/// Pairs of words that are asked about.
const PAIRS_MAX: usize = 96;
/// Older words of a group that a word is held against.
const RIVALS_MAX: usize = 3;
/// States that words are sampled in.
const STATES: u32 = 8;
/// The part of a query's steps that one pair of words may take.
const SHARE: u32 = 64;

/// A query with equal parts put together.
#[derive(Clone, Debug)]
pub struct Swept {
    /// What follows from the assumptions.
    pub assumptions: Vec<T>,
    /// A condition that holds under the assumptions exactly if the conclusion does.
    pub goal: T,
}

/// The query with equal parts put together; `None` if there are none, or it is too large.
pub fn sweep(g: &mut Graph, assumptions: &[T], goal: T, limits: &Limits) -> Option<Swept> {
    let cone = cone(g, assumptions.iter().copied().chain([goal]));
    if cone.len() > NODES_MAX {
        return None;
    }
    let states = states(g, &cone);
    let mut samples: Vec<Evaluator<'_>> = states.iter().map(Evaluator::new).collect();
    let mut groups: FxHashMap<Vec<u32>, Vec<T>> = FxHashMap::default();
    let mut unsampled: FxHashSet<T> = FxHashSet::default();
    let mut now: FxHashMap<T, T> = FxHashMap::default();
    let (mut pairs, mut merged) = (0, false);
    for t in cone {
        let mut new = g.rebuild(t, &mut |_, operand| now[&operand]);
        // Fills and copies of any length are not executed, nor what is read after them.
        let is_bulk = matches!(g.node(t), Node::Fill(..) | Node::Copy(..) | Node::Init(..));
        if is_bulk || g.operands(t).iter().any(|operand| unsampled.contains(operand)) {
            unsampled.insert(t);
        } else if is_word(g, t) {
            let group = groups.entry(samples.iter_mut().map(|s| s.word(g, t)).collect()).or_default();
            if !group.contains(&new) {
                let rivals = group.iter().take(RIVALS_MAX.min(PAIRS_MAX - pairs));
                let equal = rivals.copied().find(|older| {
                    pairs += 1;
                    are_equal(g, assumptions, [*older, new], limits)
                });
                match equal {
                    Some(older) => (new, merged) = (older, true),
                    None => group.push(new),
                }
            }
        }
        now.insert(t, new);
    }
    let assumptions = assumptions.iter().map(|a| now[a]).collect();
    merged.then(|| Swept { assumptions, goal: now[&goal] })
}

fn is_word(g: &Graph, t: T) -> bool {
    !is_bool(g, t) && !is_memory(g, t)
}

/// All parts of these terms, operands before their users, which are newer.
fn cone(g: &Graph, roots: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen: FxHashSet<T> = FxHashSet::default();
    let mut stack: Vec<T> = roots.collect();
    while let Some(t) = stack.pop() {
        if seen.insert(t) {
            stack.extend(g.operands(t));
        }
    }
    let mut cone: Vec<T> = seen.into_iter().collect();
    cone.sort_unstable();
    cone
}

/// Pseudo-random states, every second one of small words.
fn states(g: &Graph, cone: &[T]) -> Vec<Assignment> {
    let unknown = cone.iter().filter(|t| is_word(g, **t)).filter_map(|t| match g.node(*t) {
        Node::Var(v) => Some(*v),
        _ => None,
    });
    let unknown: Vec<Var> = unknown.collect();
    let state = |seed| {
        let large = Assignment { seed, ..Assignment::default() };
        let small = unknown.iter().map(|v| (*v, large.variable(*v) >> 20 & !v.zeros()));
        let words = if seed % 2 == 0 { FxHashMap::default() } else { small.collect() };
        Assignment { words, ..large }
    };
    (1..=STATES).map(state).collect()
}

/// Whether two words are equal under the assumptions: whatever their common parts are, or as they are.
fn are_equal(g: &mut Graph, assumptions: &[T], [a, b]: [T; 2], limits: &Limits) -> bool {
    let [x, y] = cut(g, [a, b]);
    if crate::ring::equal(g, x, y) || crate::egraph::equal(g, x, y, Rules::shipped()).is_some() {
        return true;
    }
    let mut holds = |assumptions: &[T], a: T, b: T| {
        let equal = g.cmp(CmpOp::Eq, &a, &b);
        Smt::new(g, Multiplier::Full).follows(assumptions, equal, limits.full_steps / SHARE) == Answer::Holds
    };
    holds(&[], x, y) || holds(assumptions, a, b)
}

/// Two words, with something unknown in the place of each part that they have in common. Of an unknown word the zero bits are known.
/// If these are equal, then so are the given ones.
fn cut(g: &mut Graph, words: [T; 2]) -> [T; 2] {
    let [left, right] = words.map(|word| cone(g, [word].into_iter()));
    let common: FxHashSet<T> = {
        let left: FxHashSet<T> = left.iter().copied().collect();
        right.iter().copied().filter(|t| left.contains(t) && g.constant(*t).is_none()).collect()
    };
    let mut own: Vec<T> = left.into_iter().chain(right).filter(|t| !common.contains(t)).collect();
    own.sort_unstable();
    own.dedup();
    let mut now: FxHashMap<T, T> = FxHashMap::default();
    let border = own.iter().flat_map(|t| g.operands(*t)).chain(words).filter(|t| common.contains(t));
    for t in border.collect::<Vec<_>>() {
        if !now.contains_key(&t) {
            let unknown = unknown_like(g, t);
            now.insert(t, unknown);
        }
    }
    for t in own {
        let new = g.rebuild(t, &mut |_, operand| now[&operand]);
        now.insert(t, new);
    }
    words.map(|word| now[&word])
}

/// Something unknown of the term's kind, with its zero bits.
fn unknown_like(g: &mut Graph, t: T) -> T {
    if is_memory(g, t) {
        // No memory of a path has so large a number.
        return g.var(Var::Memory(u32::MAX - 1 - t.0));
    }
    let word = g.havoc();
    match is_bool(g, t) {
        true => g.cmp_const(CmpOp::Eq, &word, 0),
        false => {
            let possible = !g.known_zeros(t);
            g.mask(word, possible)
        }
    }
}
