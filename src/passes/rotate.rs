//! Loop rotation: a loop that tests at its top gets a guard before it and tests at its bottom.
//!
//! Before: `b1(v1): v2 = cmp.geu v1, v0; branch v2, b3, b2` and `b2: …; jump b1(v5)`. After: `b1` is passed once,
//! `b4: jump b2(v1)` and `b2(v1'): …; v2' = cmp.geu v5, v0; branch v2', b3, b2(v5)`, where `b1` leads to `b4` now. An iteration
//! takes one branch and not two. It stands before code motion, which moves what it finds in the loop to `b4`, below the
//! guard. Only headers of few instructions are rotated, and none where small code is wanted, because their test is there twice.
//!
//! Obligation: refinement; the body's start is a cut point, reached from guard and latch, where each new parameter equals the word of
//! the old header that it stands for.

use crate::cfg::{self, Dominators, Few};
use crate::evaluate::negated;
use crate::faults;
use crate::liveness::{LIVE_MAX, live_in};
use crate::loops::{Loop, loops};
use crate::pass::{Cx, Form, Level, witness};
use crate::prune::{self, is_pure};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use synth_validator::ir::{Block, BlockData, Edge, Func, Inst, Op, Terminator, Value, Values};
use synth_validator::witness::Loc;

/// Instructions of a header, constants not counted, that may be there twice.
const HEADER_MAX: usize = 4;
/// Latches of a loop, each of which gets the test.
const LATCHES_MAX: usize = 2;
/// Instructions looked at in one function; a rotation looks at all.
const WORK_MAX: usize = 1 << 22;

/// Rotates loops; nothing if there are none that test at their top.
pub fn rotate(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    if cx.level == Level::Os {
        return None;
    }
    let dominators = Dominators::new(func);
    let loops = loops(func, &dominators);
    let preds = if loops.is_empty() { return None } else { cfg::predecessors(func) };
    let mut rotation =
        Rotation { new: func.clone(), dominators, preds, stands_for: FxHashMap::default(), added: Vec::new() };
    let size: usize = func.blocks.iter().map(|b| b.insts.len() + 1).sum();
    let mut work = 0;
    let mut changed = false;
    for l in &loops {
        if let Some(shape) = rotation.shape(l).filter(|_| work < WORK_MAX) {
            work += size;
            changed |= rotation.rotate(&shape);
        }
    }
    if !changed {
        return None;
    }
    let order = rotation.order(func.blocks.len());
    let Rotation { mut new, stands_for, .. } = rotation;
    cfg::reorder(&mut new, &order);
    let known = prune::known_values(&new);
    prune::rematerialize(&mut new, &known);
    let old = func.values.len() as u32;
    let before = |v: Value| stands_for.get(&v).copied().or((v.0 < old).then_some(v));
    let mut witness = witness(&new, |b| u64::from(order[b.0 as usize].0), before)?;
    // A constant of the old form that is live between blocks is made anew in the new one, and what it is has to be said.
    let known = prune::known_values(func);
    let live = live_in(func, LIVE_MAX)?;
    for cut in &mut witness.cuts {
        for v in &live[cut.left as usize] {
            let words = known[v.0 as usize].map(prune::Known::locations).into_iter().flatten();
            let words = (0..func.type_of(*v).words() as u8).zip(words);
            cut.equal.extend(words.map(|(half, constant)| (Loc::Value(*v, half), constant)));
        }
    }
    Some((new, witness).into())
}

/// A loop that tests at its top.
struct Shape {
    header: Block,
    /// The header's successor in the loop, and the one outside.
    body: Block,
    exit: Block,
    latches: Few<Block>,
}

struct Rotation {
    new: Func,
    dominators: Dominators,
    /// Predecessors before any rotation.
    preds: Vec<Few<Block>>,
    /// New parameters, and the values of the old form that they stand for.
    stands_for: FxHashMap<Value, Value>,
    /// Headers with a block between them and the body, in order of these blocks, which are numbered after all others.
    added: Vec<Block>,
}

impl Rotation {
    /// All blocks, each added one after its header.
    fn order(&self, blocks: usize) -> Vec<Block> {
        let mut order = Vec::with_capacity(self.new.blocks.len());
        let mut added: FxHashMap<Block, Block> = self.added.iter().copied().zip((blocks as u32..).map(Block)).collect();
        for b in (0..blocks as u32).map(Block) {
            order.push(b);
            order.extend(added.remove(&b));
        }
        order
    }

