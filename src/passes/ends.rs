//! Blocks end at the first trap that is always taken, so that no code stands behind it.
//!
//! Before: `b0: v1 = const 0x20000; check v1 + 0, 4; v2 = load v1; jump b1()`. After: `b0: trap out-of-bounds-memory`. It stands last, because
//! other passes find constants, and it runs at every level: code that nothing reaches is neither code nor data to the validator.
//!
//! Obligation: refinement; every word at a cut point is as before.

use crate::faults;
use crate::ir_facts::Facts;
use crate::pass::{Cx, Form, witness};
use crate::prune;
use synth_validator::contract::{Bounds, PAGE_BYTES};
use synth_validator::ir::{BlockData, Func, Inst, Op, Terminator};
use synth_validator::trap::TrapKind;

/// Ends blocks at certain traps; nothing if there are none. A trap may take a block's other incoming edges away, and so make known
/// what the block is given: what that makes certain is found in the next round.
pub fn ends(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let mut new = ended(func, cx)?;
    while let Some(next) = ended(&new, cx) {
        new = next;
    }
    let witness = witness(&new, |b| u64::from(b.0), Some)?;
    Some((new, witness).into())
}

/// The function with every block ended at its first certain trap; nothing if there is none.
fn ended(func: &Func, cx: &Cx<'_>) -> Option<Func> {
    let facts = Facts::new(func);
    let certain =
        |block: &BlockData| block.insts.iter().enumerate().find_map(|(at, inst)| Some((at, trap(inst, &facts, cx)?)));
    let reached = func.blocks.iter().enumerate().filter(|(b, _)| facts.incoming[*b] > 0);
    let traps: Vec<_> = reached.filter_map(|(b, block)| Some((b, certain(block)?))).collect();
    if traps.is_empty() {
        return None;
    }
    let mut new = func.clone();
    for (b, (at, kind)) in traps {
        let block = &mut new.blocks[b];
        block.end_origin = block.insts[at].origin;
        block.insts.truncate(at);
        block.end = Terminator::Trap(kind);
    }
    prune::remove_dead(&mut new);
    Some(new)
}

/// The trap that an instruction always takes.
fn trap(inst: &Inst, facts: &Facts, cx: &Cx<'_>) -> Option<TrapKind> {
    let named = facts.alias[inst.args.first()?.0 as usize];
    let constant = match facts.constant[named.0 as usize] {
        Some(Op::Const(k)) => Some(u64::from(k)),
        _ => None,
    };
    match inst.op {
        Op::TrapIf(kind) => (constant? != 0).then_some(kind),
        Op::BoundsCheck { offset, bytes } if cx.contract.bounds == Bounds::Software => {
            let size = match cx.memory_is_constant() {
                true => cx.module.memory.as_ref()?.min_pages * u64::from(PAGE_BYTES),
                // A size in bytes is a word.
                false => u64::from(u32::MAX),
            };
            let index = constant.or(faults::on("ends-any").then_some(u64::from(u32::MAX))).unwrap_or(0);
            let is_outside = index + u64::from(offset) + u64::from(bytes) > size;
            is_outside.then_some(TrapKind::OutOfBoundsMemory)
        }
        _ => None,
    }
}
