//! Who calls whom, and which functions an object needs.

use crate::cfg;
use crate::module::{ExportKind, Module};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use synth_validator::claim::Stage;
use synth_validator::ir::{Func, Op};

/// The functions that others than the module's functions may call: exports, the start function, entries of tables.
pub fn roots(module: &Module) -> BTreeSet<u32> {
    let exported = module.exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.index);
    let entries = module.elements.iter().flat_map(|e| &e.funcs).flatten().copied();
    exported.chain(entries).chain(module.start).collect()
}

/// The functions that a function calls directly, in order, with the module offset of each call.
pub fn calls(func: &Func) -> impl Iterator<Item = (u32, u32)> {
    func.blocks.iter().flat_map(|b| &b.insts).filter_map(|inst| match inst.op {
        Op::Call { func } => Some((func, inst.origin)),
        _ => None,
    })
}

/// Calls of each function in the last forms.
pub fn counts(forms: &[Vec<Stage>]) -> FxHashMap<u32, u32> {
    let mut counts = FxHashMap::default();
    for (callee, _) in forms.iter().filter_map(|f| f.last()).flat_map(|stage| calls(&stage.func)) {
        *counts.entry(callee).or_default() += 1;
    }
    counts
}

/// Numbers of the parameters that functions do not use in their last forms, for functions that have any.
pub fn unused_params(forms: &[Vec<Stage>]) -> FxHashMap<u32, Vec<usize>> {
    let funcs = forms.iter().filter_map(|f| f.last()).map(|stage| &stage.func);
    funcs.map(|func| (func.index, unused(func))).filter(|(_, unused)| !unused.is_empty()).collect()
}

fn unused(func: &Func) -> Vec<usize> {
    let params = func.blocks.first().map_or(&[][..], |b| &b.params);
    if params.is_empty() {
        return Vec::new();
    }
    let mut used = vec![false; func.values.len()];
    for block in &func.blocks {
        let args = block.insts.iter().flat_map(|i| &i.args).chain(cfg::operands(&block.end));
        let edges = cfg::edges(&block.end).into_iter().flat_map(|e| &e.args);
        args.chain(edges).for_each(|v| used[v.0 as usize] = true);
    }
    (0..params.len()).filter(|i| !used[params[*i].0 as usize]).collect()
}

/// The functions that the roots reach through calls, imports included. `form` gives the last form of a defined function.
pub fn reachable<'f>(module: &Module, form: impl Fn(u32) -> Option<&'f Func>) -> BTreeSet<u32> {
    let mut reached = roots(module);
    let mut open: Vec<u32> = reached.iter().copied().collect();
    while let Some(func) = open.pop() {
        for (callee, _) in form(func).into_iter().flat_map(calls) {
            if reached.insert(callee) {
                open.push(callee);
            }
        }
    }
    reached
}
