//! Counters that only an exit of their loop looks at.

use super::plan::Planner;
use super::variables::{Counted, Use, Variable, Variables};
use crate::faults;
use synth_validator::ir::{Block, Cond, Op, Terminator, Value};

/// Operations before a loop that a test in it may cost.
const OPERATIONS_MAX: usize = 2;

/// A counter that only its loop's exit looks at.
pub struct Counter {
    /// The variable that goes.
    pub gone: Variable,
    /// The one that is tested in its place.
    pub kept: Variable,
    /// Where it is tested: the block, and the comparison if there is one.
    pub block: Block,
    /// The number of the comparison; none where the branch itself tests.
    pub at: Option<usize>,
    /// The number of the counter among the operands of the comparison.
    pub operand: usize,
    /// The value of the kept variable that is compared.
    pub compared: Value,
    /// What it is compared with: a sum of these words, each added or subtracted, and a constant.
    pub bound: Bound,
    /// What the bound has more because one of the two is compared before its step.
    pub shift: u32,
    /// The bound that the counter was compared with.
    pub limit: Limit,
    /// The block before the loop, where the bound is computed.
    pub before: Block,
    /// Arguments of edges out of the loop that are the counter's last value: block, edge, argument.
    pub last: Vec<(Block, usize, usize)>,
}

/// What a counter is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A constant.
    Constant(u32),
    /// A word that the loop does not change.
    Word(Value),
}

/// A sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Words to add.
    pub plus: Vec<Value>,
    /// Words to subtract.
    pub minus: Vec<Value>,
    /// The constant.
    pub constant: u32,
}

impl Bound {
    fn add(&mut self, variables: &Variables<'_>, v: Value, is_added: bool) {
        match (variables.constant(v), is_added) {
            (Some(k), true) => self.constant = self.constant.wrapping_add(k),
            (Some(k), false) => self.constant = self.constant.wrapping_sub(k),
            (None, true) => self.plus.push(v),
            (None, false) => self.minus.push(v),
        }
    }
    /// Operations that compute it.
    fn operations(&self) -> usize {
        let words = self.plus.len() + self.minus.len();
        let constant = usize::from(self.constant != 0 || self.plus.is_empty());
        (words + constant).saturating_sub(1)
    }
}

/// The test of a counter.
struct Tested {
    value: Value,
    block: Block,
    at: Option<usize>,
    operand: usize,
    limit: Limit,
    last: Vec<(Block, usize, usize)>,
}

