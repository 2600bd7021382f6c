//! What the two sides of a link have in common: points, states, steps, and the world they share.

use crate::domain::Domain;
use crate::trap::TrapKind;
use crate::witness::Loc;
use std::fmt::Debug;
use std::hash::Hash;

/// The state that a function shares with its environment.
#[derive(Clone, Debug)]
pub struct World<D: Domain> {
    /// Linear memory.
    pub memory: D::M,
    /// Size of linear memory in bytes: a multiple of 65536, at least the module's minimum, at most the capacity.
    pub memory_bytes: D::W,
    /// Words of the defined globals: one per `i32`, two (low first) per `i64`, in index order.
    pub cells: Vec<D::W>,
    /// Result words after the fourth, of the call or return most recently made.
    pub results: Vec<D::W>,
}

/// Who is called.
#[derive(Clone, Debug, PartialEq)]
pub enum Callee<W> {
    /// The function with this index in the module's index space (imports first).
    Function(u32),
    /// The function at this address, of the type with this index (canonical: the first equal type).
    Address {
        /// The function word, as [`Domain::table_function`] gives it.
        address: W,
        /// Canonical type index.
        type_index: u32,
    },
}

/// One step of a program.
pub enum Step<D: Domain, P, S> {
    /// Continues at a point.
    Next(P, S),
    /// Continues at the first point if the condition holds, else at the second.
    Branch(D::B, (P, S), (P, S)),
    /// Calls; the callee sees and may change the state's world. Continue with [`Program::resume`].
    Call {
        /// Who.
        callee: Callee<D::W>,
        /// Argument words in order, `i64` as low, high.
        args: Vec<D::W>,
        /// Number of result words.
        results: usize,
        /// Where execution continues after the call.
        next: P,
        /// The state at the call.
        state: S,
    },
    /// Returns these result words.
    Return(Vec<D::W>, S),
    /// Traps.
    Trap(TrapKind, S),
}

/// A fact that a step depends on, checked or assumed on its path, in the order raised.
#[derive(Clone, Debug)]
pub enum Fact<D: Domain> {
    /// The condition must hold here; the text says what would go wrong.
    Require(D::B, &'static str),
    /// Both words must be equal here.
    RequireEqual(D::W, D::W, &'static str),
    /// The condition may be assumed here (by a named assumption).
    Assume(D::B, &'static str),
    /// What the module means to be so, and the code must not rest on: a run in which it is not so shows nothing.
    Intend(D::B, &'static str),
    /// The condition must hold here, or follow from what the refined program assumes and accesses up to the same event. Where
    /// this program is the refined one, its own link has shown that it holds.
    Access(D::B, &'static str),
    /// The same, of which nothing is expected to be known here.
    LateAccess(D::B, &'static str),
}

/// Why a step cannot be given a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(
    /// What is not supported, with its place.
    pub String,
);

/// A program whose meaning is defined step by step over a domain.
///
/// Points are encoded as `u64` in witnesses. A region starts at a cut point and ends where a cut point is reached.
pub trait Program<D: Domain> {
    /// A point of the program.
    type Point: Copy + Eq + Hash + Debug + Ord;
    /// The state apart from the point.
    type State: Clone;

    /// The point at which the function is entered.
    fn entry(&self) -> Self::Point;
    /// The state at entry: arguments placed as the convention says.
    fn entry_state(&self, d: &mut D, args: &[D::W], world: World<D>) -> Self::State;
    /// The point that a witness names, if it is one at which a cut may be made.
    fn point(&self, code: u64) -> Option<Self::Point>;
    /// A state at a cut point in which every location has the value that `fresh` gives for it.
    fn blank_state(
        &self,
        d: &mut D,
        at: Self::Point,
        world: World<D>,
        fresh: &mut dyn FnMut(&mut D) -> D::W,
    ) -> Self::State;
    /// Gives a location its value. `None` if this program has no such location at that point.
    fn set(&self, state: &mut Self::State, loc: &Loc, value: D::W) -> Option<()>;
    /// The value of a location. `None` if this program has no such location, or it holds nothing.
    fn get(&self, d: &mut D, state: &Self::State, loc: &Loc) -> Option<D::W>;
    /// The state's world.
    fn world<'s>(&self, state: &'s Self::State) -> &'s World<D>;
    /// Executes from `at` to the next point; facts on which the step depends are pushed to `facts`.
    ///
    /// # Errors
    /// What has no meaning here.
    fn step(
        &self,
        d: &mut D,
        at: Self::Point,
        state: Self::State,
        facts: &mut Vec<Fact<D>>,
    ) -> Result<Step<D, Self::Point, Self::State>, Unsupported>;
    /// The state after a call returned: results delivered, what the callee may change taken from `fresh`.
    fn resume(
        &self,
        d: &mut D,
        state: Self::State,
        results: &[D::W],
        world: World<D>,
        fresh: &mut dyn FnMut(&mut D) -> D::W,
    ) -> Self::State;
    /// A point in the words of a report, such as `wasm offset 0x1c` or `0x00000042: adds r0, r1, #4`.
    fn describe(&self, at: Self::Point) -> String;
}
