//! Value ranges: bounds checks and comparisons whose outcome the intervals of words fix are removed.
//!
//! Before: `b1(v1): v2 = cmp.ltu v1, 64; branch v2, b2, b3` and `b2: v4 = shl v1, 2; check v4 + 1024, 4; v5 = load v4 + 1024`. After:
//! the same without the check. It stands after `checks`, which leaves one check for each index. Intervals come from constants,
//! masks, shifts, narrow loads, remainders and sums that do not wrap, from branches, traps and checks passed, and
//! from what loops do to their parameters.
//!
//! Obligation: refinement; at every cut point the witness says in which interval those words lie on which a removed
//! decision rests.

mod analysis;
mod interval;

use crate::cfg;
use crate::ir_facts::Cuts;
use crate::liveness::{LIVE_MAX, live_in};
use crate::pass::{Cx, Form, witness};
use crate::prune;
use analysis::{Analysis, Place, SUMS_MAX};
use interval::Interval;
use rustc_hash::FxHashMap;
use synth_validator::contract::Bounds;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Cond, Func, Inst, Op, Terminator, Value, Values};
use synth_validator::witness::{Cut, Loc, Step, Word};

/// Something that the ranges fix.
#[derive(Clone, Copy, Debug)]
enum Decision {
    /// The instruction does nothing.
    Remove(Block, usize),
    /// The instruction computes a constant.
    Constant(Block, usize, u32),
    /// The branch goes to its first or second target.
    Branch(Block, bool),
}

/// Removes what the ranges decide; nothing if they decide nothing.
pub fn ranges(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    if !has_decisions(func) {
        return None;
    }
    let mut analysis = Analysis::new(func, cx)?;
    let (mut decisions, mut roots) = (Vec::new(), Vec::new());
    analysis.walk(|a, place| decide(func, cx, a, place, &mut decisions, &mut roots));
    if roots.is_empty() || !analysis.is_settled() {
        return None;
    }
    let needed = needed(func, &analysis, roots);
    let mut new = func.clone();
    apply(&mut new, &decisions);
    prune::remove_dead(&mut new);
    let mut witness = witness(&new, |b| u64::from(b.0), Some)?;
    let live = live_in(func, LIVE_MAX)?;
    let points = Cuts::of(&new);
    let mut stated: FxHashMap<Block, Vec<(Value, Interval)>> = FxHashMap::default();
    analysis.walk(|a, place| {
        let Place::Start(b) = place else { return };
        if points.is_cut(b.0) {
            let here = func.blocks[b.0 as usize].params.iter().chain(&live[b.0 as usize]).copied();
            let informed = here.filter(|v| needed[v.0 as usize] && !a.at(*v).is_full());
            stated.insert(b, informed.map(|v| (v, a.at(v))).collect());
        }
    });
    for cut in &mut witness.cuts {
        for (v, interval) in stated.remove(&Block(cut.right as u32)).unwrap_or_default() {
            state(cut, v, interval);
        }
    }
    Some((new, witness).into())
}

/// Whether there is something that could be decided.
fn has_decisions(func: &Func) -> bool {
    let decides = |op: &Op| matches!(op, Op::BoundsCheck { .. } | Op::TrapIf(_) | Op::Cmp(_));
    func.blocks.iter().any(|b| b.insts.iter().any(|i| decides(&i.op)))
}

/// Says what is decided at a place. Roots are the words that the decision rests on.
fn decide(
    func: &Func,
    cx: &Cx<'_>,
    a: &Analysis<'_>,
    place: Place,
    decisions: &mut Vec<Decision>,
    roots: &mut Vec<Value>,
) {
    let (block, at) = match place {
        Place::Start(_) => return,
        Place::Inst(block, at) => (block, at),
        Place::End(block) => {
            if let Terminator::Branch(c, ..) = func.blocks[block.0 as usize].end {
                let condition = a.anew(c);
                if condition.greatest == 0 || condition.least > 0 {
                    decisions.push(Decision::Branch(block, condition.least > 0));
                    roots.push(c);
                }
            }
            return;
        }
    };
    let inst = &func.blocks[block.0 as usize].insts[at];
    match inst.op {
        Op::BoundsCheck { offset, bytes } if cx.contract.bounds == Bounds::Software => {
            let end = u64::from(offset) + u64::from(bytes);
            let index = a.anew(inst.args[0]);
            if u64::from(index.greatest) + end > u64::from(a.size().least) {
                return;
            }
            decisions.push(Decision::Remove(block, at));
            // A check of a constant against a constant size costs nothing: alone it is no reason for another form.
            if a.constant(inst.args[0]).is_none() || !a.is_fixed {
                roots.push(inst.args[0]);
            }
        }
        Op::TrapIf(_) if a.anew(inst.args[0]).greatest == 0 => {
            decisions.push(Decision::Remove(block, at));
            roots.push(inst.args[0]);
        }
        Op::Cmp(_) => {
            if let Some(k) = outcome(a, inst) {
                decisions.push(Decision::Constant(block, at, k));
                roots.extend(&inst.args);
            }
        }
        _ => {}
    }
}

