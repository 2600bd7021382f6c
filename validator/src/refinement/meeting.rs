//! Where the right program has come to an event or an end: the left one follows, and what both show is compared.

use super::outcome::{Failure, FailureKind, Goal, is_ignored};
use super::relation::{Computed, Side, classes, computed, ghost};
use super::run::{CallSite, Pending, Run, doing};
use super::{Check, RunOf};
use crate::contract::PAGE_BYTES;
use crate::domain::{BinOp, CmpOp, Domain};
use crate::ladder::{self, Limits, Open, Path, Rung};
use crate::program::{Callee, Program};
use crate::term::{Graph, T, Var};
use crate::witness::Loc;
use std::borrow::Cow;

/// Cut points that the left side may pass, after a decision of its own, before it meets the right one.
const PASSED_MAX: u32 = 8;
/// Decisions of its own that the left side may make before it meets the right one. Each costs a copy of the path: without an end, a loop
/// that a witness says nothing of takes all memory.
const FORKS_MAX: u32 = 4_000;
/// Decisions of the left program on one path that are followed without asking whether their outcomes can be.
const FORKS_FREE: u32 = 4;
/// Outcomes that are asked about in vain in one link, and two more for each that is found to be impossible: where a witness says nothing of
/// a loop, all can be.
const IN_VAIN_MAX: u32 = 64;
/// The part of a query's steps that asking takes.
const FORK_SHARE: u32 = 32;
/// Paths of the left side past a cut point that are asked about with all steps in vain in one link; of later ones it is asked with few.
const ROUNDS_IN_VAIN_MAX: u32 = 4;

