//! Ranges of words on a path: the words that linear combinations may be, learned from decided comparisons.
//!
//! A fact about `s + k` (`s` without constant) is a circular interval of `s` modulo 2^32. All facts about `s` together leave a set of
//! words, which decides comparisons of every `s + k'` and `k' - s`. Signed comparisons are unsigned ones after adding 2^31. One of
//! several facts about `s` is their union. What no fact decides, bounds may decide: of the terms, where their sum does not wrap, and
//! of what shifts, masks and choices make of their operands. An order of two unknown words bounds each by the other, as that one
//! was bounded when the order was learned.
//!
//! Unsigned comparisons of two unknown words are kept as `x + d <= s - e`, which bounds checks against a size `s` are. Where
//! `s >= e`, the sum `x + d` is that far from the greatest word: `x + d + k <= s - w` for all `k + w <= e`, without wrapping.
//!
//! Requirement TOR-PROOF-PATHS: What is concluded from decisions on a path, ranges and known words, shall follow from them for all
//! inputs.

use crate::domain::{BinOp, CmpOp};
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

const SIGN: u32 = 1 << 31;
/// How far operands are looked into for bounds.
const DEPTH: u32 = 4;

/// Least and greatest value of a word.
type Bounds = (u32, u32);
const ANY: Bounds = (0, u32::MAX);

/// A set of words, as disjoint ranges in ascending order, ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words(Vec<(u32, u32)>);

impl Words {
    /// `from, from + 1, …, from + extent` modulo 2^32.
    fn circular(from: u32, extent: u32) -> Words {
        match from.checked_add(extent) {
            Some(to) => Words(vec![(from, to)]),
            None => Words(vec![(0, from.wrapping_add(extent)), (from, u32::MAX)]),
        }
    }
    /// The words in both.
    fn intersection(&self, other: &Words) -> Words {
        let pieces = self.0.iter().flat_map(|&(a, b)| other.0.iter().map(move |&(c, d)| (a.max(c), b.min(d))));
        Words(pieces.filter(|(from, to)| from <= to).collect())
    }
    /// The words in either.
    fn union(&self, other: &Words) -> Words {
        let mut pieces = [&self.0[..], &other.0].concat();
        pieces.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for (from, to) in pieces {
            match joined.last_mut() {
                Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
                _ => joined.push((from, to)),
            }
        }
        Words(joined)
    }
    /// Least and greatest word after adding `k` to each, or to its negation, as far as no range wraps then.
    fn bounds_after(&self, k: u32, negated: bool) -> Bounds {
        let moved = self.0.iter().map(|&(from, to)| match negated {
            false => (k.wrapping_add(from), k.wrapping_add(to)),
            true => (k.wrapping_sub(to), k.wrapping_sub(from)),
        });
        let moved = moved.map(|(from, to)| if from <= to { (from, to) } else { ANY });
        moved.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))).unwrap_or(ANY)
    }
}

/// A linear combination without constant.
type Terms = Vec<(T, u32)>;

/// The combination or its negation, the one whose first coefficient is no negative number, and whether it is the negation.
fn positive(mut terms: Terms) -> (Terms, bool) {
    let negated = terms.first().is_some_and(|(_, c)| *c > SIGN);
    if negated {
        terms.iter_mut().for_each(|(_, c)| *c = c.wrapping_neg());
    }
    (terms, negated)
}

/// What is known of linear combinations without constant.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    /// By combinations as [`positive`] makes them.
    known: FxHashMap<Terms, Words>,
    /// By `x` and `s`: what is known of `x + d` and `s - e`.
    ordered: FxHashMap<(Terms, Terms), Vec<Bound>>,
    /// Whether some word has no value left.
    pub contradictory: bool,
}

/// That a word plus `shift` is one of `from, …, from + extent`: a combination, and what it may be.
fn within(g: &Graph, word: T, shift: u32, (from, extent): (u32, u32)) -> (Terms, Words) {
    let (k, terms) = g.linear(word);
    let from = from.wrapping_sub(k).wrapping_sub(shift);
    match positive(terms) {
        (terms, false) => (terms, Words::circular(from, extent)),
        (terms, true) => (terms, Words::circular(from.wrapping_add(extent).wrapping_neg(), extent)),
    }
}

