//! What a cut point's relation says: classes of equal locations, and words computed from the left side.

use crate::domain::Domain;
use crate::ir_semantics::compute;
use crate::program::Program;
use crate::term::{Graph, T};
use crate::witness::{Cut, Loc, Word};
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

/// The words of a cut's `computed` and `holds`, in that order, in a state of the left program.
///
/// # Errors
/// What in the witness has no meaning.
pub(super) fn computed<L: Program<Graph>>(
    g: &mut Graph,
    left: &L,
    state: &L::State,
    cut: &Cut,
) -> Result<(Vec<T>, Vec<T>), String> {
    let mut done: Vec<Vec<T>> = Vec::with_capacity(cut.steps.len());
    let word = |g: &mut Graph, done: &[Vec<T>], w: &Word| match w {
        Word::Loc(loc) => {
            ghost(g, loc).or_else(|| left.get(g, state, loc)).ok_or_else(|| format!("{loc:?} holds nothing"))
        }
        Word::Step(n, half) => {
            let words = done.get(*n as usize).ok_or_else(|| format!("step {n} is not an earlier one"))?;
            words.get(usize::from(*half)).copied().ok_or_else(|| format!("step {n} has no result word {half}"))
        }
    };
    for step in &cut.steps {
        let args = step.args.iter().map(|a| word(g, &done, a)).collect::<Result<Vec<T>, String>>()?;
        match compute(g, &step.op, &args, left.world(state)).map_err(|e| e.0)? {
            Some(words) => done.push(words),
            None => return Err(format!("{:?} is no computation", step.op)),
        }
    }
    let words = cut.computed.iter().map(|(w, _)| word(g, &done, w)).collect::<Result<_, _>>()?;
    let holds = cut.holds.iter().map(|w| word(g, &done, w)).collect::<Result<_, _>>()?;
    Ok((words, holds))
}
