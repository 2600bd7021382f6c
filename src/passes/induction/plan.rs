//! Which induction variables go, and what stands for them.

use super::variables::{Counted, Use, Variable, Variables};
use crate::cfg;
use crate::ir_facts::Facts;
use crate::pass::Cx;
use rustc_hash::FxHashSet;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Cond, Inst, Op, Terminator, Value};

/// The greatest offset that a load or store has room for.
const OFFSET_MAX: u32 = 4095;
/// The greatest offset that the address of the memory has room for.
const ADDRESS_OFFSET_MAX: u32 = 0x7fff;
/// The greatest index that is shifted.
const GREATEST_MAX: u32 = 1 << 24;
/// The greatest shift that an address has room for.
const SHIFT_MAX: u32 = 3;
/// Operations before a loop that a test in it may cost.
const OPERATIONS_MAX: usize = 2;
/// Sums with constants that are looked through for where two variables begin.
const SUMS_MAX: usize = 4;

/// An address that is another variable, maybe shifted, plus a constant.
pub struct Derived {
    /// The variable that goes.
    pub gone: Variable,
    /// The one that stays.
    pub kept: Variable,
    /// By how much that one is shifted to the left.
    pub shift: u32,
    /// What is to be added then.
    pub difference: u32,
    /// The least and the greatest value of the one that stays, if accesses could wrap around without them.
    pub range: Option<(u32, u32)>,
    /// Loads and stores, with their new offsets.
    pub accesses: Vec<(Block, usize, u32)>,
}

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

/// What becomes of one loop: its number, and what goes.
pub struct Plan {
    /// The number of the loop.
    pub number: usize,
    /// Addresses that go.
    pub derived: Vec<Derived>,
    /// Counters that go.
    pub counters: Vec<Counter>,
}

/// Plans for the loops of a function.
pub struct Planner<'a> {
    variables: &'a Variables<'a>,
    facts: Facts,
    cx: &'a Cx<'a>,
    /// Values that have new uses, and so have to stay.
    used: FxHashSet<Value>,
    /// Values that go.
    gone: FxHashSet<Value>,
}

impl<'a> Planner<'a> {
    /// Plans all loops, inner ones first.
    pub fn plans(variables: &'a Variables<'a>, cx: &'a Cx<'a>) -> Vec<Plan> {
        let (facts, used, gone) = (Facts::new(variables.func), FxHashSet::default(), FxHashSet::default());
        let mut planner = Planner { variables, facts, cx, used, gone };
        let mut plans = Vec::new();
        for (number, l) in variables.loops.iter().enumerate() {
            let plan = Plan { number, derived: planner.derived(l), counters: planner.counters(l) };
            if !plan.derived.is_empty() || !plan.counters.is_empty() {
                plans.push(plan);
            }
        }
        plans
    }

    fn may_go(&self, v: &Variable) -> bool {
        v.values().all(|v| !self.used.contains(&v) && !self.gone.contains(&v))
    }
    fn may_stay(&self, v: &Variable) -> bool {
        v.values().all(|v| !self.gone.contains(&v))
    }
    /// Whether a use is nothing but the variable's own step.
    fn is_step(&self, l: &Counted, v: &Variable, place: Use) -> bool {
        let func = self.variables.func;
        match place {
            Use::Inst(b, i, _) => func.blocks[b.0 as usize].insts[i].results.iter().any(|r| v.next.contains(r)),
            Use::Operand(_) => false,
            Use::Edge(b, e, n) => {
                let to = cfg::edges(&func.blocks[b.0 as usize].end)[e].block;
                to == l.inside.header && n == v.at && l.inside.contains(b)
            }
        }
    }

