//! Bounds checks that earlier checks make redundant are removed; checks of one index in a row become one.
//!
//! Before: `check v1 + 0, 4; v2 = load v1; check v1 + 4, 4; v3 = load v1 + 4`. After: `check v1 + 4, 4; v2 = load v1; v3 = load
//! v1 + 4`. It stands after cleaning, which gives equal indices one name. A check is redundant if a check of the same index with at
//! least the same end dominates it. A check may also be widened to the end of a later one, if only pure instructions and
//! other checks of linear memory stand between: then nobody can see which of them traps.
//!
//! Obligation: refinement; at every cut point below a check that others rely on, the witness says that its index is inside.
//! Only for memories that cannot grow: of others the validator knows no more than the minimum after a call.

use crate::cfg::Dominators;
use crate::faults;
use crate::ir_facts::Cuts;
use crate::pass::{Cx, Form, witness};
use crate::prune::is_pure;
use rustc_hash::FxHashMap;
use synth_validator::contract::{Bounds, PAGE_BYTES};
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Cond, Func, Op, Value};
use synth_validator::witness::{Loc, Step, Witness, Word};

/// A check: the block, its index, one past the last byte above the index.
#[derive(Clone, Copy, Debug)]
struct Check {
    block: Block,
    index: Value,
    end: u64,
}

fn end_of(offset: u32, bytes: u32) -> u64 {
    u64::from(offset) + u64::from(bytes)
}

/// Removes redundant checks; nothing if there are none.
pub fn checks(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let memory = cx.module.memory.as_ref()?;
    if cx.contract.bounds != Bounds::Software || !cx.memory_is_constant() {
        return None;
    }
    let min_bytes = memory.min_pages * u64::from(PAGE_BYTES);
    let mut new = func.clone();
    let mut changed = false;
    for block in &mut new.blocks {
        changed |= join(block, min_bytes);
    }
    let relied = remove_dominated(&mut new, min_bytes);
    if !changed && relied.is_empty() {
        return None;
    }
    let mut witness = witness(&new, |b| u64::from(b.0), Some)?;
    state(&mut witness, &new, &relied);
    Some((new, witness).into())
}

/// Joins checks of one index within a block.
fn join(block: &mut synth_validator::ir::BlockData, min_bytes: u64) -> bool {
    // By index: the place of the check in the new list, and whether it may still be widened.
    let mut open: FxHashMap<Value, (usize, bool)> = FxHashMap::default();
    let mut insts = Vec::with_capacity(block.insts.len());
    let before = block.insts.len();
    for inst in block.insts.drain(..) {
        let Op::BoundsCheck { offset, bytes } = inst.op else {
            let across = matches!(inst.op, Op::Store { .. }) && faults::on("checks-across-store");
            if !is_pure(&inst.op) && !across {
                open.values_mut().for_each(|(_, may_widen)| *may_widen = false);
            }
            insts.push(inst);
            continue;
        };
        let index = inst.args[0];
        let end = end_of(offset, bytes);
        if end > min_bytes {
            insts.push(inst);
            continue;
        }
        match open.get(&index) {
            Some((place, may_widen)) => {
                let first: &mut synth_validator::ir::Inst = &mut insts[*place];
                let Op::BoundsCheck { offset: o, bytes: b } = first.op else {
                    unreachable!("invariant: places of checks")
                };
                if end <= end_of(o, b) {
                    continue;
                }
                if *may_widen {
                    first.op = inst.op;
                    continue;
                }
                open.insert(index, (insts.len(), true));
                insts.push(inst);
            }
            None => {
                open.insert(index, (insts.len(), true));
                insts.push(inst);
            }
        }
    }
    block.insts = insts;
    block.insts.len() != before
}

/// Removes checks that others dominate. Result: the checks relied upon.
fn remove_dominated(func: &mut Func, min_bytes: u64) -> Vec<Check> {
    let dominators = Dominators::new(func);
    let order = dominators.order.iter().copied();
    let mut by_index: FxHashMap<Value, Vec<Check>> = FxHashMap::default();
    let mut relied: Vec<Check> = Vec::new();
    for block in order {
        func.blocks[block.0 as usize].insts.retain(|inst| {
            let Op::BoundsCheck { offset, bytes } = inst.op else {
                return true;
            };
            let (index, end) = (inst.args[0], end_of(offset, bytes));
            if end > min_bytes {
                return true;
            }
            let slack = if faults::on("checks-too-wide") { 64 } else { 0 };
            let covers = |c: &&Check| {
                let passed = dominators.dominates(c.block, block) || faults::on("checks-sibling");
                c.block != block && c.end + slack >= end && passed
            };
            let earlier = by_index.entry(index).or_default();
            let Some(check) = earlier.iter().find(covers).copied() else {
                earlier.push(Check { block, index, end });
                return true;
            };
            let known = |r: &Check| r.block == check.block && r.index == index && r.end == check.end;
            if !relied.iter().any(known) {
                relied.push(check);
            }
            false
        });
    }
    relied
}

/// Says at each cut point which indices are inside.
fn state(witness: &mut Witness, func: &Func, relied: &[Check]) {
    let dominators = Dominators::new(func);
    let points = Cuts::of(func);
    for cut in &mut witness.cuts {
        let block = Block(cut.right as u32);
        for check in relied {
            let below = check.block != block && dominators.dominates(check.block, block);
            if !below || !points.is_cut(block.0) {
                continue;
            }
            let first = cut.steps.len() as u32;
            let step = |op, args| Step { op, args, defines: None };
            cut.steps.push(step(Op::MemoryBytes, vec![]));
            cut.steps.push(step(Op::Const(check.end as u32), vec![]));
            cut.steps.push(step(Op::Bin(BinOp::Sub), vec![Word::Step(first, 0), Word::Step(first + 1, 0)]));
            let index = Word::Loc(Loc::Value(check.index, 0));
            cut.steps.push(step(Op::Cmp(Cond::LeU), vec![index, Word::Step(first + 2, 0)]));
            cut.holds.push(Word::Step(first + 3, 0));
        }
    }
}
