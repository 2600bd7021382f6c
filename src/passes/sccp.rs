//! Sparse conditional constant propagation: what is constant on all paths that can be taken is computed now.
//!
//! Before: `b0: v1 = const 1; jump b1(v1)`, `b1(v2): branch v2, b2(), b3()`, `b3: jump b1(v2)`. After: `b1: jump b2()`. Constants
//! pass through block parameters, decisions on them leave edges out, and what only those edges bring does not count; also what a
//! decision says of its operands below its edges: a word compared equal with a constant, the index of a dispatch. It stands behind
//! cleaning, which sees one block at a time.
//!
//! Obligation: refinement; at every cut point the witness says which old words are constants, besides those that are as before.
//! Source: Wegman, Zadeck, Constant Propagation with Conditional Branches, 1991.

mod beliefs;
mod solve;

use crate::cfg;
use crate::faults;
use crate::liveness::{LIVE_MAX, live_in};
use crate::pass::{Cx, Fact, Form, Said, rely, replaced};
use crate::prune::{self, Known};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::smallvec;
use solve::Solution;
use synth_validator::ir::{Block, Cond, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::witness::{Loc, Witness};

/// Propagates constants; nothing if none is found.
pub fn sccp(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let solution = Solution::new(func);
    if !solution.is_news() {
        return None;
    }
    let mut new = func.clone();
    let mut writer = Writer { solution: &solution, made: FxHashMap::default(), new: &mut new };
    for block in cfg::reverse_postorder(func) {
        if solution.reaches(block) {
            writer.block(block);
        }
    }
    prune::remove_dead(&mut new);
    let mut witness = replaced((func, &new), |b| b, &[], |b, v| (solution.at_start(b, v), v))?;
    state_compares(func, &mut witness)?;
    Some((new, witness).into())
}

/// Says at cut points what was compared for decisions behind them: they tell what the compared word is, which the old form still reads.
fn state_compares(func: &Func, witness: &mut Witness) -> Option<()> {
    let known = prune::known_values(func);
    let mut compares: FxHashMap<Value, (Block, &Inst)> = FxHashMap::default();
    for (b, data) in (0..).map(Block).zip(&func.blocks) {
        let of_constant = |i: &&Inst| i.args.iter().filter(|v| known[v.0 as usize].is_some()).count() == 1;
        let equations = data.insts.iter().filter(|i| matches!(i.op, Op::Cmp(Cond::Eq | Cond::Ne)));
        compares.extend(equations.filter(of_constant).map(|i| (i.results[0], (b, i))));
    }
    let (mut facts, mut stated): (Vec<(Value, Fact)>, FxHashSet<Value>) = Default::default();
    for (b, data) in (0..).map(Block).zip(&func.blocks) {
        let traps = data.insts.iter().filter(|i| matches!(i.op, Op::TrapIf(_))).map(|i| i.args[0]);
        let branch = if let Terminator::Branch(c, ..) = &data.end { Some(*c) } else { None };
        for c in traps.chain(branch) {
            let Some((_, compare)) = compares.get(&c).filter(|(place, _)| *place != b) else { continue };
            let operand =
                compare.args.iter().find(|v| known[v.0 as usize].is_none()).expect("invariant: one is no constant");
            let args = compare.args.iter().map(|v| prune::word_location(&known, *v)).collect();
            if stated.insert(c) {
                facts.push((*operand, Fact { op: compare.op.clone(), args, results: vec![Loc::Value(c, 0)] }));
            }
        }
    }
    if facts.is_empty() {
        return Some(());
    }
    let live = live_in(func, LIVE_MAX)?;
    for cut in &mut witness.cuts {
        let words = &live[cut.left as usize];
        let is_held = |f: &Fact| cut.equal.contains(&(f.results[0], f.results[0]));
        let here = facts.iter().filter(|(operand, f)| words.binary_search(operand).is_ok() && is_held(f));
        let here: Vec<(&Fact, Said)> = here.map(|(_, f)| (f, Said::Held)).collect();
        rely(cut, here);
    }
    Some(())
}

/// Writes the new form block by block, constants made anew where they are used.
struct Writer<'a> {
    solution: &'a Solution<'a>,
    new: &'a mut Func,
    /// Values of the current block that are constants.
    made: FxHashMap<Known, Value>,
}

impl Writer<'_> {
    fn block(&mut self, block: Block) {
        self.made.clear();
        let data = &mut self.new.blocks[block.0 as usize];
        let (old, origin) = (std::mem::take(&mut data.insts), data.end_origin);
        let mut end = data.end.clone();
        let mut insts = Vec::with_capacity(old.len());
        for (at, mut inst) in old.into_iter().enumerate() {
            let results = inst.results.iter();
            if prune::is_pure(&inst.op) && results.clone().all(|r| self.solution.known(*r).is_some()) {
                continue;
            }
            if let (Op::TrapIf(kind), Some(holds)) = (&inst.op, self.decided((block, at), inst.args.first())) {
                if holds && !faults::on("sccp-trap") {
                    end = Terminator::Trap(*kind);
                    break;
                }
                continue;
            }
            let origin = inst.origin;
            inst.args.iter_mut().for_each(|v| self.place((block, at), v, origin, &mut insts));
            insts.push(inst);
        }
        let at = self.solution.func.blocks[block.0 as usize].insts.len();
        if let Some(edge) = self.only_edge((block, at), &end) {
            end = Terminator::Jump(edge);
        }
        cfg::operands_mut(&mut end).iter_mut().for_each(|v| self.place((block, at), v, origin, &mut insts));
        let args = cfg::edges_mut(&mut end).into_iter().flat_map(|e| &mut e.args);
        args.for_each(|v| self.place((block, at), v, origin, &mut insts));
        let data = &mut self.new.blocks[block.0 as usize];
        (data.insts, data.end) = (insts, end);
    }

    /// Whether a condition is known to hold, or not to.
    fn decided(&self, at: (Block, usize), condition: Option<&Value>) -> Option<bool> {
        solve::constant(self.solution.at(at, *condition?)).map(|k| k != 0)
    }
    /// The edge that is always taken, if a decision is made.
    fn only_edge(&self, at: (Block, usize), end: &Terminator) -> Option<Edge> {
        let (Terminator::Branch(c, ..) | Terminator::Switch(c, ..)) = end else { return None };
        solve::taken(end, solve::constant(self.solution.at(at, *c))?).cloned()
    }
    /// Puts a constant made in this block in the place of an operand that is known.
    fn place(&mut self, at: (Block, usize), v: &mut Value, origin: u32, insts: &mut Vec<Inst>) {
        let Some(known) = self.solution.at(at, *v) else { return };
        *v = *self.made.entry(known).or_insert_with(|| {
            let made = self.new.value(if let Known::Const(ty, _) = known { ty } else { Type::I32 });
            insts.push(Inst { op: known.op(), args: Values::new(), results: smallvec![made], origin });
            made
        });
    }
}
