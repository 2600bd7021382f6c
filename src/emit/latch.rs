//! Moves of an edge made before the branch to it.
//!
//! Before: `cmp r0, r1; beq exit; mov r2, r3; b loop`. After: `cmp r0, r1; mov r2, r3; bne loop`. The moves of an edge stand in a block of
//! its own behind the branch, which then has to jump. Where the other edge leads to nothing that reads what they overwrite, they may be
//! made on the way to the branch; moves keep flags.

use super::{Emitter, target};
use crate::encode::operand::Condition;
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Inst, MachineFunc, Test};
use crate::regalloc::{Allocated, Place, Step};

/// Core registers as bits.
type Registers = u16;

fn bit(place: Place) -> Registers {
    match place {
        Place::Reg(n) => 1 << n,
        Place::Slot(_) => 0,
    }
}

/// Registers that a step reads and writes.
fn effects(step: &Step) -> [Registers; 2] {
    match step {
        Step::Move(from, to) => [bit(*from), bit(*to)],
        Step::Inst(inst, _) => {
            let mut all = [0; 2];
            inst.clone().operands(&mut |r, role| {
                all[usize::from(role.is_def())] |= 1 << r.0;
            });
            all
        }
    }
}

/// By block: registers whose words something reads from its start on.
fn live(machine: &MachineFunc, allocated: &Allocated) -> Vec<Registers> {
    let mut live: Vec<Registers> = vec![0; machine.blocks.len()];
    let mut has_changed = true;
    while std::mem::take(&mut has_changed) {
        for b in (0..machine.blocks.len()).rev() {
            let at_end = machine.blocks[b].succs.iter().fold(0, |all, s| all | live[*s]);
            let at_start = allocated.blocks[b].iter().rev().fold(at_end, |live, step| {
                let [reads, writes] = effects(step);
                live & !writes | reads
            });
            has_changed |= std::mem::replace(&mut live[b], at_start) != at_start;
        }
    }
    live
}

/// By block that ends in a branch: the successor whose moves are made before it. Operand `instead`: as in [`Emitter`].
pub(super) fn latches(machine: &MachineFunc, allocated: &Allocated, instead: &[usize]) -> Vec<Option<usize>> {
    let moves = |e: usize| match allocated.blocks[e].split_last() {
        Some((Step::Inst(Inst::Jump, _), moves)) => Some(moves),
        _ => None,
    };
    let goes_back = |e: usize| target(instead, machine.blocks[e].succs[0]) <= e;
    let stands_for_others = |e: usize| instead.iter().enumerate().any(|(b, i)| *i == e && b != e);
    let is_edge = |e: usize, b: usize| {
        let block = &machine.blocks[e];
        let is_own = block.ir.is_none() && !block.switch_edge && instead[e] == e && block.preds == [b];
        is_own && moves(e).is_some() && goes_back(e) && !stands_for_others(e)
    };
    let candidate = |b: usize| match (allocated.blocks[b].last(), &machine.blocks[b].succs[..]) {
        (Some(Step::Inst(Inst::Branch { .. }, _)), &[yes, no]) => {
            [(yes, no), (no, yes)].into_iter().find(|(e, _)| is_edge(*e, b))
        }
        _ => None,
    };
    let candidates: Vec<Option<(usize, usize)>> = (0..machine.blocks.len()).map(candidate).collect();
    if candidates.iter().all(Option::is_none) {
        return vec![None; machine.blocks.len()];
    }
    let live = live(machine, allocated);
    let is_free = |step: &Step, other: usize| match step {
        Step::Move(_, to @ Place::Reg(_)) => live[other] & bit(*to) == 0 || faults::on("emit-latch-live"),
        _ => false,
    };
    let fits = |(e, other): &(usize, usize)| moves(*e).is_some_and(|all| all.iter().all(|step| is_free(step, *other)));
    candidates.into_iter().map(|c| c.filter(fits).map(|(e, _)| e)).collect()
}

impl Emitter<'_> {
    /// A branch, and before it the moves of one of its edges.
    pub(super) fn latch(&mut self, block: usize, test: &Test, edge: usize) -> Result<(), CompileError> {
        let [yes, no] = [0, 1].map(|s| self.machine.blocks[block].succs[s]);
        let condition: Condition = if edge == yes { test.condition } else { test.condition.negated() };
        self.flags(test)?;
        for step in &self.allocated.blocks[edge] {
            if let Step::Move(from, to) = step {
                self.place_move(*from, *to)?;
            }
        }
        self.branch_on(condition, self.machine.blocks[edge].succs[0]);
        self.jump(block, if edge == yes { no } else { yes });
        Ok(())
    }
}
