//! Loop-invariant code motion: what a loop computes anew from words that it does not change is computed before it.
//!
//! Before: `b1(v1): v3 = mul v2, v4; …; jump b1(v5)`. After: `v3 = mul v2, v4; jump b1(v0)` and `b1(v1): …`. It stands after the
//! redundant checks are gone. Only operations that neither trap nor see memory move, and reads of globals that the loop does not
//! write; loads stay below their checks. Cheap operations stay where they are, because a register across the loop costs more, and
//! so do words that are only compared: a guard's condition stays beside what it guards.
//!
//! Obligation: refinement; at every cut point in or below the loop the witness says that the moved value is the operation applied to
//! the old operands.

use crate::cfg::{self, Dominators};
use crate::faults;
use crate::loops::{Loop, loops};
use crate::pass::{Cx, Fact, Form, Said, rely, witness};
use crate::prune::{Known, known_values, word_location};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::smallvec;
use std::collections::BTreeSet;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Func, Inst, Op, Terminator, Value, Values};
use synth_validator::witness::{Loc, Witness};

/// Moves at most this many values out of one loop: each takes a register there.
const MOVED_MAX: usize = 4;

/// Moves invariant operations; nothing if there are none.
pub fn licm(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let dominators = Dominators::new(func);
    let loops = loops(func, &dominators);
    if loops.is_empty() && !faults::any() {
        return None;
    }
    let mut mover = Mover::new(func);
    loops.iter().for_each(|l| mover.move_out(l));
    if faults::on("licm-assignment-above-dispatch") {
        mover.above_dispatch(|op| matches!(op, Op::Store { .. } | Op::GlobalSet { .. }));
    }
    if faults::on("licm-trap-above-guard") {
        mover.above_dispatch(|op| matches!(op, Op::TrapIf(_)));
    }
    if !mover.changed {
        return None;
    }
    let mut witness = witness(&mover.new, |b| u64::from(b.0), Some)?;
    mover.state(&mut witness, &dominators);
    Some((mover.new, witness).into())
}

/// What was moved, and where it stood first.
struct Moved {
    fact: Fact,
    block: Block,
}

/// By value: whether something else than a comparison uses it.
fn used(func: &Func) -> Vec<bool> {
    let mut used = vec![false; func.values.len()];
    let mut mark = |values: &[Value]| values.iter().for_each(|v| used[v.0 as usize] = true);
    for block in &func.blocks {
        let computing = block.insts.iter().filter(|i| !matches!(i.op, Op::Cmp(_) | Op::CmpPair(_) | Op::TrapIf(_)));
        computing.for_each(|i| mark(&i.args));
        cfg::edges(&block.end).iter().for_each(|e| mark(&e.args));
        if let Terminator::Return(values) = &block.end {
            mark(values);
        }
    }
    used
}

struct Mover {
    new: Func,
    known: Vec<Option<Known>>,
    /// By value of the old form: whether something else than a comparison uses it. What moves takes its uses along.
    used: Vec<bool>,
    moved: FxHashMap<Value, Moved>,
    changed: bool,
}

impl Mover {
    fn new(func: &Func) -> Mover {
        let (new, known, used) = (func.clone(), known_values(func), used(func));
        Mover { new, known, used, moved: FxHashMap::default(), changed: false }
    }
    fn constant(&self, v: Value) -> Option<u32> {
        match self.known[v.0 as usize] {
            Some(Known::Const(_, k)) => Some(k as u32),
            _ => None,
        }
    }

    /// Whether an operation may move, given what the loop does to the world.
    fn may_move(&self, inst: &Inst, written: &Written) -> bool {
        match &inst.op {
            Op::Bin(op) => {
                let costly = matches!(op, BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi | BinOp::UDiv | BinOp::SDiv);
                costly || inst.args.iter().all(|a| self.known[a.0 as usize].is_none())
            }
            Op::Un(_) | Op::Select => true,
            Op::GlobalGet { cell } => {
                let kept = !written.calls && !written.cells.contains(cell);
                inst.results.len() == 1 && (kept || faults::on("licm-written-global"))
            }
            Op::Load { .. } => faults::on("licm-load-above-guard"),
            _ => false,
        }
    }

    /// Moves what a loop does not change to the block before it.
    fn move_out(&mut self, l: &Loop) {
        let [before] = l.entries[..] else { return };
        if !matches!(self.new.blocks[before.0 as usize].end, Terminator::Jump(_)) {
            return;
        }
        let written = Written::of(&self.new, l);
        // By value: whether the loop makes it.
        let mut inside = vec![false; self.new.values.len()];
        for b in &l.blocks {
            let data = &self.new.blocks[b.0 as usize];
            let made = data.params.iter().chain(data.insts.iter().flat_map(|i| &i.results));
            made.for_each(|v| inside[v.0 as usize] = true);
        }
        let mut count = 0;
        for b in &l.blocks {
            let insts = std::mem::take(&mut self.new.blocks[b.0 as usize].insts);
            let mut stay = Vec::with_capacity(insts.len());
            for mut inst in insts {
                self.substitute_entry(&mut inst, l.header, before);
                let invariant = inst.args.iter().all(|a| !inside[a.0 as usize] || self.known[a.0 as usize].is_some());
                let from_before =
                    inst.args.iter().all(|a| self.constant(*a).is_some() || self.known[a.0 as usize].is_none());
                // Only constants are new, and they do not move.
                let wanted = inst.results.iter().any(|r| self.used.get(r.0 as usize) == Some(&true));
                if count == MOVED_MAX || !wanted || !invariant || !from_before || !self.may_move(&inst, &written) {
                    stay.push(inst);
                    continue;
                }
                count += 1;
                inside[inst.results[0].0 as usize] = false;
                self.hoist(inst, *b, before);
            }
            self.new.blocks[b.0 as usize].insts = stay;
        }
    }

