//! Intervals of all words of a function, by walks over its dominator tree until they hold for every loop.
//!
//! A walk carries one interval for each value. Below a branch, a passed check or a conditional trap the intervals are those that
//! the decision leaves; on the way back up they are put back. Parameters of loop headers take what arrived on the edges back in the
//! walk before. They are widened to constants that the function compares with, and narrowed again by further walks.

use super::interval::{Interval, SIGNED_MAX, binary, compare, refine, unary};
use crate::cfg;
use crate::faults;
use crate::pass::Cx;
use synth_validator::contract::PAGE_BYTES;
use synth_validator::domain::{BinOp, Width};
use synth_validator::ir::{Block, Cond, Edge, Func, Inst, Op, Terminator, Value};

/// Walks in which parameters are widened to the next constant; after them to the greatest word.
const STEPS_MAX: u32 = 6;
/// Walks after which a function is left as it is.
const WALKS_MAX: u32 = 24;
/// Walks that narrow.
const NARROWING: u32 = 2;
/// Sums with constants that are looked through.
pub const SUMS_MAX: u32 = 8;
/// Operations looked through where something is to be decided.
const DEPTH: u32 = 4;

/// Where a walk is: before something happens.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// At the start of a block, its parameters known.
    Start(Block),
    /// Before an instruction of a block.
    Inst(Block, usize),
    /// At the end of a block.
    End(Block),
}

/// What a walk does with parameters of loop headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They keep what they had, and grow to what arrives.
    Join,
    /// They grow at least to the next constant that is compared with.
    Step,
    /// They grow to the greatest or the least word.
    Leap,
    /// They are what arrives.
    Narrow,
}

/// The intervals of a function. Vectors are indexed by value, or by block.
pub struct Analysis<'f> {
    func: &'f Func,
    /// By block: the blocks that it immediately dominates, in reverse postorder.
    children: Vec<Vec<Block>>,
    /// By block: place in reverse postorder.
    number: Vec<u32>,
    /// By block: incoming edges.
    incoming: Vec<u32>,
    /// By block: the last block on the way to it that every path passes and that has several incoming edges, itself included.
    region: Vec<Block>,
    /// The block where the walk is.
    here: Block,
    /// By value: block and instruction that define it.
    definitions: Vec<Option<(u32, u32)>>,
    /// Words that comparisons make likely ends, ascending.
    steps: Vec<u32>,
    /// The size of linear memory, and whether it never changes.
    size: Interval,
    pub is_fixed: bool,
    now: Vec<Interval>,
    /// Intervals to put back.
    undo: Vec<(Value, Interval)>,
    /// Parameters: their interval, what arrived forwards in this walk, and backwards in the walk before and in this one.
    params: Vec<Option<Interval>>,
    forwards: Vec<Option<Interval>>,
    backwards: Vec<Option<Interval>>,
    next_backwards: Vec<Option<Interval>>,
    reached: Vec<bool>,
    /// Values that ever had an interval that says something.
    pub informed: Vec<bool>,
}

fn joined(a: Option<Interval>, b: Option<Interval>) -> Option<Interval> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(b)),
        (a, b) => a.or(b),
    }
}

/// The size that linear memory has at any time.
fn memory_size(cx: &Cx<'_>) -> Interval {
    let least = cx.module.memory.as_ref().map_or(0, |m| m.min_pages * u64::from(PAGE_BYTES));
    let greatest = cx.contract.capacity_bytes;
    Interval { least: u32::try_from(least).unwrap_or(u32::MAX).min(greatest), greatest }
}

