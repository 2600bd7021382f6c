//! A function in operators: what is dead is removed, long constants are held in locals.
//!
//! A constant takes up to 11 bytes at each use, a local 2; which constants lie in locals from the start of the function is decided by
//! the bytes that it saves.

use super::encode;
use super::op::{Effects, WasmOp};
use crate::cfg;
use rustc_hash::FxHashMap;
use synth_validator::ir::{Func, Type, Value, Values};
use synth_validator::witness::Loc;

/// An operator with its operands and results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmInst {
    /// The operator.
    pub op: WasmOp,
    /// Operands in the order of the stack.
    pub args: Values,
    /// Results in the order of the stack.
    pub results: Values,
}

impl WasmInst {
    /// What the operator reads, changes and may do.
    pub fn effects(&self) -> Effects {
        self.op.effects()
    }
}

/// A function in operators.
#[derive(Clone, Debug)]
pub struct WasmFunc {
    /// Blocks with parameters and ends, without instructions.
    pub shape: Func,
    /// Instructions by block.
    pub insts: Vec<Vec<WasmInst>>,
    /// Constants that lie in locals from the start, because they are long and used often.
    pub held: Vec<(Value, WasmOp)>,
}

impl WasmFunc {
    /// Removes operators without effect whose results are unused, and parameters that nothing depends on.
    pub(super) fn remove_dead(&mut self) {
        let live = self.needed();
        let mut kept: Vec<Vec<bool>> = Vec::new();
        for (i, block) in self.shape.blocks.iter().enumerate() {
            kept.push(block.params.iter().map(|p| i == 0 || live[p.0 as usize]).collect());
        }
        for (block, insts) in self.shape.blocks.iter_mut().zip(&mut self.insts) {
            insts.retain(|i| !i.effects().is_removable() || i.results.iter().any(|r| live[r.0 as usize]));
            for edge in cfg::edges_mut(&mut block.end) {
                let mut keep = kept[edge.block.0 as usize].iter();
                edge.args.retain(|_| *keep.next().expect("invariant: one argument for each parameter"));
            }
        }
        for (block, kept) in self.shape.blocks.iter_mut().zip(kept) {
            let mut keep = kept.iter();
            block.params.retain(|_| *keep.next().expect("invariant: one for each parameter"));
        }
    }

    /// The word that a value is, if it is a constant held in a local.
    pub(super) fn held_word(&self, v: Value, half: u32) -> Option<Loc> {
        let (_, op) = self.held.iter().find(|(h, _)| *h == v)?;
        match op {
            WasmOp::Const32(k) => Some(Loc::Const(*k)),
            WasmOp::Const64(k) => Some(Loc::Const((*k >> (32 * half)) as u32)),
            _ => None,
        }
    }

    /// Gives long constants that are used often one value for the function.
    pub(super) fn hold_constants(&mut self) {
        let mut uses: FxHashMap<Value, usize> = FxHashMap::default();
        let order = cfg::reverse_postorder(&self.shape);
        for block in &order {
            let end = &self.shape.blocks[block.0 as usize].end;
            let edges = cfg::edges(end);
            let args = self.insts[block.0 as usize].iter().flat_map(|i| &i.args);
            let all = args.chain(edges.iter().flat_map(|e| &e.args)).chain(cfg::operands(end));
            all.for_each(|v| *uses.entry(*v).or_default() += 1);
        }
        // In the order of first appearance, so that the choice repeats.
        let mut counts: Vec<(WasmOp, usize)> = Vec::new();
        let constants = |s: &Self| -> Vec<(Value, WasmOp)> {
            let insts = order.iter().flat_map(|b| &s.insts[b.0 as usize]).filter(|i| i.op.is_constant());
            insts.map(|i| (i.results[0], i.op.clone())).collect()
        };
        let constants = constants(self);
        for (v, op) in &constants {
            let more = uses.get(v).copied().unwrap_or(0);
            match counts.iter_mut().find(|(known, _)| known == op) {
                Some((_, count)) => *count += more,
                None => counts.push((op.clone(), more)),
            }
        }
        let mut instead: FxHashMap<Value, Value> = FxHashMap::default();
        for (op, count) in counts {
            let bytes = encode::operator_bytes(&op);
            // A local takes up to 2 bytes to declare, 2 to set and 2 at each use.
            if count * bytes <= bytes + 4 + 2 * count {
                continue;
            }
            let ty = if matches!(op, WasmOp::Const64(_)) { Type::I64 } else { Type::I32 };
            let held = self.shape.value(ty);
            instead.extend(constants.iter().filter(|(_, k)| *k == op).map(|(v, _)| (*v, held)));
            self.held.push((held, op));
        }
        let rename = |v: &mut Value| *v = instead.get(v).copied().unwrap_or(*v);
        for (block, insts) in self.shape.blocks.iter_mut().zip(&mut self.insts) {
            insts.iter_mut().flat_map(|i| &mut i.args).for_each(rename);
            cfg::operands_mut(&mut block.end).iter_mut().for_each(rename);
            cfg::edges_mut(&mut block.end).into_iter().flat_map(|e| &mut e.args).for_each(rename);
        }
    }

    fn needed(&self) -> Vec<bool> {
        let mut sources: Vec<Vec<Value>> = vec![Vec::new(); self.shape.values.len()];
        let mut open: Vec<Value> = Vec::new();
        for block in cfg::reverse_postorder(&self.shape) {
            for inst in &self.insts[block.0 as usize] {
                if inst.effects().is_removable() {
                    inst.results.iter().for_each(|r| sources[r.0 as usize].extend(&inst.args));
                } else {
                    open.extend(&inst.args);
                }
            }
            let end = &self.shape.blocks[block.0 as usize].end;
            open.extend(cfg::operands(end));
            for edge in cfg::edges(end) {
                let params = &self.shape.blocks[edge.block.0 as usize].params;
                params.iter().zip(&edge.args).for_each(|(p, a)| sources[p.0 as usize].push(*a));
            }
        }
        let mut live = vec![false; self.shape.values.len()];
        while let Some(v) = open.pop() {
            if !std::mem::replace(&mut live[v.0 as usize], true) {
                open.extend(&sources[v.0 as usize]);
            }
        }
        live
    }
}
