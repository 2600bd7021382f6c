//! One link: the right program refines the left one.
//!
//! Method. From every pair of corresponding cut points, with the witness's locations equal (to each other, or to words
//! computed from the left side), its further conditions assumed and everything else unknown, the right program is explored as a tree of decisions until each path returns, traps or reaches a cut
//! point. The left program walks along: it runs until it needs a decision, which the right path's decisions settle,
//! or else the solver, or else both outcomes must do. At the ends of a path
//!
//! - both return the same words, or both trap with the same kind, or both are at the cut points of one pair, and
//!   every equation and condition of that pair holds there; the left program has made at least one step, so that no right cycle
//!   idles;
//! - the right program's accesses to linear memory were inside it, given what the left one has assumed and accessed so far;
//! - every size that the right program gave to linear memory was one that it may have;
//! - linear memory, its size and the globals are equal; calls on the way were equal in order, callee and arguments, but for the
//!   words that are [`Ignored`].
//!
//! By induction over the regions that the right program passes, all its behaviours are behaviours of the left one.
//! A right path that never meets a cut point exhausts the step limit, which is not a proof.
//!
//! Requirement TOR-CLAUSE-RESULTS: A function whose code returns other values than the module in some state shall not be proved.
//!
//! Requirement TOR-CLAUSE-MEMORY: A function whose code leaves linear memory other than the module does, at a return, call or trap,
//! shall not be proved, results or not.
//!
//! Requirement TOR-CLAUSE-GLOBALS: A function whose code leaves globals other than the module does, or writes them in another order
//! around calls, shall not be proved.
//!
//! Requirement TOR-CLAUSE-SIZE: A function whose code leaves or reports another size of linear memory than the module does shall not be
//! proved.
//!
//! Requirement TOR-CLAUSE-CALLS: A function whose code calls other functions than the module, in another order, with other arguments,
//! or with other memory or globals at the call, shall not be proved.
//!
//! Requirement TOR-CLAUSE-LOOPS: A proof shall hold for any number of iterations: a loop with a wrong bound, a wrong step or a missing
//! store shall not be proved, whatever the number of iterations that shows it.
//!
//! Requirement TOR-CLAUSE-DIVERGES: Code that does not end where the module ends shall not be proved.

mod meeting;
mod outcome;
mod relation;
mod rewriting;
mod run;

pub use outcome::{Closed, Effort, Failure, FailureKind, Goal, Ignored, Observer, Place, Shape, is_ignored};

use crate::domain::{CmpOp, Domain};
use crate::ladder::{self, Limits, Open, Path, Rung};
use crate::program::{Fact, Program, Step, World};
use crate::term::{Graph, T, Var};
use crate::witness::Witness;
use relation::{Computed, Side, classes, computed, ghost};
use rewriting::Rewriting;
use run::{Pending, Run};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Proves that `right` refines `left`, whose direct calls need not agree in `ignored` words. `observer` is told of every obligation
/// that is closed.
pub fn check<L: Program<Graph>, R: Program<Graph>>(
    left: &L,
    right: &R,
    witness: &Witness,
    shape: &Shape,
    ignored: &Ignored,
    limits: &Limits,
    observer: &mut Observer<'_>,
) -> Result<Effort, Failure> {
    let mut check = Check {
        g: Graph::new(),
        left,
        right,
        witness,
        shape,
        ignored,
        limits,
        observer,
        right_cuts: FxHashMap::default(),
        left_cuts: FxHashMap::default(),
        rewritings: FxHashMap::default(),
        effort: Effort::default(),
        region: "witness".to_string(),
        steps: 0,
        queries: 0,
        excluded: 0,
        in_vain: 0,
        rounds_in_vain: 0,
        at: None,
        exits: BTreeSet::new(),
        broken: None,
    };
    check.run()?;
    match check.effort.obligations() {
        0 => Err(check.fail_text(FailureKind::Vacuous, "no obligation arose")),
        _ => Ok(check.effort),
    }
}

