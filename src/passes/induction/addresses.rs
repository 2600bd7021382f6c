//! Addresses that are other variables, maybe shifted, plus a constant.

use super::plan::Planner;
use super::variables::{Counted, Use, Variable};
use crate::cfg;
use crate::faults;
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
/// Sums with constants that are looked through for where two variables begin.
const SUMS_MAX: usize = 4;
/// Uses of an address that are looked at.
const ACCESSES_MAX: usize = 32;

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

impl Planner<'_> {
    /// Finds addresses that others, shifted or not, differ from by a constant.
    pub(super) fn derived(&mut self, l: &Counted) -> Vec<Derived> {
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
        let step = if faults::on("induction-offset") { 0 } else { gone.step };
        let mut accesses = Vec::new();
        for (v, place) in self.variables.uses(gone).filter(|(_, place)| !self.is_step(l, gone, *place)) {
            let Use::Inst(b, i, 0) = place else { return None };
            let inst = &self.variables.func.blocks[b.0 as usize].insts[i];
            let moved = if v == gone.param { difference } else { difference.wrapping_add(step) };
            let offset = offset(&inst.op)?.wrapping_add(moved);
            if accesses.len() == ACCESSES_MAX || !l.inside.contains(b) || !self.has_room(b, offset, shift) {
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
}

/// The offset of an access or its check.
fn offset(op: &Op) -> Option<u32> {
    match op {
        Op::BoundsCheck { offset, .. } => Some(*offset),
        Op::Load { offset, .. } | Op::Store { offset, .. } | Op::Load64 { offset, .. } | Op::Store64 { offset, .. } => {
            Some(*offset)
        }
        _ => None,
    }
}