/// What a comparison of a word with a constant says if it holds, or if it does not.
fn said(g: &Graph, condition: T, holds: bool) -> Option<(Terms, Words)> {
    let Node::Cmp(op, a, b) = *g.node(condition) else {
        return None;
    };
    // As: the word plus `shift` is unsigned below `limit`.
    let (shift, limit) = match (op, g.constant(b)?) {
        (CmpOp::Ult, limit) => (0, limit),
        (CmpOp::Slt, limit) => (SIGN, limit ^ SIGN),
        (CmpOp::Eq, 0) => (0, 1),
        (CmpOp::Eq, _) => return None,
    };
    let range = if holds { (0, limit.checked_sub(1)?) } else { (limit, u32::MAX - limit) };
    Some(within(g, a, shift, range)).filter(|(terms, _)| !terms.is_empty())
}

/// What a combination may be if a condition holds, or if it does not, as far as the condition is about it. Looks `depth` operands deep.
fn possible(g: &Graph, condition: T, holds: bool, terms: &Terms, depth: u32) -> Option<Words> {
    match *g.node(condition) {
        Node::Not(c) => possible(g, c, !holds, terms, depth),
        Node::And(a, b) => {
            let depth = depth.checked_sub(1)?;
            match [a, b].map(|c| possible(g, c, holds, terms, depth)) {
                [Some(a), Some(b)] => Some(if holds { a.intersection(&b) } else { a.union(&b) }),
                [one, other] if holds => one.or(other),
                _ => None,
            }
        }
        _ => said(g, condition, holds).filter(|(about, _)| about == terms).map(|(_, words)| words),
    }
}

/// `x + d <= s - e`, which was said as `x + d < s - e + 1` if it is strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound {
    d: u32,
    e: u32,
    strict: bool,
}

/// Both forms of a comparison `a < b`, which is also `a < a - b`: either is the borrow of `a - b`.
fn ordered(g: &Graph, condition: T, holds: bool) -> impl Iterator<Item = ((Terms, Terms), Bound)> {
    let sides = match *g.node(condition) {
        Node::Cmp(CmpOp::Ult, a, b) => Some((g.linear(a), g.linear(b))),
        _ => None,
    };
    let sides = sides.filter(|((_, a), (_, b))| !a.is_empty() && !b.is_empty());
    let forms = sides.into_iter().flat_map(|(a, b)| [(a.clone(), difference(&a, &b)), (a, b)]);
    forms.filter(|(_, (_, b))| !b.is_empty()).map(move |(a, b)| {
        // `a < b` is `a <= b - 1`, because `b` is not 0 then.
        let ((d, x), (k, s)) = if holds { (a, b) } else { (b, a) };
        ((x, s), Bound { d, e: k.wrapping_neg().wrapping_add(u32::from(holds)), strict: holds })
    })
}

fn difference((k, a): &(u32, Terms), (m, b): &(u32, Terms)) -> (u32, Terms) {
    let mut sum: BTreeMap<T, u32> = a.iter().copied().collect();
    for (t, c) in b {
        let at = sum.entry(*t).or_default();
        *at = at.wrapping_sub(*c);
    }
    (k.wrapping_sub(*m), sum.into_iter().filter(|(_, c)| *c != 0).collect())
}

/// Bounds of what lies within both.
fn both((a, b): Bounds, (c, d): Bounds) -> Bounds {
    (a.max(c), b.min(d))
}

/// A look for the bounds of words, which finds those of each term once.
struct Look<'a> {
    ranges: &'a Ranges,
    g: &'a Graph,
    /// The truth of conditions that words choose by.
    decided: &'a FxHashMap<T, bool>,
    /// By term and depth.
    found: FxHashMap<(T, u32), Bounds>,
}

