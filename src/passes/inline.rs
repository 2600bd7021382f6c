//! Inlining: calls of small functions, and of functions called once, are replaced by the callee's body.
//!
//! Before: `v3 = call f(v1); …`. After: `jump b9(v1)`, the callee's blocks, and a block with parameter `v3` for what followed
//! the call; the callee's returns jump there. It stands before all other optimizer passes, which see one function where there were
//! several. The callee's form is the one before inlining, so that no chain of inlining is circular.
//!
//! Obligation: the new form refines the old one in which the callee's form is executed in place of each inlined call. Blocks and
//! values of callees are numbered after the caller's, in the order of the claim's list, as on the left side of the link.

use crate::cfg;
use crate::faults;
use crate::pass::{Cx, Form, Level, witness};
use rustc_hash::FxHashMap;
use synth_validator::claim::Inlined;
use synth_validator::ir::{Block, BlockData, Edge, Func, Inst, Op, Terminator, Value, Values};

/// Instructions of a callee that is inlined wherever it is called, by level: at `Os` about what a call costs.
const LEAF_INSTS_MAX: usize = 16;
const LEAF_INSTS_MAX_SMALL: usize = 6;
/// Instructions of a callee that is inlined because it is called from one place only, and so not needed any more, or because the
/// user wants it.
const SINGLE_INSTS_MAX: usize = 400;
/// Instructions of a function beyond which nothing more is inlined into it.
const CALLER_INSTS_MAX: usize = 4000;
/// Callees within callees.
const DEPTH_MAX: usize = 8;

/// Instructions of a function; constants, which often become part of others, do not count.
pub fn size(func: &Func) -> usize {
    let counts = |inst: &&Inst| !matches!(inst.op, Op::Const(_) | Op::Address(_));
    func.blocks.iter().map(|b| b.insts.iter().filter(counts).count() + 1).sum()
}

/// What speaks for inlining a function where it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merit {
    /// It is small.
    Small,
    /// The user wants it.
    Hinted,
    /// It is called from one place, and not needed any more once it is inlined there.
    UsedOnce,
}

/// What speaks against inlining a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The callee is an import, or has no form: there is no body.
    NoBody,
    /// Nothing speaks for it.
    NoMerit,
    /// The callee is already among the functions around the call.
    Recursive,
    /// The callee has more instructions than the second number.
    CalleeTooLarge(usize, usize),
    /// With the callee the caller would have more instructions than the second number.
    CallerTooLarge(usize, usize),
    /// More callees within callees than this.
    TooDeep(usize),
}

/// A call that inlining looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Module offset of the call.
    pub origin: u32,
    /// The callee.
    pub callee: u32,
    /// What is done.
    pub decided: Result<Merit, Obstacle>,
}

/// What speaks for inlining a function, if anything does.
pub fn merit(cx: &Cx<'_>, callee: u32) -> Option<Merit> {
    let leaf = if cx.level == Level::Os { LEAF_INSTS_MAX_SMALL } else { LEAF_INSTS_MAX };
    let small = cx.form(callee).is_some_and(|(_, body)| size(body) <= leaf);
    let once = || cx.calls.get(&callee) == Some(&1) && !cx.roots.contains(&callee);
    match (small, cx.hinted.contains(&callee)) {
        (true, _) => Some(Merit::Small),
        (false, true) => Some(Merit::Hinted),
        (false, false) => once().then_some(Merit::UsedOnce),
    }
}

