//! The ladder: how an equality or a condition is proved under the assumptions of a path.
//!
//! What is tried, in this order: the same node after normalisation; the same node after the path's decisions are put in, or the opposite
//! refuted by them; ring normal form modulo 2^32; e-graph saturation with lemmas; z3 with few steps, multiplication uninterpreted, and if
//! there is none also by the tactics of full z3; sweeping, and then z3 with all its steps; z3 on integers; full z3. [`Rung::ALL`] has
//! another order, that of reports: an obligation counts for the last rung in it that had a part in closing it.

use crate::domain::*;
use crate::interval::Ranges;
use crate::lemma::Rules;
use crate::smt::{Answer, Model, Multiplier, Smt};
use crate::sweep::sweep;
use crate::term::{Graph, Node, T};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The rung that closed an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rung {
    /// Same node after normalisation.
    Normal,
    /// Same node after the decisions of the path are put in.
    Path,
    /// E-graph saturation.
    Egraph,
    /// z3, multiplication uninterpreted.
    Smt,
    /// Ring normal form modulo 2^32, or integers.
    Ring,
    /// Equal parts put together, then z3, multiplication uninterpreted.
    Sweep,
    /// Full z3.
    Full,
}

impl Rung {
    /// All rungs in order.
    pub const ALL: [Rung; 7] = [Rung::Normal, Rung::Path, Rung::Egraph, Rung::Smt, Rung::Ring, Rung::Sweep, Rung::Full];
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Rung::Normal => "normal",
            Rung::Path => "path",
            Rung::Egraph => "egraph",
            Rung::Smt => "smt",
            Rung::Ring => "ring",
            Rung::Sweep => "sweep",
            Rung::Full => "full",
        }
    }
}

// Requirement TOR-LIMIT-STEPS: Limits shall count steps and queries, not time, so that verdicts repeat on every machine.
// Requirement TOR-LIMIT-UNKNOWN: A limit that is reached, in a solver or in the exploration of a region, shall give `Unknown` and say
// that a limit was reached.
/// Solver steps allowed to one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Steps with multiplication uninterpreted.
    pub smt_steps: u32,
    /// Steps with everything interpreted.
    pub full_steps: u32,
    /// Steps of a region's exploration, on either side.
    pub region_steps: u32,
    /// Queries of one link that go beyond the path rung.
    pub queries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { smt_steps: 2_000_000, full_steps: 4_000_000, region_steps: 100_000, queries: 1_000 }
    }
}

/// The part of a query's steps in which a simple one ends.
pub const FIRST_SHARE: u32 = 8;
/// Stored words that are not the same node and still shown to be equal, each by itself, so that memories are.
const STORED_MAX: usize = 16;

/// Why an obligation did not close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// z3 found a state that satisfies the assumptions and not the conclusion.
    Model(Model),
    /// Limits were reached.
    Exhausted,
}

/// What is assumed on a path: decided conditions and known words.
#[derive(Clone, Debug, Default)]
pub struct Path {
    decided: FxHashMap<T, bool>,
    /// Words known to be constants, from decided equations.
    known: FxHashMap<T, T>,
    /// Ranges of words, from decided comparisons.
    ranges: Ranges,
    /// The assumptions in order.
    trail: Vec<T>,
    /// Whether an assumption was refused because it contradicts the others.
    impossible: bool,
}