struct Check<'a, L: Program<Graph>, R: Program<Graph>> {
    g: Graph,
    left: &'a L,
    right: &'a R,
    witness: &'a Witness,
    shape: &'a Shape,
    ignored: &'a Ignored,
    limits: &'a Limits,
    observer: &'a mut Observer<'a>,
    /// Cuts by right point.
    right_cuts: FxHashMap<R::Point, Vec<usize>>,
    /// Left points of cuts.
    left_cuts: FxHashMap<L::Point, Vec<usize>>,
    /// Rewrites by left point.
    rewritings: FxHashMap<L::Point, Vec<Rewriting<'a>>>,
    effort: Effort,
    region: String,
    steps: u32,
    queries: u32,
    /// Outcomes of decisions that were found to be impossible, and those asked about in vain.
    excluded: u32,
    in_vain: u32,
    /// Paths past a cut point that were asked about in vain.
    rounds_in_vain: u32,
    /// The cut point that the region starts from; nothing for the entry.
    at: Option<usize>,
    /// Regions, and the cut point, or nothing for an event, that a path leads to which no assumption excludes.
    exits: BTreeSet<(Option<usize>, Option<usize>)>,
    /// The first assumption that a path breaks, and where.
    broken: Option<String>,
}

type RunOf<P> = Run<<P as Program<Graph>>::Point, <P as Program<Graph>>::State>;

