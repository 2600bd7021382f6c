//! A program on its way from one cut point to the next.

use crate::program::Callee;
use crate::term::T;
use crate::trap::TrapKind;

/// What a program does next, once it has run as far as it can by itself.
#[derive(Clone)]
pub(super) enum Pending<P, S> {
    At(P, S),
    Branch(T, (P, S), (P, S)),
    Call { callee: Callee<T>, args: Vec<T>, results: usize, next: P, state: S, at: P },
    Return(Vec<T>, S, P),
    Trap(TrapKind, S, P),
}

impl<P, S> Pending<P, S> {
    /// The states in which it may go on.
    pub(super) fn states(&self) -> impl Iterator<Item = &S> {
        let (state, other) = match self {
            Pending::At(_, s) | Pending::Call { state: s, .. } | Pending::Return(_, s, _) | Pending::Trap(_, s, _) => {
                (s, None)
            }
            Pending::Branch(_, (_, s), (_, other)) => (s, Some(other)),
        };
        std::iter::once(state).chain(other)
    }
}

/// A program on its way through a region.
#[derive(Clone)]
pub(super) struct Run<P, S> {
    pub(super) pending: Pending<P, S>,
    pub(super) moved: bool,
    pub(super) calls: u32,
    /// Decisions taken that the other side's path had not settled.
    pub(super) forks: u32,
    /// Cut points passed that were not those of the other side.
    pub(super) passed: u32,
    /// Conditions on accesses that wait until the other side has come to the same event.
    pub(super) open: Vec<(T, &'static str)>,
    /// Sizes that it gave to linear memory, which the other side must have reached at the same event.
    pub(super) sizes: Vec<T>,
}

impl<P: Copy, S> Run<P, S> {
    /// At a point, with nothing done yet.
    pub(super) fn at(point: P, state: S) -> Self {
        let pending = Pending::At(point, state);
        Run { pending, moved: false, calls: 0, forks: 0, passed: 0, open: Vec::new(), sizes: Vec::new() }
    }
    /// Where it stands.
    pub(super) fn place(&self) -> P {
        match &self.pending {
            Pending::At(p, _) | Pending::Return(_, _, p) | Pending::Trap(_, _, p) => *p,
            Pending::Branch(_, (p, _), _) => *p,
            Pending::Call { at, .. } => *at,
        }
    }
}

/// A call that a program is about to make.
pub(super) struct CallSite<P, S> {
    pub(super) callee: Callee<T>,
    pub(super) args: Vec<T>,
    pub(super) results: usize,
    pub(super) next: P,
    pub(super) state: S,
    pub(super) at: P,
}

/// What a program does next, in words.
pub(super) fn doing<P, S>(pending: &Pending<P, S>) -> &'static str {
    match pending {
        Pending::At(..) => "goes on to a cut point",
        Pending::Branch(..) => "decides",
        Pending::Call { .. } => "calls",
        Pending::Return(..) => "returns",
        Pending::Trap(..) => "traps",
    }
}