impl<'f> Analysis<'f> {
    /// The intervals, for walks; nothing if they take too long to settle. The first walk tells whether narrowing went too far.
    pub fn new(func: &'f Func, cx: &'f Cx<'f>) -> Option<Analysis<'f>> {
        let mut a = Analysis::empty(func, cx);
        for walk in 0.. {
            let mode = match walk {
                0 | 1 => Mode::Join,
                _ if walk < STEPS_MAX => Mode::Step,
                _ => Mode::Leap,
            };
            a.pass(mode, &mut |_, _| ());
            let settled = a.is_settled();
            a.backwards.clone_from(&a.next_backwards);
            if settled {
                // Narrowing takes back what widening gave.
                let narrowing = if walk > 1 { NARROWING } else { 0 };
                for _ in 0..narrowing {
                    a.pass(Mode::Narrow, &mut |_, _| ());
                    a.backwards.clone_from(&a.next_backwards);
                }
                return Some(a);
            }
            if walk == WALKS_MAX {
                break;
            }
        }
        None
    }

    fn empty(func: &'f Func, cx: &'f Cx<'f>) -> Analysis<'f> {
        let (values, blocks) = (func.values.len(), func.blocks.len());
        let dominators = cfg::Dominators::new(func);
        let order = dominators.order.clone();
        let mut a = Analysis {
            func,
            children: vec![Vec::new(); blocks],
            number: vec![u32::MAX; blocks],
            incoming: vec![0; blocks],
            region: vec![Block(0); blocks],
            here: Block(0),
            definitions: vec![None; values],
            steps: Vec::new(),
            size: memory_size(cx),
            is_fixed: cx.memory_is_constant(),
            now: vec![Interval::FULL; values],
            undo: Vec::new(),
            params: vec![None; values],
            forwards: vec![None; values],
            backwards: vec![None; values],
            next_backwards: vec![None; values],
            reached: vec![false; blocks],
            informed: vec![false; values],
        };
        for (i, b) in order.iter().enumerate() {
            a.number[b.0 as usize] = i as u32;
            let data = &func.blocks[b.0 as usize];
            for (at, inst) in data.insts.iter().enumerate() {
                for v in &inst.results {
                    a.definitions[v.0 as usize] = Some((b.0, at as u32));
                }
            }
            for edge in cfg::edges(&data.end) {
                a.incoming[edge.block.0 as usize] += 1;
            }
            if let (Some(above), true) = (dominators.immediate[b.0 as usize], i > 0) {
                a.children[above.0 as usize].push(*b);
            }
        }
        for b in &order {
            let above = dominators.immediate[b.0 as usize].map_or(Block(0), |above| a.region[above.0 as usize]);
            a.region[b.0 as usize] = if a.incoming[b.0 as usize] > 1 { *b } else { above };
        }
        a.find_steps();
        a
    }

    /// Constants in comparisons, with their neighbours.
    fn find_steps(&mut self) {
        let compared = self.func.blocks.iter().flat_map(|b| &b.insts).filter(|i| matches!(i.op, Op::Cmp(_)));
        let constants = compared.flat_map(|i| &i.args).filter_map(|v| self.constant(*v));
        let mut steps: Vec<u32> = constants.flat_map(|k| [k.saturating_sub(1), k, k.saturating_add(1)]).collect();
        steps.extend([SIGNED_MAX, u32::MAX]);
        steps.sort_unstable();
        steps.dedup();
        self.steps = steps;
    }

    /// The instruction that defines a value.
    pub fn definition(&self, v: Value) -> Option<&'f Inst> {
        let (block, at) = self.definitions[v.0 as usize]?;
        Some(&self.func.blocks[block as usize].insts[at as usize])
    }
    /// The instruction that defines a value, if no cut point stands between it and the walk's place. Across one a witness says no more
    /// of a value than its interval.
    fn near(&self, v: Value) -> Option<&'f Inst> {
        let (block, _) = self.definitions[v.0 as usize]?;
        let is_near = self.region[block as usize] == self.region[self.here.0 as usize];
        self.definition(v).filter(|_| is_near)
    }
    /// The constant that a value is.
    pub fn constant(&self, v: Value) -> Option<u32> {
        match self.definition(v)?.op {
            Op::Const(k) => Some(k),
            _ => None,
        }
    }
    /// The interval of a value where the walk is.
    pub fn at(&self, v: Value) -> Interval {
        self.now[v.0 as usize]
    }
    /// Whether the walk came to a block.
    pub fn is_reached(&self, b: Block) -> bool {
        self.reached[b.0 as usize]
    }
    /// The size that linear memory has at any time.
    pub fn size(&self) -> Interval {
        self.size
    }
    /// The interval of a value where the walk is, computed anew from what is known there of its operands.
    pub fn anew(&self, v: Value) -> Interval {
        self.looked_through(v, DEPTH)
    }
    fn looked_through(&self, v: Value, depth: u32) -> Interval {
        let known = self.at(v);
        match self.near(v) {
            Some(inst) if depth > 0 && inst.results.len() == 1 && known.constant().is_none() => {
                let new = self.result(inst, &|a: &Self, v| a.looked_through(v, depth - 1));
                known.meet(new).unwrap_or(known)
            }
            _ => known,
        }
    }