    /// Finds addresses that others, shifted or not, differ from by a constant.
    fn derived(&mut self, l: &Counted) -> Vec<Derived> {
        let mut found = Vec::new();
        for gone in &l.variables {
            let others = l.variables.iter().filter(|kept| kept.param != gone.param);
            let Some(derived) = others.clone().find_map(|kept| self.derive(l, gone, kept)) else { continue };
            self.used.extend(derived.kept.values());
            self.gone.extend(gone.values());
            found.push(derived);
        }
        found
    }
    fn derive(&self, l: &Counted, gone: &Variable, kept: &Variable) -> Option<Derived> {
        let shift = (0..=SHIFT_MAX).find(|shift| kept.step << shift == gone.step)?;
        if !self.may_go(gone) || !self.may_stay(kept) {
            return None;
        }
        let mut differences = self.variables.entries(&l.inside).map(|e| {
            let [(p, k), (q, m)] = [gone, kept].map(|v| self.root(l, e.args[v.at]));
            (p == q && (p.is_none() || shift == 0)).then(|| k.wrapping_sub(m << shift))
        });
        let difference = differences.next()??;
        if difference == 0 || differences.any(|d| d != Some(difference)) {
            return None;
        }
        let step = if self.cx.fault("induction-offset") { 0 } else { gone.step };
        let mut accesses = Vec::new();
        for (v, place) in self.variables.uses(gone).filter(|(_, place)| !self.is_step(l, gone, *place)) {
            let Use::Inst(b, i, 0) = place else { return None };
            let inst = &self.variables.func.blocks[b.0 as usize].insts[i];
            let moved = if v == gone.param { difference } else { difference.wrapping_add(step) };
            let offset = offset(&inst.op)?.wrapping_add(moved);
            if !l.inside.contains(b) || !self.has_room(b, offset, shift) {
                return None;
            }
            accesses.push((b, i, offset));
        }
        let is_near = shift == 0 && accesses.iter().all(|(b, i, _)| self.is_accessed(kept, (*b, *i)));
        let range = if is_near { None } else { Some(self.range(l, kept).filter(|r| r.1 <= GREATEST_MAX)?) };
        Some(Derived { gone: gone.clone(), kept: kept.clone(), shift, difference, range, accesses })
    }
    /// Whether the block of an access or check accesses linear memory near the address that a parameter is as well: then no offset makes it
    /// wrap around. For a check that has to be known before.
    fn is_accessed(&self, v: &Variable, (block, at): (Block, usize)) -> bool {
        let insts = &self.variables.func.blocks[block.0 as usize].insts;
        let is_check = |inst: &Inst| matches!(inst.op, Op::BoundsCheck { .. });
        let seen = if is_check(&insts[at]) { &insts[..at] } else { insts };
        seen.iter().any(|i| offset(&i.op).is_some() && i.args[0] == v.param && (is_check(i) || !is_check(&insts[at])))
    }
    /// The least and the greatest value of a parameter that counts from a constant to another one, at which the loop ends.
    fn range(&self, l: &Counted, v: &Variable) -> Option<(u32, u32)> {
        let mut starts = self.variables.entries(&l.inside).map(|e| self.variables.constant(e.args[v.at]));
        let start = starts.next()??;
        let insts_of = |b: Block| &self.variables.func.blocks[b.0 as usize];
        let mut backs = l
            .inside
            .blocks
            .iter()
            .filter(|b| cfg::edges(&insts_of(**b).end).iter().any(|e| e.block == l.inside.header));
        let (latch, None) = (insts_of(*backs.next()?), backs.next()) else { return None };
        let Terminator::Branch(c, yes, no) = &latch.end else { return None };
        let test = latch.insts.iter().find(|i| i.results[..] == [*c])?;
        let goes_on = match test.op {
            Op::Cmp(Cond::Ne) if no.block != l.inside.header => yes,
            Op::Cmp(Cond::Eq) if yes.block != l.inside.header => no,
            _ => return None,
        };
        let end = self.variables.constant(test.args[1])?;
        let greatest = if test.args[0] == v.param { end } else { end.checked_sub(1)? };
        let counts = v.step == 1 && starts.all(|s| s == Some(start)) && v.values().any(|v| v == test.args[0]);
        (counts && goes_on.block == l.inside.header && start <= greatest).then_some((start, greatest))
    }
    /// Whether an access has room for an offset. The shift of an index costs nothing where the offset is a part of the memory's address,
    /// which has to be made for it alone.
    fn has_room(&self, block: Block, new: u32, shift: u32) -> bool {
        let insts = &self.variables.func.blocks[block.0 as usize].insts;
        let is_access = |op: &Op| offset(op).is_some() && !matches!(op, Op::BoundsCheck { .. });
        let is_alone = || insts.iter().filter(|i| is_access(&i.op)).count() == 1;
        if shift == 0 { new <= OFFSET_MAX } else { new > OFFSET_MAX && new <= ADDRESS_OFFSET_MAX && is_alone() }
    }
    /// A word as another one, if it is no constant, plus a constant.
    fn root(&self, l: &Counted, mut v: Value) -> (Option<Value>, u32) {
        let mut sum = 0u32;
        for _ in 0..SUMS_MAX {
            let Some(Inst { op: Op::Bin(BinOp::Add), args, .. }) = self.variables.instruction(v) else { break };
            let (Some(k), true) = (self.variables.constant(args[1]), self.is_near(l, v)) else { break };
            (v, sum) = (args[0], sum.wrapping_add(k));
        }
        match self.variables.constant(v) {
            Some(k) => (None, sum.wrapping_add(k)),
            None => (Some(v), sum),
        }
    }
    /// Whether a value is computed with no cut point between it and a loop.
    fn is_near(&self, l: &Counted, v: Value) -> bool {
        let Some(home) = self.variables.home(v) else { return false };
        l.inside.entries.iter().all(|entry| {
            let mut at = *entry;
            while at != home && !self.facts.is_cut(at.0) {
                match self.variables.dominators.immediate[at.0 as usize] {
                    Some(above) if above != at => at = above,
                    _ => return false,
                }
            }
            at == home
        })
    }

    /// Finds counters.
    fn counters(&mut self, l: &Counted) -> Vec<Counter> {
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
        if !matches!(cond, Cond::Eq | Cond::Ne) && !self.cx.fault("induction-wrap") {
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
        let next = next.filter(|_| !self.cx.fault("induction-stale-test"));
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
        let shift = match (next.is_some() || self.cx.fault("induction-stale-test"), is_counted) {
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

/// The test of a counter.
struct Tested {
    value: Value,
    block: Block,
    at: Option<usize>,
    operand: usize,
    limit: Limit,
    last: Vec<(Block, usize, usize)>,
}

/// The offset of an access or its check.
fn offset(op: &Op) -> Option<u32> {
    match op {
        Op::BoundsCheck { offset, .. } => Some(*offset),
        Op::Load { offset, .. } | Op::Store { offset, .. } | Op::Load64 { offset } | Op::Store64 { offset } => {
            Some(*offset)
        }
        _ => None,
    }
}