impl Path {
    /// Adds an assumption. Returns false if it contradicts what is decided already.
    pub fn assume(&mut self, g: &mut Graph, condition: T) -> bool {
        match self.decide(g, condition) {
            Some(true) => return true,
            Some(false) => {
                self.trail.push(condition);
                self.impossible = true;
                return false;
            }
            None => {}
        }
        self.trail.push(condition);
        self.impossible |= !self.learn(g, condition) || self.ranges.contradictory;
        !self.impossible
    }
    /// Whether the assumptions are known to contradict each other.
    pub fn is_impossible(&self) -> bool {
        self.impossible
    }
    fn learn(&mut self, g: &mut Graph, condition: T) -> bool {
        match *g.node(condition) {
            Node::Bool(b) => b,
            Node::Not(inner) => {
                // !(!a & !b) with one side decided leaves the other; only direct facts are recorded.
                self.decided.insert(inner, false);
                self.ranges.learn(g, inner, false, &self.decided);
                self.learn_choice(g, inner, false)
            }
            Node::And(a, b) => {
                self.decided.insert(condition, true) == Some(true) || self.learn(g, a) && self.learn(g, b)
            }
            Node::Cmp(CmpOp::Eq, difference, _) => {
                self.decided.insert(condition, true);
                self.ranges.learn(g, condition, true, &self.decided);
                let (k, terms) = g.linear(difference);
                if let [(t, c @ (1 | u32::MAX))] = terms[..] {
                    let value = if c == 1 { k.wrapping_neg() } else { k };
                    let value = g.word(value);
                    self.known.insert(t, value);
                }
                self.learn_choice(g, condition, true)
            }
            _ => {
                self.decided.insert(condition, true);
                self.ranges.learn(g, condition, true, &self.decided);
                self.learn_choice(g, condition, true)
            }
        }
    }
    /// Learns what a word was chosen by, if one of the words chosen between does not compare like this.
    fn learn_choice(&mut self, g: &mut Graph, comparison: T, holds: bool) -> bool {
        let Node::Cmp(op, a, b) = *g.node(comparison) else {
            return true;
        };
        let (k, terms) = g.linear(a);
        let [(t, 1)] = terms[..] else { return true };
        let Node::Ite(by, x, y) = *g.node(t) else { return true };
        if self.decided.contains_key(&by) {
            return true;
        }
        let [x, y] = [x, y].map(|word| {
            let word = g.bin_const(BinOp::Add, &word, k);
            let compares = g.cmp(op, &word, &b);
            if holds { compares } else { g.not(&compares) }
        });
        let not_by = g.not(&by);
        match [x, y].map(|c| self.look(g, c) == Some(false)) {
            [true, true] => false,
            [true, false] => self.learn(g, not_by) && self.learn(g, y),
            [false, true] => self.learn(g, by) && self.learn(g, x),
            [false, false] => true,
        }
    }
    /// Whether the assumptions contradict each other, each seen with what all of them say.
    fn is_contradictory(&mut self, g: &mut Graph) -> bool {
        for condition in self.trail.clone() {
            let atom = match *g.node(condition) {
                Node::Not(c) => c,
                _ => condition,
            };
            let operands = g.rebuild(atom, &mut |g, t| self.simplify(g, t));
            let simplified = if atom == condition { operands } else { g.not(&operands) };
            let agrees = self.look(g, simplified) != Some(false);
            if !agrees || !self.learn(g, simplified) || self.ranges.contradictory {
                return true;
            }
        }
        false
    }
    /// The truth of a condition, if the assumptions decide it without a solver.
    pub fn decide(&self, g: &mut Graph, condition: T) -> Option<bool> {
        if let Some(b) = self.look(g, condition) {
            return Some(b);
        }
        if self.known.is_empty() {
            return None;
        }
        let simplified = self.simplify(g, condition);
        self.look(g, simplified)
    }
    fn look(&self, g: &Graph, condition: T) -> Option<bool> {
        self.look_once(g, condition, &mut FxHashMap::default())
    }
    /// The same, where `seen` has what was found of conjunctions: they share parts.
    fn look_once(&self, g: &Graph, condition: T, seen: &mut FxHashMap<T, Option<bool>>) -> Option<bool> {
        if let Some(b) = self.decided.get(&condition) {
            return Some(*b);
        }
        match *g.node(condition) {
            Node::Bool(b) => Some(b),
            Node::Not(inner) => self.look_once(g, inner, seen).map(|b| !b),
            Node::And(a, b) => {
                if let Some(found) = seen.get(&condition) {
                    return *found;
                }
                let found = match (self.look_once(g, a, seen), self.look_once(g, b, seen)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                };
                seen.insert(condition, found);
                found
            }
            Node::Cmp(..) => self.ranges.decide(g, condition, &self.decided),
            _ => None,
        }
    }
    /// The term with known words and decided conditions put in.
    pub fn simplify(&self, g: &mut Graph, t: T) -> T {
        let mut done = FxHashMap::default();
        let mut stack = vec![t];
        while let Some(&top) = stack.last() {
            if done.contains_key(&top) {
                stack.pop();
                continue;
            }
            let fixed = self.known.get(&top).copied().or_else(|| self.decided.get(&top).map(|b| g.bool(*b)));
            if let Some(value) = fixed {
                done.insert(top, value);
                continue;
            }
            let missing: Vec<T> = g.operands(top).into_iter().filter(|o| !done.contains_key(o)).collect();
            if missing.is_empty() {
                let new = g.rebuild(top, &mut |_, o| done[&o]);
                done.insert(top, new);
            } else {
                stack.extend(missing);
            }
        }
        done[&t]
    }
    /// The assumptions.
    pub fn trail(&self) -> &[T] {
        &self.trail
    }
}