    /// Walks once more, with the intervals that were found.
    pub fn walk(&mut self, mut visit: impl FnMut(&Analysis<'f>, Place)) {
        self.pass(Mode::Narrow, &mut visit);
    }

    /// Whether what arrived backwards in the last walk is what it started from. If not, its intervals do not hold.
    pub fn is_settled(&self) -> bool {
        let inside = |(param, next): (&Option<Interval>, &Option<Interval>)| match (param, next) {
            (_, None) => true,
            (Some(param), Some(next)) => param.contains(*next),
            (None, Some(_)) => false,
        };
        faults::on("ranges-first-iteration") || self.params.iter().zip(&self.next_backwards).all(inside)
    }

    fn pass(&mut self, mode: Mode, visit: &mut dyn FnMut(&Analysis<'f>, Place)) {
        self.forwards.fill(None);
        self.next_backwards.fill(None);
        self.reached.fill(false);
        self.reached[0] = true;
        for p in &self.func.blocks[0].params {
            self.forwards[p.0 as usize] = Some(Interval::FULL);
        }
        let mut open = vec![self.descend(None, Block(0), mode, visit)];
        while let Some((block, visited, mark)) = open.last_mut() {
            let (block, mark) = (*block, *mark);
            let child = self.children[block.0 as usize].get(*visited).copied();
            *visited += 1;
            match child {
                Some(child) if self.is_reached(child) => open.push(self.descend(Some(block), child, mode, visit)),
                Some(_) => {}
                None => {
                    open.pop();
                    self.back_to(mark);
                }
            }
        }
    }

    /// Enters a block. Result: the block, how many of its children were visited, and how much of `undo` stays after it.
    fn descend(
        &mut self,
        above: Option<Block>,
        block: Block,
        mode: Mode,
        visit: &mut dyn FnMut(&Analysis<'f>, Place),
    ) -> (Block, usize, usize) {
        let mark = self.undo.len();
        let func = self.func;
        self.here = block;
        if let (Some(above), 1) = (above, self.incoming[block.0 as usize]) {
            self.enter(&func.blocks[above.0 as usize].end, block);
        }
        let data = &func.blocks[block.0 as usize];
        for p in &data.params {
            let new = self.parameter(*p, mode);
            self.params[p.0 as usize] = Some(new);
            self.define(*p, new);
        }
        visit(self, Place::Start(block));
        for (at, inst) in data.insts.iter().enumerate() {
            visit(self, Place::Inst(block, at));
            self.step(inst);
        }
        visit(self, Place::End(block));
        self.leave(block, &data.end);
        (block, 0, mark)
    }

    /// The interval of a parameter, from what arrived.
    fn parameter(&self, p: Value, mode: Mode) -> Interval {
        let p = p.0 as usize;
        let back = self.backwards[p].filter(|_| !faults::on("ranges-first-iteration"));
        let new = joined(self.forwards[p], back).unwrap_or(Interval::FULL);
        let (false, Some(old)) = (mode == Mode::Narrow, self.params[p]) else { return new };
        let grown = old.join(new);
        if mode == Mode::Join || old.contains(new) {
            return grown;
        }
        let next = self.steps.partition_point(|s| *s < grown.greatest);
        let step = if mode == Mode::Step { self.steps[next] } else { u32::MAX };
        Interval {
            least: if new.least < old.least { 0 } else { old.least },
            greatest: if new.greatest > old.greatest { step } else { old.greatest },
        }
    }

    /// What a block's entry from the block above it says.
    fn enter(&mut self, end: &Terminator, block: Block) {
        let mark = self.undo.len();
        let possible = match end {
            Terminator::Branch(c, yes, _) => self.assume(*c, yes.block == block, DEPTH),
            Terminator::Switch(index, targets, _) => match targets.iter().position(|e| e.block == block) {
                Some(at) => self.narrow(*index, Interval::only(at as u32)),
                None => self.narrow(*index, Interval { least: targets.len() as u32, greatest: u32::MAX }),
            },
            _ => true,
        };
        if !possible {
            self.back_to(mark);
        }
    }

    /// Gives the parameters of the blocks that follow what they receive.
    fn leave(&mut self, from: Block, end: &Terminator) {
        match end {
            Terminator::Branch(c, yes, no) => {
                let condition = self.anew(*c);
                for (truth, edge) in [(true, yes), (false, no)] {
                    let taken = if truth { condition.greatest > 0 } else { condition.least == 0 };
                    if !taken {
                        continue;
                    }
                    let mark = self.undo.len();
                    if !self.assume(*c, truth, DEPTH) {
                        self.back_to(mark);
                    }
                    self.arrive(from, edge);
                    self.back_to(mark);
                }
            }
            end => cfg::edges(end).into_iter().for_each(|edge| self.arrive(from, edge)),
        }
    }

    fn arrive(&mut self, from: Block, edge: &Edge) {
        let to = edge.block.0 as usize;
        self.reached[to] = true;
        let backwards = self.number[to] <= self.number[from.0 as usize];
        for (p, arg) in self.func.blocks[to].params.iter().zip(&edge.args) {
            let (p, new) = (p.0 as usize, Some(self.at(*arg)));
            let arrived = if backwards { &mut self.next_backwards[p] } else { &mut self.forwards[p] };
            *arrived = joined(*arrived, new);
        }
    }

    fn back_to(&mut self, mark: usize) {
        for (v, interval) in self.undo.drain(mark..).rev() {
            self.now[v.0 as usize] = interval;
        }
    }

    fn define(&mut self, v: Value, interval: Interval) {
        self.now[v.0 as usize] = interval;
        self.informed[v.0 as usize] |= !interval.is_full();
    }

    /// Learns that a value lies in an interval, until the block is left. False if it cannot.
    fn narrow(&mut self, mut v: Value, mut interval: Interval) -> bool {
        for _ in 0..SUMS_MAX {
            let old = self.at(v);
            let Some(new) = old.meet(interval) else { return false };
            if new == old {
                break;
            }
            self.undo.push((v, old));
            self.define(v, new);
            // What a constant was added to has moved as well.
            let Some(Inst { op: Op::Bin(op @ (BinOp::Add | BinOp::Sub)), args, .. }) = self.near(v) else { break };
            let Some(k) = self.constant(args[1]) else { break };
            let back = if *op == BinOp::Add { BinOp::Sub } else { BinOp::Add };
            (v, interval) = (args[0], binary(back, new, Interval::only(k)));
        }
        true
    }

    /// Learns that a condition holds or does not. False if it cannot.
    fn assume(&mut self, c: Value, truth: bool, depth: u32) -> bool {
        let words = if truth { Interval { least: 1, greatest: u32::MAX } } else { Interval::only(0) };
        if !self.narrow(c, words) {
            return false;
        }
        let Some(inst) = self.near(c).filter(|_| depth > 0) else { return true };
        match inst.op {
            Op::Cmp(cond) => {
                let [a, b] = [inst.args[0], inst.args[1]];
                let (cond, truth) = self.slip(cond, truth);
                match refine(cond, truth, self.at(a), self.at(b)) {
                    Some((i, j)) => self.narrow(a, i) && self.narrow(b, j),
                    None => false,
                }
            }
            // Both are not zero, or both are zero.
            Op::Bin(op) if op == if truth { BinOp::And } else { BinOp::Or } => {
                inst.args.iter().all(|a| self.assume(*a, truth, depth - 1))
            }
            _ => true,
        }
    }

    /// The faults of conditions.
    fn slip(&self, cond: Cond, truth: bool) -> (Cond, bool) {
        match cond {
            Cond::LtS if faults::on("ranges-unsigned") => (Cond::LtU, truth),
            Cond::GeS if faults::on("ranges-unsigned") => (Cond::GeU, truth),
            Cond::LeU if faults::on("ranges-off-by-one") => (Cond::LtU, truth),
            Cond::GtU if faults::on("ranges-off-by-one") => (Cond::GeU, truth),
            cond => (cond, truth != faults::on("ranges-other-side")),
        }
    }

    /// Goes over an instruction.
    fn step(&mut self, inst: &'f Inst) {
        // Where a trap is certain, what follows is not reached, whatever is said of it.
        match inst.op {
            Op::BoundsCheck { offset, bytes } => {
                // Against a size that changes a passed check bounds an index by another word, which says little.
                if !self.is_fixed {
                    return;
                }
                let end = u64::from(offset) + u64::from(bytes);
                if let Some(last) = u64::from(self.size.greatest).checked_sub(end) {
                    self.narrow(inst.args[0], Interval::up_to(last as u32));
                }
            }
            Op::TrapIf(_) => {
                self.assume(inst.args[0], false, DEPTH);
            }
            _ => {
                for v in &inst.results {
                    self.define(*v, Interval::FULL);
                }
                let new = self.result(inst, &|a: &Self, v| a.at(v));
                if let Some(first) = inst.results.first() {
                    self.define(*first, new);
                }
            }
        }
    }

    /// The interval of an instruction's first result. `of` gives those of its operands.
    fn result(&self, inst: &Inst, of: &dyn Fn(&Self, Value) -> Interval) -> Interval {
        let arg = |n: usize| of(self, inst.args[n]);
        match inst.op {
            Op::Const(k) => Interval::only(k),
            Op::Bin(BinOp::Shl) if faults::on("ranges-scaled") => {
                let n = self.constant(inst.args[1]).unwrap_or(0) & 31;
                Interval { least: arg(0).least, greatest: arg(0).greatest.wrapping_shl(n).max(arg(0).least) }
            }
            Op::Bin(op) => {
                let plain = binary(op, arg(0), arg(1));
                let rest = (op == BinOp::Sub).then(|| self.remainder(inst, of)).flatten();
                rest.and_then(|rest| plain.meet(rest)).unwrap_or(plain)
            }
            Op::Un(op) => unary(op, arg(0)),
            Op::Cmp(cond) => compare(cond, arg(0), arg(1)).map_or(Interval::BIT, |c| Interval::only(u32::from(c))),
            Op::CmpPair(_) | Op::Cmp64(_) => Interval::BIT,
            Op::Select => self.choice(inst, of),
            Op::Load { width: Width::Byte, signed: false, .. } => Interval::up_to(0xff),
            Op::Load { width: Width::Half, signed: false, .. } => Interval::up_to(0xffff),
            Op::MemoryBytes => self.size,
            _ => Interval::FULL,
        }
    }

    /// The interval of `x - x / n * n`: below `n`.
    fn remainder(&self, inst: &Inst, of: &dyn Fn(&Self, Value) -> Interval) -> Option<Interval> {
        let product = self.near(inst.args[1]).filter(|i| i.op == Op::Bin(BinOp::Mul))?;
        let [(q, n), (m, r)] = [(0, 1), (1, 0)].map(|(i, j)| (product.args[i], product.args[j]));
        let same = |n: Value, k: Value| n == k || self.constant(n).is_some() && self.constant(n) == self.constant(k);
        let divides = |q: Value, n: Value| {
            self.near(q)
                .is_some_and(|d| d.op == Op::Bin(BinOp::UDiv) && d.args[0] == inst.args[0] && same(d.args[1], n))
        };
        let n = if divides(q, n) { n } else { Some(r).filter(|r| divides(m, *r))? };
        let n = of(self, n);
        (n.least > 0).then(|| Interval::up_to(n.greatest - 1))
    }

    /// The interval of a choice: each word as the condition leaves it.
    fn choice(&self, inst: &Inst, of: &dyn Fn(&Self, Value) -> Interval) -> Interval {
        let [c, yes, no] = [inst.args[0], inst.args[1], inst.args[2]];
        let (mut y, mut n) = (of(self, yes), of(self, no));
        if self.func.type_of(yes).words() == 2 {
            return Interval::FULL;
        }
        if let Some(Inst { op: Op::Cmp(cond), args, .. }) = self.near(c) {
            let [a, b] = [args[0], args[1]];
            let same =
                |v: Value, w: Value| v == w || self.constant(v).is_some() && self.constant(v) == self.constant(w);
            for (truth, v, interval) in [(true, yes, &mut y), (false, no, &mut n)] {
                if let Some((i, j)) = refine(*cond, truth, of(self, a), of(self, b)) {
                    let left = if same(v, a) {
                        i
                    } else if same(v, b) {
                        j
                    } else {
                        *interval
                    };
                    *interval = interval.meet(left).unwrap_or(*interval);
                }
            }
        }
        y.join(n)
    }
}