    /// Whether every path to a block passes another one of the old form. An added block is where its header is.
    fn is_below(&self, top: Block, b: Block) -> bool {
        let old = self.new.blocks.len() - self.added.len();
        let place = (b.0 as usize).checked_sub(old).map_or(b, |at| self.added[at]);
        self.dominators.dominates(top, place)
    }
    /// The loop's shape, if it can be rotated.
    fn shape(&self, l: &Loop) -> Option<Shape> {
        let header = &self.new.blocks[l.header.0 as usize];
        let Terminator::Branch(_, yes, no) = &header.end else { return None };
        let (body, exit) = match [yes, no].map(|e| l.contains(e.block)) {
            [true, false] => (yes.block, no.block),
            [false, true] => (no.block, yes.block),
            _ => return None,
        };
        let copied = header.insts.iter().filter(|i| prune::Known::of(&i.op).is_none());
        let cheap = copied.clone().all(|i| is_pure(&i.op) || matches!(i.op, Op::BoundsCheck { .. }));
        if !cheap || copied.count() > HEADER_MAX || body == l.header || self.preds[body.0 as usize].len() != 1 {
            return None;
        }
        let mut latches = self.preds[l.header.0 as usize].clone();
        latches.retain(|p| self.dominators.dominates(l.header, *p));
        let jumps = |p: &Block| matches!(self.new.blocks[p.0 as usize].end, Terminator::Jump(_));
        let fits = latches.len() <= LATCHES_MAX && latches.iter().all(jumps);
        fits.then_some(Shape { header: l.header, body, exit, latches })
    }

    /// Values of the header that blocks below `body` or `exit` use; nothing if others use some.
    fn used_below(&self, shape: &Shape) -> Option<[BTreeSet<Value>; 2]> {
        let header = &self.new.blocks[shape.header.0 as usize];
        let made = header.insts.iter().filter(|i| prune::Known::of(&i.op).is_none()).flat_map(|i| &i.results);
        let own: BTreeSet<Value> = header.params.iter().chain(made).copied().collect();
        let mut used = [BTreeSet::new(), BTreeSet::new()];
        for (b, data) in (0..).map(Block).zip(&self.new.blocks) {
            let inside = [shape.body, shape.exit].map(|top| self.is_below(top, b));
            let edges = cfg::edges(&data.end);
            let uses = data.insts.iter().flat_map(|i| &i.args).chain(cfg::operands(&data.end));
            for v in uses.chain(edges.iter().flat_map(|e| &e.args)).filter(|v| own.contains(v)) {
                match inside {
                    [true, _] => used[0].insert(*v),
                    [_, true] => used[1].insert(*v),
                    _ if b == shape.header => false,
                    _ => return None,
                };
            }
        }
        Some(used)
    }

    /// Rotates a loop. False if it has to stay.
    fn rotate(&mut self, shape: &Shape) -> bool {
        let Some(used) = self.used_below(shape) else { return false };
        // Other ways to the exit would have to bring words of the header along.
        let strangers = |p: &&Block| **p != shape.header && !self.dominators.dominates(shape.body, **p);
        let exit_preds = &self.preds[shape.exit.0 as usize];
        if !used[1].is_empty() && exit_preds.iter().any(|p| strangers(&p) && !self.dominators.dominates(shape.exit, *p))
        {
            return false;
        }
        let tops = [shape.body, shape.exit];
        let maps = [0, 1].map(|i| self.add_params(tops[i], &used[i]));
        for b in (0..self.new.blocks.len() as u32).map(Block) {
            let map = match tops.map(|top| self.is_below(top, b)) {
                [true, _] => &maps[0],
                [_, true] => &maps[1],
                _ => continue,
            };
            rename(&mut self.new.blocks[b.0 as usize], map);
        }
        self.pass_on(shape, &used, &maps);
        for latch in &shape.latches {
            self.test_at(*latch, shape, &maps);
        }
        self.add_block(shape);
        true
    }

    /// Puts a block between the guard and the body, where code motion may move to.
    fn add_block(&mut self, shape: &Shape) {
        let between = Block(self.new.blocks.len() as u32);
        let guard = &mut self.new.blocks[shape.header.0 as usize];
        let end_origin = guard.end_origin;
        let edge = cfg::edges_mut(&mut guard.end).into_iter().find(|e| e.block == shape.body);
        let edge = edge.expect("invariant: the header leads to the body");
        let to_body = std::mem::replace(edge, Edge { block: between, args: Values::new() });
        if faults::on("rotate-no-guard") {
            guard.end = Terminator::Jump(Edge { block: between, args: Values::new() });
        }
        let end = Terminator::Jump(to_body);
        self.new.blocks.push(BlockData { params: Values::new(), insts: Vec::new(), end, end_origin });
        self.added.push(shape.header);
    }