/// The outcome of a comparison about to be made.
fn outcome(a: &Analysis<'_>, inst: &Inst) -> Option<u32> {
    let Op::Cmp(cond) = inst.op else { return None };
    interval::compare(cond, a.anew(inst.args[0]), a.anew(inst.args[1])).map(u32::from)
}

/// By value: whether a decision rests on its interval.
fn needed(func: &Func, a: &Analysis<'_>, roots: Vec<Value>) -> Vec<bool> {
    // What bounds a value besides what defines it: arguments of edges, and words that it is compared with.
    let mut sources: FxHashMap<Value, Vec<Value>> = FxHashMap::default();
    for block in &func.blocks {
        for edge in cfg::edges(&block.end) {
            for (param, arg) in func.blocks[edge.block.0 as usize].params.iter().zip(&edge.args) {
                sources.entry(*param).or_default().push(*arg);
            }
        }
        for inst in block.insts.iter().filter(|i| matches!(i.op, Op::Cmp(_))) {
            for (v, other) in [(inst.args[0], inst.args[1]), (inst.args[1], inst.args[0])] {
                if a.constant(other).is_some() {
                    continue;
                }
                sources.entry(v).or_default().push(other);
                // A bound of a sum with a constant is one of what the constant was added to.
                let mut sum = v;
                for _ in 0..SUMS_MAX {
                    let Some(Inst { op: Op::Bin(BinOp::Add | BinOp::Sub), args, .. }) = a.definition(sum) else {
                        break;
                    };
                    sum = args[0];
                    sources.entry(sum).or_default().push(other);
                }
            }
        }
    }
    let mut needed = vec![false; func.values.len()];
    let mut open = roots;
    while let Some(v) = open.pop() {
        if !a.informed[v.0 as usize] || std::mem::replace(&mut needed[v.0 as usize], true) {
            continue;
        }
        open.extend(a.definition(v).into_iter().flat_map(|d| &d.args));
        open.extend(sources.get(&v).into_iter().flatten());
    }
    needed
}

fn apply(func: &mut Func, decisions: &[Decision]) {
    // Later instructions first: numbers of earlier ones stay.
    for decision in decisions.iter().rev() {
        match *decision {
            Decision::Remove(b, at) => {
                func.blocks[b.0 as usize].insts.remove(at);
            }
            Decision::Constant(b, at, k) => {
                let inst = &mut func.blocks[b.0 as usize].insts[at];
                (inst.op, inst.args) = (Op::Const(k), Values::new());
            }
            Decision::Branch(b, truth) => {
                let end = &mut func.blocks[b.0 as usize].end;
                if let Terminator::Branch(_, yes, no) = end {
                    let edge = if truth { yes } else { no };
                    *end = Terminator::Jump(edge.clone());
                }
            }
        }
    }
}

/// Says at a cut in which interval a word lies.
fn state(cut: &mut Cut, v: Value, Interval { least, greatest }: Interval) {
    let mut step = |op, args| {
        cut.steps.push(Step { op, args, defines: None });
        Word::Step(cut.steps.len() as u32 - 1, 0)
    };
    let [word, least, extent] = [Word::Loc(Loc::Value(v, 0)), constant(least), constant(greatest - least)];
    let above = step(Op::Bin(BinOp::Sub), vec![word, least]);
    let inside = step(Op::Cmp(Cond::LeU), vec![above, extent]);
    cut.holds.push(inside);
}

fn constant(k: u32) -> Word {
    Word::Loc(Loc::Const(k))
}
