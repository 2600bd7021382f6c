//! Blocks end at the first trap that is always taken, so that no code stands behind it.
//!
//! Before: `b0: v1 = const 0x20000; check v1 + 0, 4; v2 = load v1; jump b1()`. After: `b0: trap out-of-bounds-memory`. It stands last, because
//! other passes find constants, and it runs at every level: code that nothing reaches is neither code nor data to the validator.
//!
//! Obligation: refinement; every word at a cut point is as before.

use crate::faults;
use crate::pass::{Cx, Form, witness};
use crate::prune::{self, Known};
use synth_validator::contract::{Bounds, PAGE_BYTES};
use synth_validator::ir::{BlockData, Func, Inst, Op, Terminator};
use synth_validator::trap::TrapKind;

/// Ends blocks at certain traps; nothing if there are none.
pub fn ends(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let known = prune::known_values(func);
    let certain =
        |block: &BlockData| block.insts.iter().enumerate().find_map(|(at, inst)| Some((at, trap(inst, &known, cx)?)));
    let traps: Vec<_> = func.blocks.iter().enumerate().filter_map(|(b, block)| Some((b, certain(block)?))).collect();
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
    let witness = witness(&new, |b| u64::from(b.0), Some)?;
    Some((new, witness).into())
}

/// The trap that an instruction always takes.
fn trap(inst: &Inst, known: &[Option<Known>], cx: &Cx<'_>) -> Option<TrapKind> {
    let constant = match known.get(inst.args.first()?.0 as usize)? {
        Some(Known::Const(_, k)) => Some(*k),
        _ => None,
    };
    match inst.op {
        Op::TrapIf(kind) => (constant? != 0).then_some(kind),
        Op::BoundsCheck { offset, bytes } if cx.contract.bounds == Bounds::Software => {
            let size = match cx.memory_is_constant() {
                true => cx.module.memory.as_ref()?.min_pages * u64::from(PAGE_BYTES),
                false => 1 << 32,
            };
            let index = constant.or(faults::on("ends-any").then_some(u64::from(u32::MAX))).unwrap_or(0);
            let is_outside = index + u64::from(offset) + u64::from(bytes) > size;
            is_outside.then_some(TrapKind::OutOfBoundsMemory)
        }
        _ => None,
    }
}
