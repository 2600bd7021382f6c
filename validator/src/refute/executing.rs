//! A program in which calls of some functions of the module are executed instead of being events.
//!
//! Where a link executes callees in place of calls, the code makes fewer calls than the module's function. For both sides to
//! make the same calls, those callees are executed on both, as the module defines them; a call of one that is left in the code
//! means the same.

use crate::concrete::Concrete;
use crate::domain::Domain;
use crate::program::{Callee, Fact, Program, Step, Unsupported, World};
use crate::wasm::semantics::{Function, Point, State};
use crate::witness::Loc;
use std::collections::BTreeMap;

/// The functions executed, by index.
pub type Bodies<'a> = BTreeMap<u32, Function<'a>>;

/// A program with these functions executed.
pub struct Executing<'a, P> {
    /// The program.
    pub program: &'a P,
    /// The functions.
    pub bodies: &'a Bodies<'a>,
}

/// The program's state, and the callees being executed, the innermost last. While there is one, its world counts.
#[derive(Clone)]
pub struct Nested<S> {
    own: S,
    frames: Vec<(u32, Point, State<Concrete>)>,
}

impl<P: Program<Concrete>> Executing<'_, P> {
    fn enter(
        &self,
        d: &mut Concrete,
        func: u32,
        args: &[u32],
        world: World<Concrete>,
    ) -> (u32, Point, State<Concrete>) {
        let body = &self.bodies[&func];
        (func, <Function<'_> as Program<Concrete>>::entry(body), body.entry_state(d, args, world))
    }

    /// The function that a call goes to, if it is to be executed.
    fn executed(&self, callee: &Callee<u32>) -> Option<u32> {
        let func = match callee {
            Callee::Function(f) => Some(*f),
            Callee::Address { .. } => None,
        };
        func.filter(|f| self.bodies.contains_key(f))
    }

    /// A step of the innermost callee. `at` is the program's point after the outermost call.
    fn nested(
        &self,
        d: &mut Concrete,
        at: P::Point,
        mut nested: Nested<P::State>,
        facts: &mut Vec<Fact<Concrete>>,
    ) -> Outcome<P> {
        let (func, point, state) = nested.frames.pop().expect("invariant: a callee is being executed");
        let back = |mut nested: Nested<P::State>, frame| {
            nested.frames.push(frame);
            Ok(Step::Next(at, nested))
        };
        match self.bodies[&func].step(d, point, state, facts)? {
            Step::Next(p, s) | Step::Branch(true, (p, s), _) | Step::Branch(false, _, (p, s)) => {
                back(nested, (func, p, s))
            }
            Step::Trap(kind, s) => {
                nested.frames.push((func, point, s));
                Ok(Step::Trap(kind, nested))
            }
            Step::Return(words, s) => {
                let world = s.world.clone();
                self.deliver(d, &mut nested, &words, world);
                Ok(Step::Next(at, nested))
            }
            Step::Call { callee, args, results, next, state } => match self.executed(&callee) {
                Some(inner) => {
                    let world = state.world.clone();
                    nested.frames.push((func, next, state));
                    let frame = self.enter(d, inner, &args, world);
                    back(nested, frame)
                }
                None => {
                    nested.frames.push((func, next, state));
                    Ok(Step::Call { callee, args, results, next: at, state: nested })
                }
            },
        }
    }

    /// Gives the results of a call to whoever made it.
    fn deliver(&self, d: &mut Concrete, nested: &mut Nested<P::State>, words: &[u32], world: World<Concrete>) {
        let mut fresh = |d: &mut Concrete| d.havoc();
        match nested.frames.pop() {
            Some((func, point, state)) => {
                let state = self.bodies[&func].resume(d, state, words, world, &mut fresh);
                nested.frames.push((func, point, state));
            }
            None => nested.own = self.program.resume(d, nested.own.clone(), words, world, &mut fresh),
        }
    }

    fn own(state: P::State) -> Nested<P::State> {
        Nested { own: state, frames: Vec::new() }
    }
}

type Outcome<P> =
    Result<Step<Concrete, <P as Program<Concrete>>::Point, Nested<<P as Program<Concrete>>::State>>, Unsupported>;

impl<P: Program<Concrete>> Program<Concrete> for Executing<'_, P> {
    type Point = P::Point;
    type State = Nested<P::State>;

    fn entry(&self) -> P::Point {
        self.program.entry()
    }
    fn entry_state(&self, d: &mut Concrete, args: &[u32], world: World<Concrete>) -> Self::State {
        Self::own(self.program.entry_state(d, args, world))
    }
    fn point(&self, code: u64) -> Option<P::Point> {
        self.program.point(code)
    }
    fn blank_state(
        &self,
        d: &mut Concrete,
        at: P::Point,
        world: World<Concrete>,
        fresh: &mut dyn FnMut(&mut Concrete) -> u32,
    ) -> Self::State {
        Self::own(self.program.blank_state(d, at, world, fresh))
    }
    fn set(&self, state: &mut Self::State, loc: &Loc, value: u32) -> Option<()> {
        self.program.set(&mut state.own, loc, value)
    }
    fn get(&self, d: &mut Concrete, state: &Self::State, loc: &Loc) -> Option<u32> {
        self.program.get(d, &state.own, loc)
    }
    fn world<'s>(&self, state: &'s Self::State) -> &'s World<Concrete> {
        match state.frames.last() {
            Some((_, _, state)) => &state.world,
            None => self.program.world(&state.own),
        }
    }
    fn step(&self, d: &mut Concrete, at: P::Point, state: Self::State, facts: &mut Vec<Fact<Concrete>>) -> Outcome<P> {
        if !state.frames.is_empty() {
            return self.nested(d, at, state, facts);
        }
        Ok(match self.program.step(d, at, state.own, facts)? {
            Step::Next(p, s) => Step::Next(p, Self::own(s)),
            Step::Branch(c, (p, s), (q, t)) => Step::Branch(c, (p, Self::own(s)), (q, Self::own(t))),
            Step::Return(words, s) => Step::Return(words, Self::own(s)),
            Step::Trap(kind, s) => Step::Trap(kind, Self::own(s)),
            Step::Call { callee, args, results, next, state } => match self.executed(&callee) {
                Some(func) => {
                    let frame = self.enter(d, func, &args, self.program.world(&state).clone());
                    Step::Next(next, Nested { own: state, frames: vec![frame] })
                }
                None => Step::Call { callee, args, results, next, state: Self::own(state) },
            },
        })
    }
    fn resume(
        &self,
        d: &mut Concrete,
        mut state: Self::State,
        results: &[u32],
        world: World<Concrete>,
        _: &mut dyn FnMut(&mut Concrete) -> u32,
    ) -> Self::State {
        self.deliver(d, &mut state, results, world);
        state
    }
    fn describe(&self, at: P::Point) -> String {
        self.program.describe(at)
    }
}