impl<L: Program<Graph>, R: Program<Graph>> Check<'_, L, R> {
    fn fail_text(&self, kind: FailureKind, obligation: &str) -> Failure {
        let (region, obligation) = (self.region.clone(), obligation.to_string());
        Failure { kind, place: Place { region, left: String::new(), right: String::new(), obligation } }
    }
    fn fail(&self, kind: FailureKind, l: L::Point, r: R::Point, obligation: impl Into<String>) -> Failure {
        let (left, right) = (self.left.describe(l), self.right.describe(r));
        Failure { kind, place: Place { region: self.region.clone(), left, right, obligation: obligation.into() } }
    }

    fn run(&mut self) -> Result<(), Failure> {
        let witness = self.witness;
        for (i, cut) in witness.cuts.iter().enumerate() {
            let (Some(l), Some(r)) = (self.left.point(cut.left), self.right.point(cut.right)) else {
                let text = format!("cut {i} names a point that does not exist ({:#x}, {:#x})", cut.left, cut.right);
                return Err(self.fail_text(FailureKind::BadWitness, &text));
            };
            self.right_cuts.entry(r).or_default().push(i);
            self.left_cuts.entry(l).or_default().push(i);
        }
        for rewrite in &witness.rewrites {
            let place = self.left.point(rewrite.at).ok_or_else(|| "its point does not exist".to_string());
            let checked = place.and_then(|p| Ok((p, Rewriting::checked(rewrite)?)));
            let (place, rewriting) = checked.map_err(|why| {
                self.fail_text(FailureKind::BadWitness, &format!("rewrite of {:?}: {why}", rewrite.loc))
            })?;
            self.rewritings.entry(place).or_default().push(rewriting);
        }
        self.region = "entry".to_string();
        self.region_from_entry()?;
        for i in 0..self.witness.cuts.len() {
            self.at = Some(i);
            self.region_from_cut(i)?;
        }
        if !self.is_possible() {
            let broken = self.broken.take().map_or_else(String::new, |first| format!(", the first one {first}"));
            let text = format!("every path from the entry breaks an assumption{broken}");
            return Err(self.fail_text(FailureKind::Vacuous, &text));
        }
        Ok(())
    }

    /// Whether some execution breaks no assumption before an event, or goes round for ever without one.
    fn is_possible(&self) -> bool {
        let mut dead = BTreeSet::new();
        loop {
            let goes_on = |from| self.exits.iter().any(|(f, to)| *f == from && (to.is_none() || !dead.contains(to)));
            let cuts = (0..self.witness.cuts.len()).map(Some);
            match [None].into_iter().chain(cuts).find(|from| !dead.contains(from) && !goes_on(*from)) {
                Some(None) => return false,
                Some(cut) => dead.insert(cut),
                None => return true,
            };
        }
    }

    /// The world after `calls` calls on a path, shared by both sides.
    fn world(&mut self, calls: u32) -> World<Graph> {
        let memory_bytes = match self.shape.memory_bytes {
            Some(bytes) => self.g.word(bytes),
            None => self.g.var(Var::MemoryBytes(calls)),
        };
        World {
            memory: self.g.var(Var::Memory(calls)),
            memory_bytes,
            cells: (0..self.shape.cells).map(|i| self.g.var(Var::Cell(calls, i))).collect(),
            results: vec![],
        }
    }

    fn region_from_entry(&mut self) -> Result<(), Failure> {
        let args: Vec<T> = (0..self.shape.args).map(|i| self.g.var(Var::Argument(i))).collect();
        let world = self.world(0);

        let left = self.left.entry_state(&mut self.g, &args, world.clone());
        let right = self.right.entry_state(&mut self.g, &args, world);
        let mut path = Path::default();
        self.assume_sizes(&mut path, 0);
        self.explore_region((self.left.entry(), left), (self.right.entry(), right), path)
    }

    fn region_from_cut(&mut self, index: usize) -> Result<(), Failure> {
        let witness = self.witness;
        let cut = &witness.cuts[index];
        let (l, r) = (self.left.point(cut.left), self.right.point(cut.right));
        let (l, r) = (l.expect("invariant: checked in run"), r.expect("invariant: checked in run"));
        self.region = format!("{} | {}", self.left.describe(l), self.right.describe(r));
        self.g.reuse_havocs();
        let world = self.world(0);
        let mut fresh = |g: &mut Graph| g.havoc();
        let mut left = self.left.blank_state(&mut self.g, l, world.clone(), &mut fresh);
        let mut right = self.right.blank_state(&mut self.g, r, world, &mut fresh);
        for (i, class) in classes(&cut.equal).into_iter().enumerate() {
            let mut ghosts = class.iter().filter_map(|(_, loc)| ghost(&mut self.g, loc));
            let value = ghosts.next();
            if let Some(value) = value
                && let Some(other) = ghosts.find(|g| *g != value)
            {
                let text = format!("two different words are claimed equal: {value:?} and {other:?}");
                return Err(self.fail(FailureKind::Vacuous, l, r, text));
            }
            drop(ghosts);
            let value = match value {
                Some(value) => value,
                None => self.g.var(Var::Class(i as u32)),
            };
            for (side, loc) in &class {
                let set = match side {
                    Side::Left => self.left.set(&mut left, loc, value),
                    Side::Right => self.right.set(&mut right, loc, value),
                    Side::Ghost => Some(()),
                };
                if set.is_none() {
                    return Err(self.fail(FailureKind::BadWitness, l, r, format!("no such location: {loc:?}")));
                }
            }
        }
        let mut path = Path::default();
        self.assume_sizes(&mut path, 0);
        let mut known = Cow::Owned(left);
        let Computed { words, holds, .. } = computed(&mut self.g, self.left, &mut known, cut, true)
            .map_err(|text| self.fail(FailureKind::BadWitness, l, r, text))?;
        let left = known.into_owned();
        for (value, (_, loc)) in words.into_iter().zip(&cut.computed) {
            if self.right.set(&mut right, loc, value).is_none() {
                return Err(self.fail(FailureKind::BadWitness, l, r, format!("no such location: {loc:?}")));
            }
        }
        for word in holds {
            let condition = self.g.nonzero(&word);
            path.assume(&mut self.g, condition);
        }
        self.explore_region((l, left), (r, right), path)
    }

    fn explore_region(
        &mut self,
        left: (L::Point, L::State),
        right: (R::Point, R::State),
        path: Path,
    ) -> Result<(), Failure> {
        self.effort.cuts += 1;
        self.steps = 0;
        let (left, right) = (Run::at(left.0, left.1), Run::at(right.0, right.1));
        self.explore(left, right, path)
    }

    /// What holds of the size of linear memory in every state of a module: it only grows, and not past its maximum.
    fn assume_sizes(&mut self, path: &mut Path, calls: u32) {
        if self.shape.memory_bytes.is_some() {
            return;
        }
        let size = self.g.var(Var::MemoryBytes(calls));
        let (min, max) = (self.g.word(self.shape.memory_bytes_min), self.g.word(self.shape.memory_bytes_max));
        for (a, b) in [(size, min), (max, size)] {
            let below = self.g.cmp(CmpOp::Ult, &a, &b);
            let holds = self.g.not(&below);
            path.assume(&mut self.g, holds);
        }
    }

    fn count_step(&mut self, l: L::Point, r: R::Point) -> Result<(), Failure> {
        self.steps += 1;
        if self.steps > self.limits.region_steps {
            return Err(self.fail(FailureKind::Exhausted, l, r, "a region without a cut point, or too large"));
        }
        Ok(())
    }

    fn tell(&mut self, path: &Path, goal: Goal, rung: Rung, what: &dyn Fn() -> String) {
        (self.observer)(&Closed { graph: &self.g, path, goal, rung, proof: None, what });
    }
    fn close(
        &mut self,
        (path, goal): (&Path, Goal),
        result: Result<Rung, Open>,
        l: L::Point,
        r: R::Point,
        what: &dyn Fn() -> String,
    ) -> Result<(), Failure> {
        match result {
            Ok(rung) => {
                self.effort.rungs[rung as usize] += 1;
                self.tell(path, goal, rung, what);
                if rung > Rung::Path { self.count_query(l, r) } else { Ok(()) }
            }
            Err(Open::Model(model)) => Err(self.fail(FailureKind::Differs(Some(model)), l, r, what())),
            Err(Open::Exhausted) => Err(self.fail(FailureKind::Exhausted, l, r, what())),
        }
    }
    fn count_query(&mut self, l: L::Point, r: R::Point) -> Result<(), Failure> {
        self.queries += 1;
        if self.queries > self.limits.queries {
            return Err(self.fail(FailureKind::Exhausted, l, r, "too many obligations need a solver"));
        }
        Ok(())
    }
    fn equal(
        &mut self,
        path: &Path,
        a: T,
        b: T,
        l: L::Point,
        r: R::Point,
        what: &dyn Fn() -> String,
    ) -> Result<(), Failure> {
        let result = ladder::prove_equal(&mut self.g, path, a, b, self.limits);
        self.close((path, Goal::Equal(a, b)), result, l, r, what)
    }
    fn holds(
        &mut self,
        path: &Path,
        condition: T,
        l: L::Point,
        r: R::Point,
        what: &dyn Fn() -> String,
    ) -> Result<(), Failure> {
        let result = ladder::prove(&mut self.g, path, condition, self.limits);
        self.close((path, Goal::Holds(condition)), result, l, r, what)
    }
    fn worlds(
        &mut self,
        path: &Path,
        a: &World<Graph>,
        b: &World<Graph>,
        l: L::Point,
        r: R::Point,
        when: &str,
    ) -> Result<(), Failure> {
        self.equal(path, a.memory, b.memory, l, r, &|| format!("linear memory is equal {when}"))?;
        self.equal(path, a.memory_bytes, b.memory_bytes, l, r, &|| {
            format!("the size of linear memory is equal {when}")
        })?;
        for (i, (x, y)) in a.cells.iter().zip(&b.cells).enumerate() {
            self.equal(path, *x, *y, l, r, &|| format!("global cell {i} is equal {when}"))?;
        }
        Ok(())
    }

    /// Makes one step of a program that is at a point.
    fn advance<P: Program<Graph>>(
        g: &mut Graph,
        program: &P,
        at: P::Point,
        state: P::State,
        facts: &mut Vec<Fact<Graph>>,
    ) -> Result<Pending<P::Point, P::State>, String> {
        Ok(match program.step(g, at, state, facts).map_err(|u| u.0)? {
            Step::Next(p, s) => Pending::At(p, s),
            Step::Branch(c, yes, no) => Pending::Branch(c, yes, no),
            Step::Call { callee, args, results, next, state } => {
                Pending::Call { callee, args, results, next, state, at }
            }
            Step::Return(words, s) => Pending::Return(words, s, at),
            Step::Trap(kind, s) => Pending::Trap(kind, s, at),
        })
    }

    /// Explores the right program from where it is; the left one follows.
    fn explore(&mut self, mut left: RunOf<L>, mut right: RunOf<R>, mut path: Path) -> Result<(), Failure> {
        loop {
            let r = right.place();
            match right.pending {
                Pending::At(p, state) => {
                    if right.moved && self.right_cuts.contains_key(&p) {
                        self.effort.paths += 1;
                        right.pending = Pending::At(p, state);
                        return self.meet(left, right, path);
                    }
                    self.count_step(left.place(), r)?;
                    let mut facts = Vec::new();
                    let size = self.right.world(&state).memory_bytes;
                    let stepped = Self::advance(&mut self.g, self.right, p, state, &mut facts);
                    right.moved = true;
                    self.right_facts(&left, r, facts, &mut path, &mut right.open)?;
                    match stepped {
                        Ok(pending) => {
                            let given = pending.states().map(|state| self.right.world(state).memory_bytes);
                            right.sizes.extend(given.filter(|new| *new != size));
                            right.pending = pending;
                        }
                        Err(text) => {
                            return Err(self.fail(FailureKind::Unsupported, left.place(), r, text));
                        }
                    }
                }
                Pending::Branch(c, yes, no) => {
                    if let Some(taken) = path.decide(&mut self.g, c) {
                        let (p, s) = if taken { yes } else { no };
                        right.pending = Pending::At(p, s);
                        continue;
                    }
                    // The left program first runs to its own decision, so that both paths share the way there.
                    left = self.run_left(left, &mut path, r)?;
                    let negated = self.g.not(&c);
                    for (condition, (p, s)) in [(c, yes), (negated, no)] {
                        let mut taken = path.clone();
                        if !taken.assume(&mut self.g, condition) {
                            self.effort.infeasible += 1;
                            continue;
                        }
                        let pending = Pending::At(p, s);
                        let (open, sizes) = (right.open.clone(), right.sizes.clone());
                        let run = Run { pending, moved: true, calls: right.calls, forks: 0, passed: 0, open, sizes };
                        self.explore(left.clone(), run, taken)?;
                    }
                    return Ok(());
                }
                Pending::Call { .. } | Pending::Return(..) | Pending::Trap(..) => {
                    if !matches!(right.pending, Pending::Call { .. }) {
                        self.effort.paths += 1;
                    }
                    return self.meet(left, right, path);
                }
            }
        }
    }

    fn right_facts(
        &mut self,
        left: &RunOf<L>,
        r: R::Point,
        facts: Vec<Fact<Graph>>,
        path: &mut Path,
        open: &mut Vec<(T, &'static str)>,
    ) -> Result<(), Failure> {
        let l = left.place();
        for fact in facts {
            match fact {
                Fact::Require(condition, what) => self.holds(path, condition, l, r, &|| what.to_string())?,
                Fact::RequireEqual(a, b, what) => self.equal(path, a, b, l, r, &|| what.to_string())?,
                // A check on this very path shows it, or else what both sides do up to the event.
                Fact::Access(condition, what) | Fact::LateAccess(condition, what) => {
                    match path.decide(&mut self.g, condition) {
                        Some(true) => {
                            self.effort.rungs[Rung::Path as usize] += 1;
                            self.tell(path, Goal::Holds(condition), Rung::Path, &|| what.to_string());
                        }
                        _ => open.push((condition, what)),
                    }
                }
                Fact::Assume(..) | Fact::Intend(..) => {
                    return Err(self.fail(FailureKind::Unsupported, l, r, "the refining program makes an assumption"));
                }
            }
        }
        Ok(())
    }

    /// Runs the left program while it needs no decision, and no further than the next left cut point.
    fn run_left(&mut self, mut left: RunOf<L>, path: &mut Path, r: R::Point) -> Result<RunOf<L>, Failure> {
        loop {
            match left.pending {
                Pending::At(p, s) if left.moved && self.left_cuts.contains_key(&p) => {
                    left.pending = Pending::At(p, s);
                    return Ok(left);
                }
                Pending::At(p, s) => left.pending = self.step_left(p, s, path, r)?,
                Pending::Branch(c, yes, no) => match path.decide(&mut self.g, c) {
                    Some(taken) => {
                        let (p, s) = if taken { yes } else { no };
                        left.pending = Pending::At(p, s);
                    }
                    None => {
                        left.pending = Pending::Branch(c, yes, no);
                        return Ok(left);
                    }
                },
                pending => {
                    left.pending = pending;
                    return Ok(left);
                }
            }
            left.moved = true;
        }
    }
    fn step_left(
        &mut self,
        p: L::Point,
        s: L::State,
        path: &mut Path,
        r: R::Point,
    ) -> Result<Pending<L::Point, L::State>, Failure> {
        self.count_step(p, r)?;
        let mut facts = Vec::new();
        let stepped = Self::advance(&mut self.g, self.left, p, s, &mut facts);
        for fact in facts {
            match fact {
                Fact::Assume(condition, name) => {
                    if !path.assume(&mut self.g, condition) {
                        self.effort.assumed_away += 1;
                        let place = self.left.describe(p);
                        self.broken.get_or_insert_with(|| format!("{name} at {place}"));
                    }
                }
                Fact::Access(condition, _) | Fact::LateAccess(condition, _) => {
                    path.assume(&mut self.g, condition);
                }
                // What the left program requires of itself is proved in the link where it is the right program.
                Fact::Require(..) | Fact::RequireEqual(..) | Fact::Intend(..) => {}
            }
        }
        let mut stepped = stepped.map_err(|text| self.fail(FailureKind::Unsupported, p, r, text))?;
        if let Pending::At(next, state) = &mut stepped
            && let Some(here) = self.rewritings.get(next)
        {
            for rewriting in here {
                let [first, last] = rewriting
                    .apply(&mut self.g, self.left, state)
                    .map_err(|why| self.fail(FailureKind::BadWitness, *next, r, why))?;
                self.effort.rungs[Rung::Egraph as usize] += 1;
                let (goal, proof, what) =
                    (Goal::Equal(first, last), Some(rewriting.proof), "a rewritten word is equal");
                let what = &|| what.to_string();
                (self.observer)(&Closed { graph: &self.g, path, goal, rung: Rung::Egraph, proof, what });
            }
        }
        Ok(stepped)
    }
}
