//! The equations of a cut point as classes of equal locations.

use crate::domain::Domain;
use crate::term::{Graph, T};
use crate::witness::Loc;
use std::collections::BTreeMap;

/// Where a location of an equation belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// To the left program.
    Left,
    /// To the right program.
    Right,
    /// To neither: a word known to both.
    Ghost,
}

/// The word of a location known to both sides.
pub(super) fn ghost(g: &mut Graph, loc: &Loc) -> Option<T> {
    match loc {
        Loc::Const(c) => Some(g.word(*c)),
        Loc::Address(symbol) => Some(g.symbol(*symbol)),
        Loc::Entry(n, k) => {
            let entry = g.entry_register(*n);
            let k = g.word(*k as u32);
            Some(g.bin(crate::domain::BinOp::Add, &entry, &k))
        }
        _ => None,
    }
}

/// The classes of equal locations, in order of first mention.
pub(super) fn classes(equal: &[(Loc, Loc)]) -> Vec<Vec<(Side, Loc)>> {
    let side = |loc: &Loc, side: Side| match loc {
        Loc::Const(_) | Loc::Address(_) | Loc::Entry(..) => Side::Ghost,
        _ => side,
    };
    let mut of: BTreeMap<(Side, Loc), usize> = BTreeMap::new();
    let mut classes: Vec<Vec<(Side, Loc)>> = Vec::new();
    for (l, r) in equal {
        let (l, r) = ((side(l, Side::Left), *l), (side(r, Side::Right), *r));
        let (a, b) = (of.get(&l).copied(), of.get(&r).copied());
        // Ghosts do not join classes: the same constant may stand in many locations that are related to nothing else.
        let joins = |m: &(Side, Loc)| m.0 != Side::Ghost;
        let class = match (a, b) {
            (Some(a), Some(b)) if a != b => {
                let moved = std::mem::take(&mut classes[b]);
                moved.iter().filter(|m| joins(m)).for_each(|m| {
                    of.insert(*m, a);
                });
                classes[a].extend(moved);
                a
            }
            (Some(a), _) => a,
            (None, Some(b)) => b,
            (None, None) => {
                classes.push(Vec::new());
                classes.len() - 1
            }
        };
        for member in [l, r] {
            if !classes[class].contains(&member) {
                classes[class].push(member);
                if joins(&member) {
                    of.insert(member, class);
                }
            }
        }
    }
    classes.retain(|c| !c.is_empty());
    classes
}