impl Planner<'_> {
    /// Finds counters.
    pub(super) fn counters(&mut self, l: &Counted) -> Vec<Counter> {
        let mut found = Vec::new();
        let [before] = l.inside.entries[..] else { return found };
        if !matches!(self.variables.func.blocks[before.0 as usize].end, Terminator::Jump(_)) {
            return found;
        }
        for gone in &l.variables {
            if !self.may_go(gone) {
                continue;
            }
            let Some(tested) = self.tested(l, gone) else { continue };
            let others = l.variables.iter().filter(|kept| kept.param != gone.param && self.may_stay(kept));
            let counters = others.filter_map(|kept| self.counter(l, gone, kept, &tested, before));
            let Some(counter) = counters.min_by_key(|c| (c.bound.operations(), usize::MAX - c.kept.at)) else {
                continue;
            };
            self.used.extend(counter.kept.values());
            self.used.extend(counter.bound.plus.iter().chain(&counter.bound.minus));
            self.gone.extend(gone.values());
            found.push(counter);
        }
        found
    }

    /// The one test of a variable that nothing else looks at.
    fn tested(&self, l: &Counted, gone: &Variable) -> Option<Tested> {
        let mut found = None;
        let mut last = Vec::new();
        for (value, place) in self.variables.uses(gone).filter(|(_, place)| !self.is_step(l, gone, *place)) {
            let (block, test) = match place {
                Use::Inst(b, i, operand) => (b, self.compared(l, (b, i), operand)?),
                Use::Operand(b) => match self.variables.func.blocks[b.0 as usize].end {
                    Terminator::Branch(..) => (b, (None, 0, Limit::Constant(0))),
                    _ => return None,
                },
                Use::Edge(b, e, n) => {
                    last.push((value, (b, e, n)));
                    continue;
                }
            };
            let (at, operand, limit) = test;
            if !l.inside.contains(block) || found.is_some() {
                return None;
            }
            found = Some(Tested { value, block, at, operand, limit, last: Vec::new() });
        }
        let mut tested = found?;
        for (value, place) in last {
            tested.last.push(self.last(l, &tested, value, place)?);
        }
        Some(tested)
    }
    /// A comparison for equality with what the loop does not change.
    fn compared(&self, l: &Counted, (b, i): (Block, usize), operand: usize) -> Option<(Option<usize>, usize, Limit)> {
        let inst = &self.variables.func.blocks[b.0 as usize].insts[i];
        let Op::Cmp(cond) = inst.op else { return None };
        if !matches!(cond, Cond::Eq | Cond::Ne) && !faults::on("induction-wrap") {
            return None;
        }
        let other = inst.args[1 - operand];
        let limit = match self.variables.constant(other) {
            Some(k) => Limit::Constant(k),
            None if l.inside.contains(self.variables.home(other)?) || self.gone.contains(&other) => return None,
            None => Limit::Word(other),
        };
        Some((Some(i), operand, limit))
    }
    /// An argument of an edge that leaves the loop because the counter has come to a constant.
    fn last(
        &self,
        l: &Counted,
        tested: &Tested,
        value: Value,
        place: (Block, usize, usize),
    ) -> Option<(Block, usize, usize)> {
        let data = &self.variables.func.blocks[tested.block.0 as usize];
        let Terminator::Branch(c, yes, no) = &data.end else { return None };
        let cond = match tested.at {
            Some(i) if data.insts[i].results[0] == *c => data.insts[i].op.clone(),
            Some(_) => return None,
            None => Op::Cmp(Cond::Ne),
        };
        let (edge, out) = if cond == Op::Cmp(Cond::Eq) { (0, yes) } else { (1, no) };
        let is_last = place.0 == tested.block && place.1 == edge && value == tested.value;
        let leaves = !l.inside.contains(out.block) && matches!(tested.limit, Limit::Constant(_));
        (is_last && leaves).then_some(place)
    }

    fn counter(
        &self,
        l: &Counted,
        gone: &Variable,
        kept: &Variable,
        tested: &Tested,
        before: Block,
    ) -> Option<Counter> {
        let is_same = kept.step == gone.step;
        let is_opposite = kept.step == gone.step.wrapping_neg();
        if !is_same && !is_opposite {
            return None;
        }
        let data = &self.variables.func.blocks[tested.block.0 as usize];
        let place = (tested.block, tested.at.unwrap_or(data.insts.len()));
        let next = kept.next.iter().copied().find(|v| self.variables.is_above(*v, place));
        let next = next.filter(|_| !faults::on("induction-stale-test"));
        let entry = self.variables.entries(&l.inside).next()?;
        // The kept variable plus or minus the counter never changes.
        let mut bound = Bound::default();
        bound.add(self.variables, entry.args[kept.at], true);
        bound.add(self.variables, entry.args[gone.at], is_opposite);
        match tested.limit {
            Limit::Constant(k) if is_same => bound.constant = bound.constant.wrapping_add(k),
            Limit::Constant(k) => bound.constant = bound.constant.wrapping_sub(k),
            Limit::Word(v) => bound.add(self.variables, v, is_same),
        }
        // One of the two may be tested before its step, the other one behind.
        let is_counted = tested.value != gone.param;
        let shift = match (next.is_some() || faults::on("induction-stale-test"), is_counted) {
            (true, false) => kept.step,
            (false, true) => kept.step.wrapping_neg(),
            _ => 0,
        };
        bound.constant = bound.constant.wrapping_add(shift);
        let words = bound.plus.iter().chain(&bound.minus);
        let is_known = bound.plus.is_empty() && bound.minus.is_empty();
        if is_known || bound.operations() > OPERATIONS_MAX || words.clone().any(|v| self.gone.contains(v)) {
            return None;
        }
        Some(Counter {
            gone: gone.clone(),
            kept: kept.clone(),
            block: tested.block,
            at: tested.at,
            operand: tested.operand,
            compared: next.unwrap_or(kept.param),
            bound,
            shift,
            limit: tested.limit,
            before,
            last: tested.last.clone(),
        })
    }
}