    /// The fault: a product of what the loop changes is taken for that of its first iteration.
    fn substitute_entry(&self, inst: &mut Inst, header: Block, before: Block) {
        let Terminator::Jump(edge) = &self.new.blocks[before.0 as usize].end else { return };
        if !faults::on("licm-variant") || !matches!(inst.op, Op::Bin(BinOp::Mul)) {
            return;
        }
        let params = &self.new.blocks[header.0 as usize].params;
        for arg in &mut inst.args {
            if let Some(at) = params.iter().position(|p| p == arg) {
                *arg = edge.args[at];
            }
        }
    }

    /// Appends an instruction to a block, with constants made there.
    fn hoist(&mut self, mut inst: Inst, from: Block, before: Block) {
        let args = inst.args.iter().map(|a| word_location(&self.known, *a)).collect();
        let fact = Fact { op: inst.op.clone(), args, results: vec![Loc::Value(inst.results[0], 0)] };
        // Out of several loops: the old form computes it where it stood first.
        self.moved.entry(inst.results[0]).or_insert(Moved { fact, block: from });
        for arg in &mut inst.args {
            if let Some(k) = self.known[arg.0 as usize] {
                let v = self.new.value(synth_validator::ir::Type::I32);
                self.known.push(Some(k));
                let made = Inst { op: k.op(), args: Values::new(), results: smallvec![v], origin: inst.origin };
                self.new.blocks[before.0 as usize].insts.push(made);
                *arg = v;
            }
        }
        self.new.blocks[before.0 as usize].insts.push(inst);
        self.changed = true;
    }

    /// States at each cut the moved values that the new form holds there, and those that they are computed from.
    fn state(&self, witness: &mut Witness, dominators: &Dominators) {
        let order = cfg::reverse_postorder(&self.new);
        let results = order.iter().flat_map(|b| &self.new.blocks[b.0 as usize].insts).flat_map(|i| &i.results);
        let moved: Vec<&Moved> = results.filter_map(|r| self.moved.get(r)).collect();
        let number: FxHashMap<Loc, usize> = (0..).map_while(|i| Some((moved.get(i)?.fact.results[0], i))).collect();
        for cut in &mut witness.cuts {
            let block = Block(cut.right as u32);
            let mut needed = BTreeSet::new();
            let mut open: Vec<usize> = cut.equal.iter().filter_map(|(_, new)| number.get(new).copied()).collect();
            while let Some(i) = open.pop() {
                if needed.insert(i) {
                    open.extend(moved[i].fact.args.iter().filter_map(|a| number.get(a)));
                }
            }
            let said = |m: &Moved| match m.block != block && dominators.dominates(m.block, block) {
                true => Said::Held,
                false => Said::Computed,
            };
            rely(cut, needed.into_iter().map(|i| (&moved[i].fact, said(moved[i]))));
        }
    }

    /// The faults: moves the first wanted effect of a target with one incoming edge above the decision.
    fn above_dispatch(&mut self, wanted: impl Fn(&Op) -> bool) {
        let preds = cfg::predecessors(&self.new);
        for b in 0..self.new.blocks.len() {
            let [pred] = preds[b][..] else { continue };
            let decides =
                matches!(self.new.blocks[pred.0 as usize].end, Terminator::Switch(..) | Terminator::Branch(..));
            let here: FxHashSet<Value> = self.new.blocks[b].params.iter().copied().collect();
            let Some(at) = self.new.blocks[b].insts.iter().position(|i| wanted(&i.op)) else { continue };
            // What it needs moves with it, as far as it stands in the same block.
            let group: Vec<Inst> = self.new.blocks[b].insts[..=at].to_vec();
            if !decides || group.iter().flat_map(|i| &i.args).any(|a| here.contains(a)) {
                continue;
            }
            self.new.blocks[b].insts.drain(..=at);
            self.new.blocks[pred.0 as usize].insts.extend(group);
            self.changed = true;
        }
    }
}

/// What a loop changes.
struct Written {
    calls: bool,
    cells: FxHashSet<u32>,
}

impl Written {
    fn of(func: &Func, l: &Loop) -> Written {
        let mut written = Written { calls: false, cells: FxHashSet::default() };
        for inst in l.blocks.iter().flat_map(|b| &func.blocks[b.0 as usize].insts) {
            match inst.op {
                Op::Call { .. } | Op::CallIndirect { .. } => written.calls = true,
                // A write of two words.
                Op::GlobalSet { cell } => written.cells.extend([cell, cell + 1]),
                _ => {}
            }
        }
        written
    }
}
