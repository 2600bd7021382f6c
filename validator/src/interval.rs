//! Ranges of words on a path: circular intervals modulo 2^32 of linear combinations, learned from decided comparisons.
//!
//! A fact about `s + k` (`s` without constant) is kept as an interval of `s`. It decides comparisons of every `s + k'`
//! whose shifted interval does not wrap. Signed comparisons are unsigned ones after adding 2^31. What no fact decides, bounds of the
//! terms may decide, where their sum does not wrap.
//!
//! Unsigned comparisons of two unknown words are kept as `x + d <= s - e`, which bounds checks against a size `s` are. Where
//! `s >= e`, the sum `x + d` is that far from the greatest word: `x + d + k <= s - w` for all `k + w <= e`, without wrapping.

use crate::domain::CmpOp;
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

const SIGN: u32 = 1 << 31;

/// `from, from + 1, …, from + extent` modulo 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    from: u32,
    extent: u32,
}

impl Interval {
    /// Least and greatest word after adding `k`, unless the interval wraps then.
    fn bounds_after(self, k: u32) -> Option<(u32, u32)> {
        let from = self.from.wrapping_add(k);
        Some((from, from.checked_add(self.extent)?))
    }
}

/// A linear combination without constant.
type Terms = Vec<(T, u32)>;

/// Intervals by linear combination without constant.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    known: FxHashMap<Terms, Vec<Interval>>,
    /// By `x` and `s`: what is known of `x + d` and `s - e`.
    ordered: FxHashMap<(Terms, Terms), Vec<Bound>>,
    /// Whether some word has no value left.
    pub contradictory: bool,
}

/// A comparison of a word with a constant, as: the word plus `k` is unsigned below `limit`.
struct Below {
    terms: Terms,
    k: u32,
    limit: u32,
}

