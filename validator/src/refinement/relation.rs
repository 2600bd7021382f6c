//! What a cut point's relation says: classes of equal locations, and words computed from the left side.

use crate::domain::Domain;
use crate::ir_semantics::compute;
use crate::program::Program;
use crate::term::{Graph, T};
use crate::witness::{Cut, Loc, Word};
use std::borrow::Cow;
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

/// What a cut says of words of the left side.
pub(super) struct Computed {
    /// Words that left locations are to hold, with their locations.
    pub(super) defined: Vec<(T, Loc)>,
    /// The words of `computed`.
    pub(super) words: Vec<T>,
    /// The words of `holds`.
    pub(super) holds: Vec<T>,
}

/// The words of a cut in a state of the left program. `define` gives a left location its word, if it is to be given one.
///
/// # Errors
/// What in the witness has no meaning.
pub(super) fn computed<L: Program<Graph>>(
    g: &mut Graph,
    left: &L,
    state: &mut Cow<'_, L::State>,
    cut: &Cut,
    define: bool,
) -> Result<Computed, String> {
    let mut done: Vec<Vec<T>> = Vec::with_capacity(cut.steps.len());
    let mut defined = Vec::new();
    let word = |g: &mut Graph, state: &L::State, done: &[Vec<T>], w: &Word| match w {
        Word::Loc(loc) => {
            ghost(g, loc).or_else(|| left.get(g, state, loc)).ok_or_else(|| format!("{loc:?} holds nothing"))
        }
        Word::Step(n, half) => {
            let words = done.get(*n as usize).ok_or_else(|| format!("step {n} is not an earlier one"))?;
            words.get(usize::from(*half)).copied().ok_or_else(|| format!("step {n} has no result word {half}"))
        }
    };
    for step in &cut.steps {
        let args = step.args.iter().map(|a| word(g, state, &done, a)).collect::<Result<Vec<T>, String>>()?;
        let words = compute(g, &step.op, &args, left.world(state)).map_err(|e| e.0)?;
        let words = words.ok_or_else(|| format!("{:?} is no computation", step.op))?;
        if let Some(loc) = step.defines {
            let first = *words.first().ok_or("a computation without result defines a location")?;
            if define {
                left.set(state.to_mut(), &loc, first).ok_or_else(|| format!("no such location: {loc:?}"))?;
            }
            defined.push((first, loc));
        }
        done.push(words);
    }
    let words = cut.computed.iter().map(|(w, _)| word(g, state, &done, w)).collect::<Result<_, _>>()?;
    let holds = cut.holds.iter().map(|w| word(g, state, &done, w)).collect::<Result<_, _>>()?;
    Ok(Computed { defined, words, holds })
}