impl<L: Program<Graph>, R: Program<Graph>> Check<'_, L, R> {
    /// The right program is at an event or an end; the left one must come to the same.
    pub(super) fn meet(&mut self, mut left: RunOf<L>, right: RunOf<R>, mut path: Path) -> Result<(), Failure> {
        let r = right.place();
        loop {
            left = self.run_left(left, &mut path, r)?;
            let l = left.place();
            if left.passed > 0 && left.forks > 0 && matches!(left.pending, Pending::At(..)) {
                // It may go round a loop on a path that cannot be.
                self.count_query(l, r)?;
                if self.is_excluded(&path) {
                    return Ok(());
                }
                if left.passed > PASSED_MAX {
                    return Err(self.fail(FailureKind::Exhausted, l, r, "the left side passes too many cut points"));
                }
            }
            match (left.pending, &right.pending) {
                (Pending::Branch(..), _) if left.forks >= FORKS_MAX => {
                    return Err(self.fail(FailureKind::Exhausted, l, r, "the left side makes too many decisions"));
                }
                (Pending::Branch(c, yes, no), _) => {
                    return self.fork_left(c, [yes, no], [left.calls, left.forks, left.passed], right, path);
                }
                (Pending::At(p, state), Pending::At(q, right_state)) => {
                    let candidates = self.right_cuts.get(q).into_iter().flatten().copied();
                    let wanted = self.left_cuts.get(&p);
                    let cut = candidates.into_iter().find(|c| wanted.is_some_and(|w| w.contains(c)));
                    if let Some(cut) = cut {
                        self.leave(Some(cut), &path);
                        let size = self.left.world(&state).memory_bytes;
                        self.close_accesses(&right, p, size, &path)?;
                        return self.arrive(cut, (p, &state), (*q, right_state), &path);
                    }
                    left.pending = self.step_left(p, state, &mut path, r)?;
                    left.passed += 1;
                }
                (Pending::At(p, state), _) => {
                    left.pending = self.step_left(p, state, &mut path, r)?;
                    left.passed += 1;
                }
                (Pending::Return(x, s, p), Pending::Return(y, t, q)) => {
                    self.leave(None, &path);
                    self.close_accesses(&right, p, self.left.world(&s).memory_bytes, &path)?;
                    if x.len() != y.len() {
                        return self.differs(&path, p, *q, "the number of results is equal".to_string());
                    }
                    for (i, (a, b)) in x.iter().zip(y).enumerate() {
                        self.equal(&path, *a, *b, p, *q, &|| format!("result word {i} is equal"))?;
                    }
                    let (a, b) = (self.left.world(&s).clone(), self.right.world(t).clone());
                    return self.worlds(&path, &a, &b, p, *q, "at return");
                }
                (Pending::Trap(k, s, p), Pending::Trap(m, t, q)) => {
                    self.leave(None, &path);
                    self.close_accesses(&right, p, self.left.world(&s).memory_bytes, &path)?;
                    if k != *m {
                        let text = format!("the trap is {} and not {}", k.name(), m.name());
                        return self.differs(&path, p, *q, text);
                    }
                    let (a, b) = (self.left.world(&s).clone(), self.right.world(t).clone());
                    return self.worlds(&path, &a, &b, p, *q, "at the trap");
                }
                (Pending::Call { callee, args, results, next, state, at }, Pending::Call { .. }) => {
                    self.leave(None, &path);
                    self.close_accesses(&right, at, self.left.world(&state).memory_bytes, &path)?;
                    let left = CallSite { callee, args, results, next, state, at };
                    return self.call(left, right, path);
                }
                (pending, _) => {
                    let text = format!("left {}, right {}", doing(&pending), doing(&right.pending));
                    return self.differs(&path, l, r, text);
                }
            }
            left.moved = true;
        }
    }

    /// Notes where a path leads to, unless an assumption excludes it.
    fn leave(&mut self, to: Option<usize>, path: &Path) {
        if !path.is_impossible() {
            self.exits.insert((self.at, to));
        }
    }

    /// Proves what the right program's accesses need, now that the left one has come to the same event; and of each size that the right
    /// program has given to linear memory on the way what [`Check::assume_sizes`] and cut points assume of it: it is the left one's, or
    /// at least the minimum, whole pages, and not larger than the left one's. That one was proved where it is the right one, and the
    /// module's is so by its meaning.
    fn close_accesses(&mut self, right: &RunOf<R>, l: L::Point, size: T, path: &Path) -> Result<(), Failure> {
        let r = right.place();
        for (condition, what) in &right.open {
            self.holds(path, *condition, l, r, &|| what.to_string())?;
        }
        for given in right.sizes.iter().filter(|given| **given != size) {
            let below = self.g.cmp_const(CmpOp::Ult, given, self.shape.memory_bytes_min);
            let part = self.g.bin_const(BinOp::And, given, PAGE_BYTES - 1);
            let larger = self.g.cmp(CmpOp::Ult, &size, given);
            for condition in [self.g.not(&below), self.g.cmp_const(CmpOp::Eq, &part, 0), self.g.not(&larger)] {
                self.holds(path, condition, l, r, &|| "the size of linear memory is one that it may have".to_string())?;
            }
        }
        Ok(())
    }

    /// Whether a path is found to be impossible before the next cut point: with all steps, until that was in vain a few times.
    fn is_excluded(&mut self, path: &Path) -> bool {
        if self.rounds_in_vain >= ROUNDS_IN_VAIN_MAX {
            return self.is_excluded_at_once(path, ladder::FIRST_SHARE);
        }
        let excluded = self.refute(path).is_ok();
        self.rounds_in_vain += u32::from(!excluded);
        excluded
    }
    fn is_excluded_at_once(&mut self, path: &Path, share: u32) -> bool {
        let (smt_steps, full_steps) = (self.limits.smt_steps / share, self.limits.full_steps / share);
        let limits = Limits { smt_steps, full_steps, ..*self.limits };
        let rung = ladder::contradicts_at_once(&mut self.g, path, &limits);
        rung.is_some_and(|rung| {
            self.exclude(path, rung);
            true
        })
    }
    /// Proves that a path is impossible; it is no obligation then, but counted.
    fn refute(&mut self, path: &Path) -> Result<(), Open> {
        let no = self.g.bool(false);
        let rung = ladder::prove(&mut self.g, path, no, self.limits)?;
        self.exclude(path, rung);
        Ok(())
    }
    fn exclude(&mut self, path: &Path, rung: Rung) {
        self.effort.infeasible += 1;
        self.tell(path, Goal::Impossible, rung, &|| "the path cannot be".to_string());
    }
    /// Both sides do different things: a failure, unless the path cannot be.
    fn differs(&mut self, path: &Path, l: L::Point, r: R::Point, text: String) -> Result<(), Failure> {
        self.count_query(l, r)?;
        match self.refute(path) {
            Ok(()) => Ok(()),
            Err(Open::Model(model)) => Err(self.fail(FailureKind::Differs(Some(model)), l, r, text)),
            Err(Open::Exhausted) => Err(self.fail(FailureKind::Exhausted, l, r, text)),
        }
    }

    /// A decision of the left program that the right path does not settle: both outcomes must do, unless they
    /// contradict the path, which is asked where an outcome does not do, and behind many decisions.
    fn fork_left(
        &mut self,
        c: T,
        targets: [(L::Point, L::State); 2],
        [calls, forks, passed]: [u32; 3],
        right: RunOf<R>,
        path: Path,
    ) -> Result<(), Failure> {
        let negated = self.g.not(&c);
        let conditions = [c, negated];
        for (i, (p, s)) in targets.into_iter().enumerate() {
            let mut taken = path.clone();
            if !taken.assume(&mut self.g, conditions[i]) {
                self.effort.infeasible += 1;
                continue;
            }
            // Behind many decisions, what comes of an outcome that cannot be would be asked of each of its ends.
            if forks >= FORKS_FREE && self.in_vain < IN_VAIN_MAX + 2 * self.excluded {
                if self.is_excluded_at_once(&taken, FORK_SHARE) {
                    self.excluded += 1;
                    self.count_query(p, right.place())?;
                    continue;
                }
                self.in_vain += 1;
            }
            let left = Run { moved: true, calls, forks: forks + 1, passed, ..Run::at(p, s) };
            self.meet(left, right.clone(), taken)?;
        }
        Ok(())
    }

    fn call(&mut self, left: CallSite<L::Point, L::State>, right: RunOf<R>, mut path: Path) -> Result<(), Failure> {
        let Pending::Call { callee, args, results, next, state, at } = right.pending else {
            unreachable!("invariant: the caller has matched a call")
        };
        let (l, r) = (left.at, at);
        match (&left.callee, &callee) {
            (Callee::Function(f), Callee::Function(h)) if f == h => self.effort.rungs[Rung::Normal as usize] += 1,
            (Callee::Address { address: a, type_index: t }, Callee::Address { address: b, type_index: u })
                if t == u =>
            {
                self.equal(&path, *a, *b, l, r, &|| "the function called is equal".to_string())?
            }
            (a, b) => {
                let text = format!("the function called is {a:?} and not {b:?}");
                return self.differs(&path, l, r, text);
            }
        }
        if left.args.len() != args.len() || left.results != results {
            return self.differs(&path, l, r, "the numbers of argument and result words are equal".to_string());
        }
        let ignored = self.ignored;
        let words = left.args.iter().zip(&args).enumerate();
        for (i, (a, b)) in words.filter(|(i, _)| !is_ignored(ignored, &callee, *i)) {
            self.equal(&path, *a, *b, l, r, &|| format!("argument word {i} is equal"))?;
        }
        let (a, b) = (self.left.world(&left.state).clone(), self.right.world(&state).clone());
        self.worlds(&path, &a, &b, l, r, "at the call")?;
        let calls = right.calls + 1;
        self.assume_sizes(&mut path, calls);
        let words: Vec<T> = (0..results as u32).map(|i| self.g.var(Var::CallResult(calls, i))).collect();
        let world = self.world(calls);
        let mut fresh = |g: &mut Graph| g.havoc();
        let left_state = self.left.resume(&mut self.g, left.state, &words, world.clone(), &mut fresh);
        let right_state = self.right.resume(&mut self.g, state, &words, world, &mut fresh);
        let left = Run { moved: true, calls, ..Run::at(left.next, left_state) };
        let right = Run { moved: true, calls, ..Run::at(next, right_state) };
        self.explore(left, right, path)
    }

    /// Both programs are at the points of a pair: its equations must hold.
    fn arrive(
        &mut self,
        cut: usize,
        left: (L::Point, &L::State),
        right: (R::Point, &R::State),
        path: &Path,
    ) -> Result<(), Failure> {
        let witness = self.witness;
        for class in classes(&witness.cuts[cut].equal) {
            let mut first: Option<(T, &Loc)> = None;
            for (side, loc) in &class {
                let value = match side {
                    Side::Left => self.left.get(&mut self.g, left.1, loc),
                    Side::Right => self.right.get(&mut self.g, right.1, loc),
                    Side::Ghost => ghost(&mut self.g, loc),
                };
                let Some(value) = value else {
                    let text = format!("{loc:?} holds nothing on arrival at cut {cut}");
                    return self.differs(path, left.0, right.0, text);
                };
                match first {
                    None => first = Some((value, loc)),
                    Some((other, other_loc)) => self.equal(path, other, value, left.0, right.0, &|| {
                        format!("{other_loc:?} equals {loc:?} on arrival at cut {cut}")
                    })?,
                }
            }
        }
        let cut_data = &witness.cuts[cut];
        let mut known = Cow::Borrowed(left.1);
        let Computed { defined, words, holds } = computed(&mut self.g, self.left, &mut known, cut_data, false)
            .map_err(|text| self.fail(FailureKind::BadWitness, left.0, right.0, text))?;
        for (value, loc) in defined {
            let held = self.left.get(&mut self.g, left.1, &loc);
            let Some(held) = held.or_else(|| ghost(&mut self.g, &loc)) else {
                let text = format!("{loc:?} holds nothing on arrival at cut {cut}");
                return self.differs(path, left.0, right.0, text);
            };
            let what = || format!("{loc:?} holds what defines it on arrival at cut {cut}");
            self.equal(path, value, held, left.0, right.0, &what)?;
        }
        for (value, (_, loc)) in words.into_iter().zip(&cut_data.computed) {
            let Some(held) = self.right.get(&mut self.g, right.1, loc) else {
                let text = format!("{loc:?} holds nothing on arrival at cut {cut}");
                return self.differs(path, left.0, right.0, text);
            };
            let what = || format!("{loc:?} holds the computed word on arrival at cut {cut}");
            self.equal(path, value, held, left.0, right.0, &what)?;
        }
        for (i, word) in holds.into_iter().enumerate() {
            let condition = self.g.nonzero(&word);
            let what = || format!("condition {i} holds on arrival at cut {cut}");
            self.holds(path, condition, left.0, right.0, &what)?;
        }
        let (a, b) = (self.left.world(left.1).clone(), self.right.world(right.1).clone());
        self.worlds(path, &a, &b, left.0, right.0, "on arrival at a cut point")
    }
}