/// Proves that two words, booleans or memories are equal on the path.
pub fn prove_equal(g: &mut Graph, path: &Path, a: T, b: T, limits: &Limits) -> Result<Rung, Open> {
    if a == b {
        return Ok(Rung::Normal);
    }
    if path.impossible {
        return Ok(Rung::Path);
    }
    let (x, y) = (path.simplify(g, a), path.simplify(g, b));
    if x == y {
        return Ok(Rung::Path);
    }
    if crate::ring::equal(g, x, y) {
        return Ok(Rung::Ring);
    }
    if !is_memory(g, x) && crate::egraph::equal(g, x, y, Rules::shipped()).is_some() {
        return Ok(Rung::Egraph);
    }
    if let Some(rung) = stored_equal(g, path, (x, y), limits) {
        return Ok(rung);
    }
    // An equation of memories is not a boolean term: both are loaded from at an unknown offset.
    let goal = match (is_memory(g, a), crate::replay::is_bool(g, x)) {
        (false, false) => g.cmp(CmpOp::Eq, &x, &y),
        (false, true) => {
            let differ = g.xor(&x, &y);
            g.not(&differ)
        }
        (true, _) => {
            let no = g.bool(false);
            if let Answer::Holds = Smt::new(g, Multiplier::Uninterpreted).follows(path.trail(), no, limits.smt_steps) {
                return Ok(Rung::Smt);
            }
            let at = g.havoc();
            let (p, q) = (g.load(&x, Width::Byte, &at), g.load(&y, Width::Byte, &at));
            g.cmp(CmpOp::Eq, &p, &q)
        }
    };
    prove_by_solver(g, path, goal, limits)
}

/// Proves that two memories are equal because the words that are stored in them are: the words climb the ladder by themselves, where a
/// solver would have to find the word that is loaded at an unknown offset. It is enough, and not needed. Result: the highest rung that a
/// word needed.
fn stored_equal(g: &mut Graph, path: &Path, memories: (T, T), limits: &Limits) -> Option<Rung> {
    let words = stored_words(g, memories).filter(|words| words.len() <= STORED_MAX)?;
    words.into_iter().try_fold(Rung::Path, |rung, (x, y)| {
        let own = prove_equal(g, path, x, y, limits).ok()?;
        Some(rung.max(own))
    })
}

/// The words, as far as they are not one node, that two memories have stored at the same places, in the same order, over one memory;
/// `None` if the memories differ otherwise.
pub(crate) fn stored_words(g: &Graph, (mut a, mut b): (T, T)) -> Option<Vec<(T, T)>> {
    let mut words = Vec::new();
    while a != b {
        let (Node::Store(width, under_a, at, x), Node::Store(other, under_b, place, y)) = (g.node(a), g.node(b)) else {
            return None;
        };
        if (width, at) != (other, place) {
            return None;
        }
        words.extend((x != y).then_some((*x, *y)));
        (a, b) = (*under_a, *under_b);
    }
    Some(words)
}

/// Proves that a condition holds on the path.
pub fn prove(g: &mut Graph, path: &Path, condition: T, limits: &Limits) -> Result<Rung, Open> {
    if g.as_bool(&condition) == Some(true) {
        return Ok(Rung::Normal);
    }
    if path.impossible {
        return Ok(Rung::Path);
    }
    if path.decide(g, condition) == Some(true) {
        return Ok(Rung::Path);
    }
    prove_by_solver(g, path, condition, limits)
}