/// Decides about a call of `callee` within `chain` in a caller of this size.
fn decide(cx: &Cx<'_>, callee: u32, chain: &[u32], caller_insts: usize) -> Result<Merit, Obstacle> {
    let (_, body) = cx.form(callee).ok_or(Obstacle::NoBody)?;
    let (merit, insts) = (merit(cx, callee).ok_or(Obstacle::NoMerit)?, size(body));
    match merit {
        _ if chain.contains(&callee) => Err(Obstacle::Recursive),
        Merit::Hinted | Merit::UsedOnce if insts > SINGLE_INSTS_MAX => {
            Err(Obstacle::CalleeTooLarge(insts, SINGLE_INSTS_MAX))
        }
        _ if caller_insts + insts > CALLER_INSTS_MAX => {
            Err(Obstacle::CallerTooLarge(caller_insts + insts, CALLER_INSTS_MAX))
        }
        _ if chain.len() > DEPTH_MAX => Err(Obstacle::TooDeep(DEPTH_MAX)),
        _ => Ok(merit),
    }
}

/// What inlining decides about each call of a function, those of inlined bodies included, in the order in which it looks at them.
pub fn decisions(func: &Func, cx: &Cx<'_>) -> Vec<Decision> {
    let mut inliner = Inliner::new(func, cx);
    inliner.run();
    inliner.decisions
}

/// Inlines; nothing if no call is worth it.
pub fn inline(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let mut inliner = Inliner::new(func, cx);
    inliner.run();
    if inliner.inlined.is_empty() {
        return None;
    }
    let (new, inlined, left) = inliner.finish();
    let witness = witness(&new, |block| left[block.0 as usize], Some)?;
    Some(Form { inlined, ..(new, witness).into() })
}

/// A body of the left side: the caller, then the inlined callees.
struct Body {
    /// Number of its first block.
    block_base: u32,
    /// Functions from the caller down to this one.
    chain: Vec<u32>,
}

struct Inliner<'a> {
    cx: &'a Cx<'a>,
    /// The caller with the bodies appended, calls still in place.
    new: Func,
    bodies: Vec<Body>,
    inlined: Vec<Inlined>,
    decisions: Vec<Decision>,
    /// Instructions of the caller and all bodies.
    insts: usize,
    /// Number of blocks of all bodies.
    end: u32,
}

impl<'a> Inliner<'a> {
    fn new(func: &Func, cx: &'a Cx<'a>) -> Self {
        let bodies = vec![Body { block_base: 0, chain: vec![func.index] }];
        let (inlined, decisions) = (Vec::new(), Vec::new());
        Inliner { cx, new: func.clone(), bodies, inlined, decisions, insts: size(func), end: 0 }
    }

    /// Chooses calls and appends bodies, those of appended bodies included.
    fn run(&mut self) {
        let mut next = 0;
        while let Some(body) = self.bodies.get(next) {
            let end = self.bodies.get(next + 1).map_or(self.new.blocks.len() as u32, |b| b.block_base);
            let chain = body.chain.clone();
            for block in body.block_base..end {
                for inst in 0..self.new.blocks[block as usize].insts.len() {
                    let Inst { op: Op::Call { func: callee }, origin, .. } =
                        self.new.blocks[block as usize].insts[inst]
                    else {
                        continue;
                    };
                    let decided = decide(self.cx, callee, &chain, self.insts);
                    self.decisions.push(Decision { origin, callee, decided });
                    if decided.is_ok() {
                        self.append(callee, block, inst as u32, &chain);
                    }
                }
            }
            next += 1;
        }
    }

    fn append(&mut self, callee: u32, block: u32, inst: u32, chain: &[u32]) {
        let (stage, body) = self.cx.form(callee).expect("invariant: it is inlined");
        let (block_base, value_base) = (self.new.blocks.len() as u32, self.new.values.len() as u32);
        self.insts += size(body);
        self.new.values.extend(&body.values);
        let moved = body.blocks.iter().map(|b| renumbered(b, block_base, value_base));
        self.new.blocks.extend(moved);
        self.bodies.push(Body { block_base, chain: [chain, &[callee]].concat() });
        self.inlined.push(Inlined { block, inst, callee, stage });
    }

