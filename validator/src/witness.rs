//! Witnesses: the compiler's untrusted claim of how two programs correspond.
//!
//! Requirement TOR-WITNESS-TAMPERED: A witness that is wrong shall make a proof fail and shall not make another thing proved.
//!
//! Requirement TOR-WITNESS-POINTS: A witness that names points, locations or functions that do not exist shall be refused.
//!
//! Requirement TOR-WITNESS-LAWS: Every form shall refine itself, and witnesses shall compose.

use crate::domain::Symbol;
use crate::ir::Op;
use crate::replay::Proof;
use serde::{Deserialize, Serialize};

/// A place that holds a word, on either side of a link, or a word known to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Loc {
    /// Word of the locals: `i32` locals take one, `i64` locals two (low first), parameters first.
    WasmLocal(u32),
    /// Word of the operand stack, from its bottom, counted as for locals.
    WasmStack(u32),
    /// Word of an IR value: half 0 is the low word.
    Value(crate::ir::Value, u8),
    /// Core register r0 to r12, 14 (lr).
    Reg(u8),
    /// Word of the frame, offset in bytes from the stack pointer at entry (negative in the function's own frame).
    Frame(i32),
    /// The stack pointer.
    Sp,
    /// The word that core register n held at entry (13: sp, 14: lr), plus a constant.
    Entry(u8, i32),
    /// A constant.
    Const(u32),
    /// The address of a symbol.
    Address(Symbol),
}

/// A word that a [`Step`] uses or an invariant is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Word {
    /// What a location of the left side holds, or a word known to both.
    Loc(Loc),
    /// Result word of the step with this number.
    Step(u32, u8),
}

/// An operation that changes nothing, applied to words of the left side at a cut point.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Step {
    /// The operation. Loads and the like see the world at the cut point.
    pub op: Op,
    /// Operand words, `I64` as low, high.
    pub args: Vec<Word>,
    /// A location of the left side that holds the first result word: what the left side has computed before, from words that it
    /// still has.
    pub defines: Option<Loc>,
}

/// Cut points that correspond, and what holds whenever both are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Point of the left program, encoded.
    pub left: u64,
    /// Point of the right program, encoded.
    pub right: u64,
    /// Pairs of locations with equal words: first a location of the left side (or a word known to both), second one
    /// of the right side.
    pub equal: Vec<(Loc, Loc)>,
    /// Computations on the left side; a step uses earlier ones.
    pub steps: Vec<Step>,
    /// Locations of the right side that hold a computed word.
    pub computed: Vec<(Word, Loc)>,
    /// Words that are not zero.
    pub holds: Vec<Word>,
}

/// The claim for one link of one function. The entry points correspond without being listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// All cut points but the entry.
    pub cuts: Vec<Cut>,
    /// Words of the left side seen as other terms, with the proofs that these are equal.
    pub rewrites: Vec<Rewrite>,
}

/// A word of the left side and another term for it.
///
/// Leaf `@n` of the proof's terms is the word of `leaves[n]`. When the left side steps to the point `at`, the first term must be
/// what `loc` holds; the last one takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// Point of the left program, encoded.
    pub at: u64,
    /// The left word.
    pub loc: Loc,
    /// Left words.
    pub leaves: Vec<Loc>,
    /// That the first term equals the last.
    pub proof: Proof,
}
