//! Words of the left side seen as other terms: the optimizer's rewrites, with their proofs.
//!
//! Whatever the leaves are, the first term of a checked proof equals the last. So where a location holds the first term, it may be
//! taken to hold the last: the same word, and the same node as that of a right side that computes the last term.

use crate::lemma::Rules;
use crate::program::Program;
use crate::replay::{Proof, build, chain};
use crate::term::{Graph, T};
use crate::witness::{Loc, Rewrite};
use synth_lemmas::Term;

/// A rewrite whose proof is checked: the location, the leaves, and two terms that are equal for all leaves.
pub(super) struct Rewriting<'a> {
    loc: Loc,
    leaves: &'a [Loc],
    /// The proof.
    pub(super) proof: &'a Proof,
    first: Term,
    last: Term,
}

impl<'a> Rewriting<'a> {
    /// Checks the proof, which may cite proved lemmas only.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn checked(rewrite: &'a Rewrite) -> Result<Self, String> {
        let (first, last) = chain(&rewrite.proof, Rules::shipped()).map_err(|why| format!("its proof: {why:?}"))?;
        Ok(Rewriting { loc: rewrite.loc, leaves: &rewrite.leaves, proof: &rewrite.proof, first, last })
    }
    /// Puts the last term in place of the first. Result: both.
    ///
    /// # Errors
    /// Why it is refused: the location does not hold the first term.
    pub(super) fn apply<L: Program<Graph>>(
        &self,
        g: &mut Graph,
        left: &L,
        state: &mut L::State,
    ) -> Result<[T; 2], String> {
        let words: Vec<Option<T>> = self.leaves.iter().map(|loc| left.get(g, state, loc)).collect();
        let leaf = |_: &Graph, n: u32| *words.get(n as usize)?;
        let held = left.get(g, state, &self.loc);
        let sides = (build(g, &self.first, &leaf), build(g, &self.last, &leaf));
        match sides {
            (Some(first), Some(last)) if held == Some(first) => {
                let set = left.set(state, &self.loc, last);
                set.map(|()| [first, last]).ok_or_else(|| format!("rewrite of {:?}: no such location", self.loc))
            }
            _ => Err(format!("rewrite of {:?}: it does not hold {}", self.loc, self.first)),
        }
    }
}