impl Look<'_> {
    /// Bounds of a word plus `shift`: those of the linear combination, and those of its terms, added up without wrapping. The sum over
    /// the integers differs from the word by a multiple of 2^32, which is the same for the whole interval if its ends agree on it.
    fn bounds(&mut self, word: T, shift: u32, depth: u32) -> Bounds {
        let (k, terms) = self.g.linear(word);
        let (k, (terms, negated)) = (k.wrapping_add(shift), positive(terms));
        let whole = self.ranges.known.get(&terms).map_or(ANY, |words| words.bounds_after(k, negated));
        let (mut least, mut greatest) = (i128::from(k), i128::from(k));
        for (t, coefficient) in terms {
            let (low, high) = self.term_bounds(t, depth);
            // A coefficient in the upper half is a negative one.
            let factor = i128::from(coefficient as i32) * if negated { -1 } else { 1 };
            let ends = [factor * i128::from(low), factor * i128::from(high)];
            least += ends[0].min(ends[1]);
            greatest += ends[0].max(ends[1]);
        }
        let sum = if least >> 32 == greatest >> 32 { (least as u32, greatest as u32) } else { ANY };
        both(whole, sum)
    }

    /// Bounds of a term that is no sum: what is known of it, and what it computes.
    fn term_bounds(&mut self, t: T, depth: u32) -> Bounds {
        if let Some(found) = self.found.get(&(t, depth)) {
            return *found;
        }
        let known = self.ranges.known.get(&[(t, 1)][..]).map_or(ANY, |words| words.bounds_after(0, false));
        let known = both(known, (0, !self.g.known_zeros(t)));
        let Some(deeper) = depth.checked_sub(1) else {
            return known;
        };
        let found = both(known, self.computed(t, deeper));
        self.found.insert((t, depth), found);
        found
    }

    /// Bounds of what a term computes from its operands, which are looked into `depth` deep.
    fn computed(&mut self, t: T, depth: u32) -> Bounds {
        match *self.g.node(t) {
            Node::Ite(c, a, b) => {
                let chosen = self.decided.get(&c).copied().or_else(|| self.ranges.by_interval(self.g, c));
                match chosen {
                    Some(chosen) => self.bounds(if chosen { a } else { b }, 0, depth),
                    None => {
                        let ((a, b), (c, d)) = (self.bounds(a, 0, depth), self.bounds(b, 0, depth));
                        (a.min(c), b.max(d))
                    }
                }
            }
            Node::Bin(BinOp::Lshr, x, n) => match (self.bounds(x, 0, depth), self.g.constant(n)) {
                ((least, greatest), Some(n @ 0..32)) => (least >> n, greatest >> n),
                _ => ANY,
            },
            Node::Bin(BinOp::And, x, y) => {
                let ((least, greatest), (low, high)) = (self.bounds(x, 0, depth), self.bounds(y, 0, depth));
                // A mask of upper bits keeps the order.
                let is_upper = low == high && low.leading_ones() + low.trailing_zeros() == 32;
                if is_upper { (least & low, greatest & low) } else { (0, greatest.min(high)) }
            }
            _ => ANY,
        }
    }
}

impl Ranges {
    /// Learns that a condition (not a negation) holds or does not. `decided` has the truth of conditions that words choose by.
    pub fn learn(&mut self, g: &Graph, condition: T, holds: bool, decided: &FxHashMap<T, bool>) {
        for (key, bound) in ordered(g, condition, holds) {
            let known = self.ordered.entry(key).or_default();
            if !known.contains(&bound) {
                known.push(bound);
            }
        }
        match *g.node(condition) {
            Node::And(mut about, _) => {
                // Conditions of one combination leave it some words.
                while let Node::Not(c) | Node::And(c, _) = *g.node(about) {
                    about = c;
                }
                let terms = said(g, about, true).map(|(terms, _)| terms);
                let words = terms.and_then(|terms| Some((possible(g, condition, holds, &terms, DEPTH)?, terms)));
                words.into_iter().for_each(|(words, terms)| self.meet(terms, &words));
            }
            Node::Cmp(op @ (CmpOp::Ult | CmpOp::Slt), a, b) if g.constant(b).is_none() => {
                let shift = if op == CmpOp::Slt { SIGN } else { 0 };
                let (lower, upper, gap) = if holds { (a, b, 1) } else { (b, a, 0) };
                let mut look = Look { ranges: self, g, decided, found: FxHashMap::default() };
                let (least, _) = look.bounds(lower, shift, DEPTH);
                let (_, greatest) = look.bounds(upper, shift, DEPTH);
                match (least.checked_add(gap), greatest.checked_sub(gap)) {
                    (Some(least), Some(greatest)) => {
                        let facts = [(lower, 0, greatest), (upper, least, u32::MAX - least)];
                        for (word, from, extent) in facts.into_iter().filter(|(_, _, extent)| *extent != u32::MAX) {
                            let (terms, words) = within(g, word, shift, (from, extent));
                            self.meet(terms, &words);
                        }
                    }
                    _ => self.contradictory = true,
                }
            }
            _ => said(g, condition, holds).into_iter().for_each(|(terms, words)| self.meet(terms, &words)),
        }
    }

