//! The judge of a family of rules: normalised terms against the raw expressions of the same operations, for all inputs by
//! z3 and for random inputs by execution.

use crate::execution::compare;
use crate::program::*;
use crate::reference::{self, Expr, Random, Replay, Z3, never};
use std::collections::{BTreeMap, HashSet};
use synth_validator::term::{Graph, T};
use z3::SatResult;
use z3::ast::{Ast, BV, Bool};

/// Random inputs on which each program is run.
const RUNS: usize = 4;

/// What was found for one family.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// Equalities proved for all inputs, by width in bits.
    pub proved: BTreeMap<u32, usize>,
    /// Equalities that z3 did not decide within its steps, with their widths.
    pub unknown: Vec<(u32, String)>,
    /// Values compared by execution.
    pub executed: usize,
    /// Differences.
    pub wrong: Vec<String>,
}

impl Count {
    pub fn add(&mut self, other: Count) {
        for (width, proved) in other.proved {
            *self.proved.entry(width).or_default() += proved;
        }
        self.unknown.extend(other.unknown);
        self.executed += other.executed;
        self.wrong.extend(other.wrong);
    }
}

/// Differences of normalised terms from raw expressions, asked of z3 in bunches.
pub struct Judge {
    steps: u32,
    /// Differences in one query: many where they share their parts.
    together: usize,
    /// Width in bits under which proofs are counted.
    width: u32,
    bunch: Vec<(String, Bool)>,
    /// Differences asked already.
    seen: HashSet<Bool>,
    random: Random,
    count: Count,
}

impl Judge {
    pub fn new(width: u32, together: usize) -> Self {
        let random = Random::new(u64::from(width));
        let (bunch, seen, count) = (vec![], HashSet::new(), Count::default());
        Judge { steps: 1_000_000, together, width, bunch, seen, random, count }
    }

    /// A condition that must not hold for any input.
    pub fn differ(&mut self, what: impl FnOnce() -> String, differ: Bool) {
        let differ = differ.simplify();
        if differ.as_bool() == Some(false) {
            self.proved(1);
            return;
        }
        if !self.seen.insert(differ.clone()) {
            return;
        }
        self.bunch.push((what(), differ));
        if self.bunch.len() >= self.together {
            self.ask();
        }
    }

    fn proved(&mut self, n: usize) {
        *self.count.proved.entry(self.width).or_default() += n;
    }

    fn ask(&mut self) {
        let bunch = std::mem::take(&mut self.bunch);
        let any = Bool::or(&bunch.iter().map(|(_, d)| d.clone()).collect::<Vec<_>>());
        if bunch.is_empty() || never(&any, self.steps * if self.together > 50 { 10 } else { 1 }) == SatResult::Unsat {
            self.proved(bunch.len());
            return;
        }
        for (what, differ) in bunch {
            match never(&differ, self.steps) {
                SatResult::Unsat => self.proved(1),
                SatResult::Unknown => self.count.unknown.push((self.width, what)),
                SatResult::Sat => self.count.wrong.push(format!("differs: {what}")),
            }
        }
    }

    /// Runs a program on numbers and as terms.
    pub fn execute(&mut self, program: &[Op]) {
        for _ in 0..RUNS {
            let a = assignment(&mut self.random);
            self.count.executed += program.len();
            if let Err(why) = compare(program, program, &a) {
                self.count.wrong.push(format!("{why} in {program:?}"));
            }
        }
    }

    /// Notes a value compared by execution.
    pub fn executed(&mut self, agrees: bool, what: impl FnOnce() -> String) {
        self.count.executed += 1;
        if !agrees {
            self.count.wrong.push(what());
        }
    }

    /// Every value of the program, for all inputs, against the same operations of z3.
    pub fn program(&mut self, program: &[Op]) {
        self.last_words(program, usize::MAX);
    }

    /// As [`Self::program`], of the words only the last so many.
    pub fn last_words(&mut self, program: &[Op], words: usize) {
        self.execute(program);
        let g = &mut Graph::new();
        let terms = symbolic(g, program);
        let raw = run(&mut Z3, reference::memory(0), INPUTS.map(reference::variable).to_vec(), program);
        let mut replay = Replay::default();
        let first = INPUTS.len().max(terms.words.len().saturating_sub(words));
        for (t, e) in terms.words.iter().zip(&raw.words).skip(first) {
            self.differ(|| format!("{:?} in {program:?}", g.node(*t)), replay.word(g, *t).ne(e));
        }
        for (t, e) in terms.bools.iter().zip(&raw.bools).skip(2) {
            self.differ(|| format!("{:?} in {program:?}", g.node(*t)), replay.bool(g, *t).xor(e));
        }
        let Expr::Memory(m) = replay.term(g, terms.memory) else { unreachable!("a memory") };
        self.differ(|| format!("memory after {program:?}"), m.ne(&raw.memory));
    }

    /// A word against what it should be.
    pub fn word(&mut self, g: &Graph, replay: &mut Replay, t: T, expected: &BV, what: &str) {
        self.differ(|| format!("{what}: {:?}", g.node(t)), replay.word(g, t).ne(expected));
    }

    /// A boolean against what it should be.
    pub fn boolean(&mut self, g: &Graph, replay: &mut Replay, t: T, expected: &Bool, what: &str) {
        self.differ(|| format!("{what}: {:?}", g.node(t)), replay.bool(g, t).xor(expected));
    }

    /// What was found, after the last query.
    pub fn finish(mut self) -> Count {
        self.ask();
        self.count
    }
}
