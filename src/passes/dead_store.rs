//! Removal of stores, and writes of globals, that others replace before anybody can see them.
//!
//! Before: `store.word +4 v0, v1; store.word +8 v0, v2; store.word +4 v0, v3`. After: the first one is gone. It stands after
//! forwarding, which removes loads that would see a store, and after the checks that are not needed are gone, which would as well. Calls,
//! traps, returns and cut points see everything, so the store that replaces another stands in the same block, or in one that is
//! reached from there only and always.
//!
//! Obligation: refinement; nothing is relied upon. Where a store with another base stands between, the first one stays: that memory is
//! the same in the end would take a solver.

use crate::alias::{Effect, Place, Places};
use crate::cfg;
use crate::faults;
use crate::ir_facts::Cuts;
use crate::pass::{Cx, Form, witness};
use rustc_hash::FxHashSet;
use synth_validator::ir::{Func, Inst, Op, Terminator, Value};

/// Removes dead stores; nothing if there are none.
pub fn dead_store(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let writes = |i: &Inst| matches!(i.op, Op::Store { .. } | Op::Store64 { .. } | Op::GlobalSet { .. });
    if !func.blocks.iter().any(|b| b.insts.iter().filter(|i| writes(i)).nth(1).is_some()) {
        return None;
    }
    let (places, points) = (Places::new(func), Cuts::of(func));
    // By block: what is written from its start on before anybody looks.
    let mut replaced: Vec<Vec<Place>> = vec![Vec::new(); func.blocks.len()];
    let mut dead = FxHashSet::default();
    for block in cfg::reverse_postorder(func).into_iter().rev() {
        let data = &func.blocks[block.0 as usize];
        let mut later = match &data.end {
            Terminator::Jump(edge) if !points.is_cut(edge.block.0) => replaced[edge.block.0 as usize].clone(),
            _ => Vec::new(),
        };
        for (i, inst) in data.insts.iter().enumerate().rev() {
            if is_replaced(places.effect(inst), &mut later) {
                dead.insert((block.0 as usize, i));
            }
        }
        replaced[block.0 as usize] = later;
    }
    if dead.is_empty() {
        return None;
    }
    let mut new = func.clone();
    for (b, block) in new.blocks.iter_mut().enumerate() {
        let mut number = 0..;
        block.insts.retain(|_| !dead.contains(&(b, number.next().expect("invariant: endless"))));
    }
    let witness = witness(&new, |b| u64::from(b.0), Some)?;
    Some((new, witness).into())
}

/// Whether an instruction writes what is written again `later`, where the instruction is taken in then.
fn is_replaced(effect: Effect, later: &mut Vec<Place>) -> bool {
    match effect {
        Effect::Write(place) => {
            let is_narrow = |p: &Place| faults::on("dead_store-narrow") && p.may_overlap(place);
            if later.iter().any(|p| p.covers(place) && begins(*p) == begins(place) || is_narrow(p)) {
                return true;
            }
            later.retain(|p| p.is_memory() != place.is_memory() || begins(*p).0 == begins(place).0);
            later.push(place);
        }
        Effect::Read(place) if !faults::on("dead_store-read") => later.retain(|p| !p.may_overlap(place)),
        Effect::Trap if !faults::on("dead_store-trap") => later.clear(),
        Effect::Memory => later.retain(|p| !p.is_memory()),
        Effect::Call if !faults::on("dead_store-call") => later.clear(),
        Effect::Read(_) | Effect::Trap | Effect::Call | Effect::None => {}
    }
    false
}

/// The base and the offset of a place; cells have no base.
fn begins(place: Place) -> (Option<Value>, u32) {
    match place {
        Place::Memory { base, offset, .. } => (base, offset),
        Place::Cells { first, .. } => (None, first),
    }
}
