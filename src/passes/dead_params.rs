//! Arguments that the callee never looks at are not computed.
//!
//! Before: `v3 = load v1 + 8; v4 = mul v3, v2; v5 = call f(v1, v4)`, and `f` does not use its second parameter. After: `v6 = const 0;
//! v5 = call f(v1, v6)`. C has no other way to say that a handler of a common type does not need its context. It stands after
//! inlining and cleaning, which decide what calls remain, and before checks and loops are looked at, which then have less to do. What
//! a callee uses is read from its form before inlining. Calls of imports and through tables keep their arguments: nobody knows
//! what those look at. An argument stays as well if something else needs it, or if it costs nothing.
//!
//! Obligation: refinement, in which the calls need not agree in the words that those forms of the callees do not read. The claim
//! names the forms, and the validator looks for itself.

use crate::faults;
use crate::pass::{Cx, Form, witness};
use crate::prune::{Known, is_pure, needed, remove_dead};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::smallvec;
use std::collections::BTreeSet;
use synth_validator::claim::Ignoring;
use synth_validator::ir::{BlockData, Func, Inst, Op, Type, Value, Values};

/// An argument: block, instruction, number of the operand.
type Place = (usize, usize, usize);

/// Passes 0 for what callees do not look at; nothing if no computation becomes needless.
pub fn dead_params(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    if cx.unused.is_empty() && !faults::any() {
        return None;
    }
    let free = free_values(func);
    let mut places: Vec<Place> = Vec::new();
    for (b, block) in func.blocks.iter().enumerate() {
        for (i, inst) in block.insts.iter().enumerate() {
            let ignored = ignored_operands(&inst.op, inst.args.len(), cx);
            places.extend(ignored.filter(|n| !free.contains(&inst.args[*n])).map(|n| (b, i, n)));
        }
    }
    if places.is_empty() {
        return None;
    }
    let needless = needless(func, &places);
    places.retain(|(b, i, n)| needless.contains(&func.blocks[*b].insts[*i].args[*n]));
    if places.is_empty() {
        return None;
    }
    let mut ignoring = BTreeSet::new();
    for (b, i, _) in &places {
        if let Op::Call { func: callee } = func.blocks[*b].insts[*i].op
            && let Some((stage, _)) = cx.form(callee)
        {
            ignoring.insert(Ignoring { callee, stage });
        }
    }
    let mut new = func.clone();
    pass_zero(&mut new, &places);
    if faults::on("dead_params-effect") {
        remove_calls(&mut new, &needless);
    }
    remove_dead(&mut new);
    let witness = witness(&new, |b| u64::from(b.0), Some)?;
    let ignoring = ignoring.into_iter().collect();
    Some(Form { ignoring, ..(new, witness).into() })
}

/// Values that cost nothing to pass: the function's parameters and constants.
fn free_values(func: &Func) -> FxHashSet<Value> {
    let known = func.blocks.iter().flat_map(|b| &b.insts).filter(|i| Known::of(&i.op).is_some());
    let params = func.blocks.first().into_iter().flat_map(|b| &b.params);
    params.chain(known.flat_map(|i| &i.results)).copied().collect()
}

/// Numbers of the operands that the function called does not look at.
fn ignored_operands<'a>(op: &Op, count: usize, cx: &'a Cx<'_>) -> impl Iterator<Item = usize> + use<'a> {
    let last = |is_fault: bool| is_fault.then_some(count.checked_sub(1)).flatten();
    let (unused, wrong) = match op {
        Op::Call { func } => {
            let is_import = *func < cx.module.imported_functions();
            let all = !is_import && faults::on("dead_params-used");
            let wrong = if all { 0..count } else { 0..0 };
            let import = last(is_import && faults::on("dead_params-import"));
            (cx.unused.get(func), wrong.chain(import))
        }
        Op::CallIndirect { .. } => (None, (0..0).chain(last(count > 1 && faults::on("dead_params-table")))),
        _ => (None, (0..0).chain(None)),
    };
    unused.into_iter().flatten().copied().chain(wrong)
}

/// The values at these places on which nothing depends besides, and whose computation goes once nothing does.
fn needless(func: &Func, places: &[Place]) -> FxHashSet<Value> {
    let mut without = func.clone();
    pass_zero(&mut without, places);
    let live = needed(&without);
    // Results of what has an effect are computed all the same.
    let effects = func.blocks.iter().flat_map(|b| &b.insts).filter(|i| !is_pure(&i.op));
    let computed: FxHashSet<Value> = match faults::on("dead_params-effect") {
        true => FxHashSet::default(),
        false => effects.flat_map(|i| &i.results).copied().collect(),
    };
    let values = places.iter().map(|(b, i, n)| func.blocks[*b].insts[*i].args[*n]);
    values.filter(|v| !live[v.0 as usize] && !computed.contains(v)).collect()
}

/// Puts 0 in the places, made before each call once for each type.
fn pass_zero(func: &mut Func, places: &[Place]) {
    let mut rest = places.iter().copied().peekable();
    let Func { values, blocks, .. } = func;
    for (b, BlockData { insts, .. }) in blocks.iter_mut().enumerate() {
        if rest.peek().is_none_or(|place| place.0 != b) {
            continue;
        }
        let mut placed = Vec::with_capacity(insts.len() + 1);
        for (i, mut inst) in insts.drain(..).enumerate() {
            let mut zeros: FxHashMap<Type, Value> = FxHashMap::default();
            while let Some((_, _, n)) = rest.next_if(|place| (place.0, place.1) == (b, i)) {
                let ty = values[inst.args[n].0 as usize];
                inst.args[n] = *zeros.entry(ty).or_insert_with(|| {
                    values.push(ty);
                    let zero = Value(values.len() as u32 - 1);
                    let op = if ty == Type::I64 { Op::Const64(0) } else { Op::Const(0) };
                    placed.push(Inst { op, args: Values::new(), results: smallvec![zero], origin: inst.origin });
                    zero
                });
            }
            placed.push(inst);
        }
        *insts = placed;
    }
}

/// The fault of removing calls whose results are among these values.
fn remove_calls(func: &mut Func, values: &FxHashSet<Value>) {
    for block in &mut func.blocks {
        block.insts.retain(|i| !matches!(i.op, Op::Call { .. }) || !i.results.iter().any(|r| values.contains(r)));
    }
}