/// Proves that the assumptions contradict each other, if z3 sees it at once: the question is asked as it is, and not made simpler.
pub fn contradicts_at_once(g: &mut Graph, path: &Path, limits: &Limits) -> Option<Rung> {
    if path.impossible || path.clone().is_contradictory(g) {
        return Some(Rung::Path);
    }
    let no = g.bool(false);
    let multiplies = multiplies(g, path.trail(), no);
    ask_first(g, path, no, multiplies, limits)?.ok()
}

/// What z3 says with products uninterpreted and, if there are none, by its other tactics: the question is the same one then, and those
/// answer some at once.
fn ask_first(g: &mut Graph, path: &Path, goal: T, multiplies: bool, limits: &Limits) -> Option<Result<Rung, Open>> {
    match Smt::new(g, Multiplier::Uninterpreted).follows(path.trail(), goal, limits.smt_steps) {
        Answer::Holds => return Some(Ok(Rung::Smt)),
        Answer::Fails(model) if !multiplies => return Some(Err(Open::Model(model))),
        Answer::Fails(_) | Answer::Exhausted if multiplies => return None,
        Answer::Fails(_) | Answer::Exhausted => {}
    }
    match Smt::new(g, Multiplier::Full).follows(path.trail(), goal, limits.full_steps) {
        Answer::Holds => Some(Ok(Rung::Full)),
        Answer::Fails(model) => Some(Err(Open::Model(model))),
        Answer::Exhausted => None,
    }
}

fn prove_by_solver(g: &mut Graph, path: &Path, goal: T, limits: &Limits) -> Result<Rung, Open> {
    if let Some(true) = path.decide(g, goal) {
        return Ok(Rung::Path);
    }
    let (mut refuted, no) = (path.clone(), g.not(&goal));
    if !refuted.assume(g, no) || refuted.is_contradictory(g) {
        return Ok(Rung::Path);
    }
    // A few steps tell whether the question is simple; if not, it is made simpler first.
    let (smt_steps, full_steps) = (limits.smt_steps / FIRST_SHARE, limits.full_steps / FIRST_SHARE);
    let few = Limits { smt_steps, full_steps, ..*limits };
    let multiplies = multiplies(g, path.trail(), goal);
    if let Some(answer) = ask_first(g, path, goal, multiplies, &few) {
        return answer;
    }
    let (mut assumptions, mut goal, mut rung) = (path.trail().to_vec(), goal, Rung::Smt);
    if let Some(swept) = sweep(g, path.trail(), goal, limits) {
        // The assumptions stay: those with equal parts put together say less.
        assumptions.extend(swept.assumptions);
        (goal, rung) = (swept.goal, Rung::Sweep);
    }
    match Smt::new(g, Multiplier::Uninterpreted).follows(&assumptions, goal, limits.smt_steps) {
        Answer::Holds => return Ok(rung),
        Answer::Fails(model) if !multiplies => return Err(Open::Model(model)),
        Answer::Fails(_) | Answer::Exhausted => {}
    }
    if crate::integer::follows(g, &assumptions, goal, limits.smt_steps / 4) {
        return Ok(rung.max(Rung::Ring));
    }
    match Smt::new(g, Multiplier::Full).follows(&assumptions, goal, limits.full_steps) {
        Answer::Holds => Ok(Rung::Full),
        Answer::Fails(model) => Err(Open::Model(model)),
        Answer::Exhausted => Err(Open::Exhausted),
    }
}

/// Whether a term is a memory.
pub fn is_memory(g: &Graph, t: T) -> bool {
    use crate::term::Var;
    matches!(
        g.node(t),
        Node::Var(Var::Memory(_) | Var::HostMap(..))
            | Node::Store(..)
            | Node::Fill(..)
            | Node::Copy(..)
            | Node::Init(..)
    )
}

/// Whether the query has operations that the uninterpreted encoding does not know.
fn multiplies(g: &Graph, assumptions: &[T], goal: T) -> bool {
    let mut seen = rustc_hash::FxHashSet::default();
    let mut stack: Vec<T> = assumptions.iter().copied().chain([goal]).collect();
    while let Some(t) = stack.pop() {
        if !seen.insert(t) {
            continue;
        }
        match g.node(t) {
            Node::Bin(BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi | BinOp::UDiv | BinOp::SDiv, ..) | Node::Div64(..) => {
                return true;
            }
            _ => stack.extend(g.operands(t)),
        }
    }
    false
}