    /// Learns that a combination is one of these words.
    fn meet(&mut self, terms: Terms, words: &Words) {
        let known = self.known.entry(terms).or_insert_with(|| Words::circular(0, u32::MAX));
        *known = known.intersection(words);
        self.contradictory |= known.0.is_empty();
    }

    /// The truth of a condition (not a negation), if the ranges decide it. `decided` has the truth of conditions that words choose by.
    pub fn decide(&self, g: &Graph, condition: T, decided: &FxHashMap<T, bool>) -> Option<bool> {
        let by_interval = self.by_interval(g, condition);
        by_interval.or_else(|| self.by_bounds(g, condition, decided)).or_else(|| self.by_order(g, condition))
    }

    /// By what is known of the linear combination.
    fn by_interval(&self, g: &Graph, condition: T) -> Option<bool> {
        let (terms, words) = said(g, condition, true)?;
        let known = self.known.get(&terms)?;
        let common = known.intersection(&words);
        if common == *known {
            return Some(true);
        }
        common.0.is_empty().then_some(false)
    }

    /// By the bounds of both sides.
    fn by_bounds(&self, g: &Graph, condition: T, decided: &FxHashMap<T, bool>) -> Option<bool> {
        let Node::Cmp(op, a, b) = *g.node(condition) else {
            return None;
        };
        let shift = if op == CmpOp::Slt { SIGN } else { 0 };
        let mut look = Look { ranges: self, g, decided, found: FxHashMap::default() };
        let (least_a, greatest_a) = look.bounds(a, shift, DEPTH);
        let (least_b, greatest_b) = look.bounds(b, shift, DEPTH);
        match op {
            CmpOp::Eq => (greatest_a < least_b || greatest_b < least_a).then_some(false),
            _ if greatest_a < least_b => Some(true),
            _ => (least_a >= greatest_b).then_some(false),
        }
    }

    /// By what is known of the order of both sides.
    fn by_order(&self, g: &Graph, condition: T) -> Option<bool> {
        let follows = |holds: &bool| ordered(g, condition, *holds).any(|(key, wanted)| self.follows(&key, wanted));
        [true, false].into_iter().find(follows)
    }

