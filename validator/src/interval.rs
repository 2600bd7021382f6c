//! Ranges of words on a path: circular intervals modulo 2^32 of linear combinations, learned from decided comparisons.
//!
//! A fact about `s + k` (`s` without constant) is kept as an interval of `s`. It decides comparisons of every `s + k'`
//! whose shifted interval does not wrap. Signed comparisons are unsigned ones after adding 2^31.

use crate::domain::CmpOp;
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;

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

/// Intervals by linear combination without constant.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    known: FxHashMap<Vec<(T, u32)>, Vec<Interval>>,
    /// Whether some word has no value left.
    pub contradictory: bool,
}

/// A comparison of a word with a constant, as: the word plus `k` is unsigned below `limit`.
struct Below {
    terms: Vec<(T, u32)>,
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

impl Ranges {
    /// Learns that a condition (not a negation) holds or does not.
    pub fn learn(&mut self, g: &Graph, condition: T, holds: bool) {
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
}