    /// Gives a block a parameter for each of the values.
    fn add_params(&mut self, block: Block, values: &BTreeSet<Value>) -> FxHashMap<Value, Value> {
        let mut map = FxHashMap::default();
        for v in values {
            let new = self.new.value(self.new.type_of(*v));
            self.new.blocks[block.0 as usize].params.push(new);
            self.stands_for.insert(new, self.stands_for.get(v).copied().unwrap_or(*v));
            map.insert(*v, new);
        }
        map
    }

    /// Gives edges to the body and the exit the arguments of their new parameters.
    fn pass_on(&mut self, shape: &Shape, used: &[BTreeSet<Value>; 2], maps: &[FxHashMap<Value, Value>; 2]) {
        let tops = [shape.body, shape.exit];
        for b in (0..self.new.blocks.len() as u32).map(Block) {
            let inside = tops.map(|top| self.is_below(top, b));
            for edge in cfg::edges_mut(&mut self.new.blocks[b.0 as usize].end) {
                let Some(to) = tops.iter().position(|t| *t == edge.block) else { continue };
                let here = |v: &Value| match inside {
                    [true, _] => maps[0].get(v).copied(),
                    [_, true] => maps[1].get(v).copied(),
                    _ => None,
                };
                edge.args.extend(used[to].iter().map(|v| here(v).unwrap_or(*v)));
            }
        }
    }

    /// Puts the header's test at the end of a latch.
    fn test_at(&mut self, latch: Block, shape: &Shape, maps: &[FxHashMap<Value, Value>; 2]) {
        let header = self.new.blocks[shape.header.0 as usize].clone();
        let Terminator::Jump(back) = self.new.blocks[latch.0 as usize].end.clone() else {
            unreachable!("invariant: the shape's latches jump")
        };
        // What each word of the header is at the end of the latch; `next` is what the test sees.
        let mut map: FxHashMap<Value, Value> = header.params.iter().copied().zip(back.args).collect();
        let mut next = map.clone();
        if faults::on("rotate-stale-test") {
            next.extend(header.params.iter().filter_map(|p| Some((*p, *maps[0].get(p)?))));
        }
        for inst in &header.insts {
            let renamed = |v: &Value| next.get(v).copied().unwrap_or(*v);
            let args = inst.args.iter().map(renamed).collect();
            let results: Values = inst.results.iter().map(|r| self.new.value(self.new.type_of(*r))).collect();
            for (old, new) in inst.results.iter().zip(&results) {
                next.insert(*old, *new);
                map.insert(*old, *new);
            }
            let copy = Inst { op: inst.op.clone(), args, results, origin: inst.origin };
            self.new.blocks[latch.0 as usize].insts.push(copy);
        }
        let Terminator::Branch(c, mut yes, mut no) = header.end else {
            unreachable!("invariant: the shape's header branches")
        };
        let stale = faults::on("rotate-exit-value");
        for edge in [&mut yes, &mut no] {
            for v in &mut edge.args {
                let held = maps[0].get(v).filter(|_| stale && edge.block == shape.exit);
                *v = held.or(map.get(v)).copied().unwrap_or(*v);
            }
        }
        let c = next.get(&c).copied().unwrap_or(c);
        self.end_with(latch, c, yes, no, shape.exit, header.end_origin);
    }

    /// Ends a latch with a test. Back to the body is one branch: the exit follows the latch, or is the second target.
    fn end_with(&mut self, latch: Block, c: Value, yes: Edge, no: Edge, exit: Block, origin: u32) {
        let data = &mut self.new.blocks[latch.0 as usize];
        data.end_origin = origin;
        let follows = exit.0 == latch.0 + 1;
        let test = data.insts.iter_mut().rfind(|i| i.results.first() == Some(&c));
        let passed = yes.args.iter().chain(&no.args).any(|v| *v == c);
        data.end = match test {
            Some(Inst { op: Op::Cmp(cond) | Op::CmpPair(cond) | Op::Cmp64(cond), .. })
                if yes.block == exit && !follows && !passed =>
            {
                *cond = negated(*cond);
                Terminator::Branch(c, no, yes)
            }
            _ => Terminator::Branch(c, yes, no),
        };
    }
}

/// Replaces uses in a block.
fn rename(data: &mut BlockData, map: &FxHashMap<Value, Value>) {
    let uses = data.insts.iter_mut().flat_map(|i| &mut i.args);
    for v in uses {
        *v = map.get(v).copied().unwrap_or(*v);
    }
    for v in cfg::operands_mut(&mut data.end) {
        *v = map.get(v).copied().unwrap_or(*v);
    }
    for v in cfg::edges_mut(&mut data.end).into_iter().flat_map(|e| &mut e.args) {
        *v = map.get(v).copied().unwrap_or(*v);
    }
}
