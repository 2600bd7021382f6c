//! What a link's check is given and what it yields: sizes, effort, failures, and each closed obligation for who wants to see it.
//!
//! Requirement TOR-CLAUSE-IGNORED: An argument word of a direct call shall be left out of the comparison only if a proved earlier form
//! of the callee does not read it.

use crate::ladder::{Path, Rung};
use crate::program::Callee;
use crate::replay::Proof;
use crate::smt::Model;
use crate::term::{Graph, T};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Sizes of what both sides of a function's links share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Argument words.
    pub args: u32,
    /// Words of the globals.
    pub cells: u32,
    /// The size of linear memory in bytes if it never changes.
    pub memory_bytes: Option<u32>,
    /// The least size of linear memory in bytes.
    pub memory_bytes_min: u32,
    /// The greatest size of linear memory in bytes.
    pub memory_bytes_max: u32,
}

/// Argument words that do not count in direct calls, as (function called, word): it was proved that the function ignores them.
pub type Ignored = BTreeSet<(u32, u32)>;

/// Whether an argument word does not count in a call. Through a table all words count.
pub fn is_ignored<W>(ignored: &Ignored, callee: &Callee<W>, word: usize) -> bool {
    matches!(callee, Callee::Function(f) if ignored.contains(&(*f, word as u32)))
}

/// What was done to prove a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Cut points, the entry included.
    pub cuts: u32,
    /// Paths of the right program.
    pub paths: u32,
    /// Obligations by the rung that closed them, in the order of [`crate::ladder::Rung::ALL`].
    pub rungs: [u32; 7],
    /// Paths on which the assumptions contradict each other.
    pub infeasible: u32,
    /// Steps of the left side that break a named assumption in every state of their path.
    pub assumed_away: u32,
}

impl Effort {
    /// All obligations.
    pub fn obligations(&self) -> u32 {
        self.rungs.iter().sum()
    }
    /// Adds another link's effort.
    pub fn add(&mut self, other: &Effort) {
        self.cuts += other.cuts;
        self.paths += other.paths;
        self.infeasible += other.infeasible;
        self.assumed_away += other.assumed_away;
        self.rungs.iter_mut().zip(other.rungs).for_each(|(a, b)| *a += b);
    }
}

/// What an obligation states, given the assumptions of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Two words, booleans or memories are equal.
    Equal(T, T),
    /// A boolean is true.
    Holds(T),
    /// The assumptions contradict each other. Certificates do not count such an obligation.
    Impossible,
}

/// An obligation that was just closed. A check tells its [`Observer`] of each and takes nothing back.
pub struct Closed<'a> {
    /// The graph of its terms.
    pub graph: &'a Graph,
    /// The assumptions.
    pub path: &'a Path,
    /// What was shown.
    pub goal: Goal,
    /// The rung that closed it.
    pub rung: Rung,
    /// The claim's proof, if it is a rewrite of the optimizer.
    pub proof: Option<&'a Proof>,
    /// Words for people.
    pub what: &'a dyn Fn() -> String,
}

/// Who is told of closed obligations.
pub type Observer<'a> = dyn FnMut(&Closed<'_>) + 'a;

/// Where a proof stopped, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Cut point at which the region starts.
    pub region: String,
    /// Where the left program stood.
    pub left: String,
    /// Where the right program stood.
    pub right: String,
    /// The obligation.
    pub obligation: String,
}

/// Why a link is not proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// Where.
    pub place: Place,
}

/// The kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Both sides do different things, or the solver found a state in which an obligation fails.
    Differs(Option<Model>),
    /// A limit was reached.
    Exhausted,
    /// Something has no meaning yet.
    Unsupported,
    /// The equations of a cut point contradict each other.
    Vacuous,
    /// The witness does not fit the programs.
    BadWitness,
}