fn below(g: &Graph, condition: T) -> Option<Below> {
    let Node::Cmp(op, a, b) = *g.node(condition) else {
        return None;
    };
    let limit = g.constant(b)?;
    let (k, terms) = g.linear(a);
    match op {
        CmpOp::Ult => Some(Below { terms, k, limit }),
        CmpOp::Slt => Some(Below { terms, k: k.wrapping_add(SIGN), limit: limit ^ SIGN }),
        // The difference is below 1.
        CmpOp::Eq => Some(Below { terms, k, limit: limit.checked_add(1)? }).filter(|b| b.limit == 1),
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

impl Ranges {
    /// Learns that a condition (not a negation) holds or does not.
    pub fn learn(&mut self, g: &Graph, condition: T, holds: bool) {
        for (key, bound) in ordered(g, condition, holds) {
            self.ordered.entry(key).or_default().push(bound);
        }
        let Some(Below { terms, k, limit }) = below(g, condition) else {
            return;
        };
        if terms.is_empty() || limit == 0 {
            return;
        }
        let interval = match holds {
            true => Interval { from: k.wrapping_neg(), extent: limit - 1 },
            false => Interval { from: limit.wrapping_sub(k), extent: u32::MAX - limit },
        };
        let known = self.known.entry(terms).or_default();
        if limit == 1 && !holds {
            // One word is excluded: intervals that begin or end with it shrink, and then say so themselves.
            let excluded = k.wrapping_neg();
            let mut is_said = false;
            for interval in known.iter_mut() {
                let at_start = interval.from == excluded;
                let at_end = interval.from.wrapping_add(interval.extent) == excluded;
                if !at_start && !at_end {
                    continue;
                }
                is_said = true;
                match interval.extent.checked_sub(1) {
                    None => self.contradictory = true,
                    Some(extent) => {
                        let from = interval.from.wrapping_add(u32::from(at_start));
                        *interval = Interval { from, extent };
                    }
                }
            }
            if is_said {
                return;
            }
        }
        if !known.contains(&interval) {
            known.push(interval);
        }
    }

    /// The truth of a condition (not a negation), if the ranges decide it.
    pub fn decide(&self, g: &Graph, condition: T) -> Option<bool> {
        self.by_interval(g, condition).or_else(|| self.by_bounds(g, condition)).or_else(|| self.by_order(g, condition))
    }

    /// By what is known of the linear combination.
    fn by_interval(&self, g: &Graph, condition: T) -> Option<bool> {
        let Below { terms, k, limit } = below(g, condition)?;
        for interval in self.known.get(&terms)? {
            let Some((least, greatest)) = interval.bounds_after(k) else {
                continue;
            };
            if greatest < limit {
                return Some(true);
            }
            if least >= limit {
                return Some(false);
            }
        }
        None
    }

    /// By the bounds of both sides.
    fn by_bounds(&self, g: &Graph, condition: T) -> Option<bool> {
        let (shift, a, b) = match *g.node(condition) {
            Node::Cmp(CmpOp::Ult, a, b) => (0, a, b),
            Node::Cmp(CmpOp::Slt, a, b) => (SIGN, a, b),
            _ => return None,
        };
        let (least_a, greatest_a) = self.bounds(g, a, shift)?;
        let (least_b, greatest_b) = self.bounds(g, b, shift)?;
        if greatest_a < least_b {
            return Some(true);
        }
        (least_a >= greatest_b).then_some(false)
    }

    /// By what is known of the order of both sides.
    fn by_order(&self, g: &Graph, condition: T) -> Option<bool> {
        let follows = |holds: &bool| ordered(g, condition, *holds).any(|(key, wanted)| self.follows(&key, wanted));
        [true, false].into_iter().find(follows)
    }

    /// Bounds of a word plus `shift`: those of its terms, added up without wrapping. The sum over the integers differs from the word
    /// by a multiple of 2^32, which is the same for the whole interval if its ends agree on it.
    fn bounds(&self, g: &Graph, word: T, shift: u32) -> Option<(u32, u32)> {
        let (k, terms) = g.linear(word);
        let (mut least, mut greatest) = (i128::from(k) + i128::from(shift), i128::from(k) + i128::from(shift));
        for (t, coefficient) in terms {
            let (low, high) = self.term_bounds(g, t);
            // A coefficient in the upper half is a negative one.
            let factor = i128::from(coefficient as i32);
            let ends = [factor * i128::from(low), factor * i128::from(high)];
            least += ends[0].min(ends[1]);
            greatest += ends[0].max(ends[1]);
        }
        (least >> 32 == greatest >> 32).then_some((least as u32, greatest as u32))
    }

    /// Least and greatest value of a term that is no sum.
    fn term_bounds(&self, g: &Graph, t: T) -> (u32, u32) {
        let mut bounds = (0, !g.known_zeros(t));
        for interval in self.known.get(&[(t, 1)][..]).into_iter().flatten() {
            if let Some((least, greatest)) = interval.bounds_after(0) {
                bounds = (bounds.0.max(least), bounds.1.min(greatest));
            }
        }
        bounds
    }

    /// Whether an order follows from a known one.
    fn follows(&self, key: &(Terms, Terms), wanted: Bound) -> bool {
        let Some(known) = self.ordered.get(key) else { return false };
        let least = |i: &Interval| i.bounds_after(0).map_or(0, |(least, _)| least);
        let size = self.known.get(&key.1).and_then(|s| s.iter().map(least).max()).unwrap_or(0);
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
    use crate::domain::{BinOp, Domain};

    /// A graph with a word below `limit`, and what is known of it.
    fn below_limit(limit: u32) -> (Graph, T, Ranges) {
        let mut g = Graph::new();
        let (i, mut ranges) = (g.havoc(), Ranges::default());
        let fact = g.cmp_const(CmpOp::Ult, &i, limit);
        ranges.learn(&g, fact, true);
        (g, i, ranges)
    }

    #[test]
    fn scaled_words_are_bounded_unless_they_wrap() {
        let (mut g, i, ranges) = below_limit(64);
        let scaled = g.bin_const(BinOp::Shl, &i, 2);
        let address = g.bin_const(BinOp::Add, &scaled, 1000);
        let (inside, tight) = (g.cmp_const(CmpOp::Ult, &address, 1253), g.cmp_const(CmpOp::Ult, &address, 1249));
        assert_eq!((ranges.decide(&g, inside), ranges.decide(&g, tight)), (Some(true), None));
        let (mut g, i, ranges) = below_limit((1 << 30) + 16);
        let scaled = g.bin_const(BinOp::Shl, &i, 2);
        let inside = g.cmp_const(CmpOp::Ult, &scaled, 64);
        assert_eq!(ranges.decide(&g, inside), None);
    }

    #[test]
    fn two_words_are_compared_by_their_bounds() {
        let (mut g, i, mut ranges) = below_limit(64);
        let size = g.havoc();
        let small = g.cmp_const(CmpOp::Ult, &size, 65536);
        ranges.learn(&g, small, false);
        let last = g.bin_const(BinOp::Sub, &size, 4);
        let past = g.cmp(CmpOp::Ult, &last, &i);
        assert_eq!(ranges.decide(&g, past), Some(false));
        // Below zero it wraps.
        let below = g.bin_const(BinOp::Sub, &i, 4);
        let past = g.cmp(CmpOp::Ult, &last, &below);
        assert_eq!(ranges.decide(&g, past), None);
        // Signed, it does not.
        let less = g.cmp_const(CmpOp::Slt, &below, 60);
        assert_eq!(ranges.decide(&g, less), Some(true));
    }
}