    /// Whether an order follows from a known one.
    fn follows(&self, key: &(Terms, Terms), wanted: Bound) -> bool {
        let Some(known) = self.ordered.get(key) else { return false };
        let (size, negated) = positive(key.1.clone());
        let (size, _) = self.known.get(&size).map_or(ANY, |words| words.bounds_after(0, negated));
        // Strictly below `s + 1` is more than `x + d <= s`, because that sum may wrap.
        let wraps = wanted.strict && wanted.e == 0;
        known.iter().any(|&Bound { d, e, strict }| {
            let needed = u64::from(wanted.d.wrapping_sub(d)) + u64::from(wanted.e);
            let weakened = strict && !wanted.strict && (d, e.wrapping_sub(1)) == (wanted.d, wanted.e);
            weakened || !wraps && e <= size && needed <= u64::from(e)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Domain;

    /// A graph with a word below `limit`, and what is known of it.
    fn below_limit(limit: u32) -> (Graph, T, Ranges) {
        let mut g = Graph::new();
        let (i, mut ranges) = (g.havoc(), Ranges::default());
        let fact = g.cmp_const(CmpOp::Ult, &i, limit);
        ranges.learn(&g, fact, true, &FxHashMap::default());
        (g, i, ranges)
    }

    #[test]
    fn scaled_words_are_bounded_unless_they_wrap() {
        let (mut g, i, ranges) = below_limit(64);
        let scaled = g.bin_const(BinOp::Shl, &i, 2);
        let address = g.bin_const(BinOp::Add, &scaled, 1000);
        let (inside, tight) = (g.cmp_const(CmpOp::Ult, &address, 1253), g.cmp_const(CmpOp::Ult, &address, 1249));
        assert_eq!(
            (ranges.decide(&g, inside, &FxHashMap::default()), ranges.decide(&g, tight, &FxHashMap::default())),
            (Some(true), None)
        );
        let (mut g, i, ranges) = below_limit((1 << 30) + 16);
        let scaled = g.bin_const(BinOp::Shl, &i, 2);
        let inside = g.cmp_const(CmpOp::Ult, &scaled, 64);
        assert_eq!(ranges.decide(&g, inside, &FxHashMap::default()), None);
    }

    #[test]
    fn two_words_are_compared_by_their_bounds() {
        let (mut g, i, mut ranges) = below_limit(64);
        let size = g.havoc();
        let small = g.cmp_const(CmpOp::Ult, &size, 65536);
        ranges.learn(&g, small, false, &FxHashMap::default());
        let last = g.bin_const(BinOp::Sub, &size, 4);
        let past = g.cmp(CmpOp::Ult, &last, &i);
        assert_eq!(ranges.decide(&g, past, &FxHashMap::default()), Some(false));
        // Below zero it wraps.
        let below = g.bin_const(BinOp::Sub, &i, 4);
        let past = g.cmp(CmpOp::Ult, &last, &below);
        assert_eq!(ranges.decide(&g, past, &FxHashMap::default()), None);
        // Signed, it does not.
        let less = g.cmp_const(CmpOp::Slt, &below, 60);
        assert_eq!(ranges.decide(&g, less, &FxHashMap::default()), Some(true));
    }

    #[test]
    fn facts_about_one_word_are_put_together() {
        let (mut g, i, mut ranges) = below_limit(0x10_fff9);
        // The sum alone may wrap: -28 is below the limit too.
        let later = g.bin_const(BinOp::Add, &i, 28);
        let fact = g.cmp_const(CmpOp::Ult, &later, 0x10_fffd);
        let (inside, tight) = (g.cmp_const(CmpOp::Ult, &i, 0x10_ffe1), g.cmp_const(CmpOp::Ult, &i, 0x10_ffe0));
        assert_eq!(ranges.decide(&g, inside, &FxHashMap::default()), None);
        ranges.learn(&g, fact, true, &FxHashMap::default());
        let decided = [inside, tight].map(|c| ranges.decide(&g, c, &FxHashMap::default()));
        assert_eq!(decided, [Some(true), None]);
        ranges.learn(&g, tight, false, &FxHashMap::default());
        assert!(!ranges.contradictory);
        let last = g.cmp_const(CmpOp::Eq, &i, 0x10_ffe0);
        ranges.learn(&g, last, false, &FxHashMap::default());
        assert!(ranges.contradictory);
    }

    #[test]
    fn words_are_bounded_by_what_computes_them() {
        let (mut g, i, ranges) = below_limit(256);
        let (fields, kept) = (g.bin_const(BinOp::Lshr, &i, 3), g.bin_const(BinOp::And, &i, !7));
        let choice = g.havoc();
        let choice = g.cmp_const(CmpOp::Ult, &choice, 5);
        let chosen = g.bin_const(BinOp::Add, &i, 1000);
        let chosen = g.ite(&choice, &chosen, &kept);
        let cases = [(fields, 32, 31), (kept, 249, 248), (chosen, 1256, 1255)];
        for (word, inside, tight) in cases {
            let limits = [inside, tight].map(|limit| g.cmp_const(CmpOp::Ult, &word, limit));
            let decided = limits.map(|c| ranges.decide(&g, c, &FxHashMap::default()));
            assert_eq!(decided, [Some(true), None]);
        }
        let small = g.cmp_const(CmpOp::Ult, &chosen, 1000);
        let decided: FxHashMap<T, bool> = [(choice, true)].into_iter().collect();
        assert_eq!(ranges.decide(&g, small, &decided), Some(false));
    }
}