    /// Replaces the chosen calls. Result: also the left point of each block.
    fn finish(mut self) -> (Func, Vec<Inlined>, Vec<u64>) {
        let mut left: Vec<u64> = (0..self.new.blocks.len() as u64).collect();
        // By block: the calls in it from the last to the first, as (body, block after it).
        let mut calls: FxHashMap<u32, Vec<(usize, Block)>> = FxHashMap::default();
        // By block: the body that it belongs to. By body: where its returns go.
        let mut home: Vec<usize> = (0..self.new.blocks.len() as u32).map(|b| self.body_of(b)).collect();
        let mut after = vec![None; self.bodies.len()];
        self.end = self.new.blocks.len() as u32;
        let mut sites: Vec<(usize, Inlined)> = self.inlined.iter().copied().enumerate().collect();
        // From the last call of each block to its first, so that the numbers of the others stay.
        sites.sort_by_key(|(_, s)| (s.block, std::cmp::Reverse(s.inst)));
        for (number, site) in sites {
            let rest = Block(self.new.blocks.len() as u32);
            after[number + 1] = Some(rest);
            home.push(home[site.block as usize]);
            left.push(u64::from(site.block) | u64::from(site.inst + 1) << 32);
            calls.entry(site.block).or_default().push((number + 1, rest));
            let data = &mut self.new.blocks[site.block as usize];
            let insts = data.insts.split_off(site.inst as usize + 1);
            let mut call = data.insts.pop().expect("invariant: the call");
            if faults::on("inline-arguments") {
                call.args.reverse();
            }
            let entry = Edge { block: Block(self.bodies[number + 1].block_base), args: call.args };
            let end = std::mem::replace(&mut data.end, Terminator::Jump(entry));
            let end_origin = std::mem::replace(&mut data.end_origin, call.origin);
            self.new.blocks.push(BlockData { params: call.results, insts, end, end_origin });
        }
        for (data, body) in self.new.blocks.iter_mut().zip(home) {
            let early = faults::on("inline-early-return") && data.insts.len() <= 1;
            if let (Some(block), Terminator::Return(values), false) = (after[body], &mut data.end, early) {
                let args = std::mem::take(values);
                data.end = Terminator::Jump(Edge { block, args });
            }
        }
        // A callee's blocks stand where its call stood, so that definitions still come before uses.
        let mut order = Vec::new();
        self.place(0, &calls, &mut order);
        cfg::reorder(&mut self.new, &order);
        let left = order.iter().map(|b| left[b.0 as usize]).collect();
        (self.new, self.inlined, left)
    }

    fn place(&self, body: usize, calls: &FxHashMap<u32, Vec<(usize, Block)>>, order: &mut Vec<Block>) {
        let end = self.bodies.get(body + 1).map_or(self.end, |b| b.block_base);
        for block in self.bodies[body].block_base..end {
            order.push(Block(block));
            for (callee, rest) in calls.get(&block).into_iter().flatten().rev() {
                self.place(*callee, calls, order);
                order.push(*rest);
            }
        }
    }

    fn body_of(&self, block: u32) -> usize {
        self.bodies.partition_point(|b| b.block_base <= block) - 1
    }
}

/// A callee's block with its blocks and values numbered on.
fn renumbered(data: &BlockData, block_base: u32, value_base: u32) -> BlockData {
    let value = |v: &Value| Value(v.0 + value_base);
    let values = |vs: &[Value]| vs.iter().map(value).collect::<Values>();
    let inst =
        |i: &Inst| Inst { op: i.op.clone(), args: values(&i.args), results: values(&i.results), origin: i.origin };
    let mut end = data.end.clone();
    cfg::operands_mut(&mut end).iter_mut().for_each(|v| *v = value(v));
    for edge in cfg::edges_mut(&mut end) {
        edge.block.0 += block_base;
        edge.args.iter_mut().for_each(|v| *v = value(v));
    }
    let insts = data.insts.iter().map(inst).collect();
    BlockData { params: values(&data.params), insts, end, end_origin: data.end_origin }
}
