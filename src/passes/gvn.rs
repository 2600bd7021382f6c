//! Global value numbering: what a dominating block has computed from the same words is not computed again.
//!
//! Before: `b0: v2 = mul v0, v1; …; b5: v9 = mul v1, v0; store v3, v9`. After: `b5: store v3, v2`. It stands after cleaning, which
//! merges within blocks, and before the passes that see more where equal words have one name. Only functions of their operands are
//! merged; what memory and globals hold is for other passes. Parameters that receive the same words on all edges are merged as well,
//! of loops too. A condition that only decides is made again where it decides, and so are constants and addresses where they are used.
//!
//! Obligation: refinement; at every cut point between a kept operation and one that is removed, the witness says that the kept result
//! is the operation applied to the old operands; below a removed operation its result equals the kept one.

use crate::cfg::{self, Dominators};
use crate::faults;
use crate::liveness::Uses;
use crate::pass::{Cx, Fact, Form, Said, rely, renamed};
use crate::prune::{Known, is_function, known_values, locations};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Bin64, Block, BlockData, Cond, Edge, Func, Inst, Op, Terminator, Value, Values};
use synth_validator::witness::Witness;

/// Times that what was assumed of the parameters of loops and did not come out is assumed of fewer of them.
const ROUNDS_MAX: usize = 3;
/// Operations with one key that stay, the latest last; a search looks at this many.
const MEMBERS_MAX: usize = 8;

/// Replaces operations by equal ones that dominate them; nothing if there are none.
pub fn gvn(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let mut numbering = Numbering::new(func);
    numbering.run(&Assume::Alike);
    for _ in 0..ROUNDS_MAX {
        if numbering.is_consistent() || faults::on("gvn-loop") {
            break;
        }
        let assume = Assume::Before(std::mem::take(&mut numbering.root));
        numbering.reset();
        numbering.run(&assume);
    }
    if !numbering.is_consistent() && !faults::on("gvn-loop") {
        numbering.reset();
        numbering.run(&Assume::Nothing);
    }
    if !numbering.changed {
        return None;
    }
    let new = numbering.rewritten();
    let witness = numbering.witness(&new)?;
    Some((new, witness).into())
}

/// Place of an instruction: the number of its block in the order, and its own number there.
type Place = (usize, usize);

/// A word or pair as an operand of what is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operand {
    Known(Known),
    Value(Value),
}

/// Which parameters of a loop that begin equal are taken to be equal.
enum Assume {
    Nothing,
    /// Those that operations of one kind, or parameters of one block, bring back.
    Alike,
    /// Those that, by these values that stand for others, were equal and get equal words back.
    Before(Vec<Value>),
}

/// What a parameter receives on an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Received {
    /// This.
    Operand(Operand),
    /// On an edge back: the result of such an operation.
    Computed(Op),
    /// On an edge back: a parameter of this block.
    Parameter(Block),
    /// On an edge back: what the second of these stands for; the parameter stood for the first.
    Before(Value, Operand),
}

struct Numbering<'a> {
    old: &'a Func,
    known: Vec<Option<Known>>,
    order: Vec<Block>,
    /// By block: its number in the order.
    number: Vec<usize>,
    /// By block: sources and edges that lead to it.
    incoming: Vec<Vec<(Block, &'a Edge)>>,
    dominators: Dominators,
    /// By value: the instruction that computes it.
    definition: Vec<Option<&'a Inst>>,
    /// By value: the block whose parameter it is.
    home: Vec<Option<Block>>,
    /// By value: whether something else than a branch or trap uses it.
    is_word: Vec<bool>,
    /// By value: the value that stands for it.
    root: Vec<Value>,
    /// Operations that stay, by what they compute.
    kept: FxHashMap<(Op, Vec<Operand>), Vec<Place>>,
    /// Removed operations with those that stand for them.
    removed: BTreeMap<Place, Place>,
    /// Headers of loops with two of their parameters, by number, that are taken to be equal.
    assumed: Vec<(Block, usize, usize)>,
    changed: bool,
}

impl<'a> Numbering<'a> {
    fn new(old: &'a Func) -> Numbering<'a> {
        let dominators = Dominators::new(old);
        let order = dominators.order.clone();
        let mut numbering = Numbering {
            old,
            known: known_values(old),
            number: vec![usize::MAX; old.blocks.len()],
            incoming: vec![Vec::new(); old.blocks.len()],
            dominators,
            definition: vec![None; old.values.len()],
            home: vec![None; old.values.len()],
            is_word: words(old),
            root: (0..old.values.len() as u32).map(Value).collect(),
            kept: FxHashMap::default(),
            removed: BTreeMap::new(),
            assumed: Vec::new(),
            changed: false,
            order,
        };
        for (i, block) in numbering.order.iter().enumerate() {
            let data = &old.blocks[block.0 as usize];
            numbering.number[block.0 as usize] = i;
            data.params.iter().for_each(|p| numbering.home[p.0 as usize] = Some(*block));
            for inst in &data.insts {
                inst.results.iter().for_each(|r| numbering.definition[r.0 as usize] = Some(inst));
            }
            for edge in cfg::edges(&data.end) {
                numbering.incoming[edge.block.0 as usize].push((*block, edge));
            }
        }
        numbering
    }

    /// Forgets the numbers.
    fn reset(&mut self) {
        self.root = (0..self.old.values.len() as u32).map(Value).collect();
        self.kept.clear();
        self.removed.clear();
        self.assumed.clear();
        self.changed = false;
    }
    /// Numbers all values.
    fn run(&mut self, assume: &Assume) {
        for at in 0..self.order.len() {
            let data = self.data(at);
            self.params(at, assume);
            for (i, inst) in data.insts.iter().enumerate() {
                let is_load = matches!(inst.op, Op::Load { .. }) && faults::on("gvn-load");
                // A table's entry is looked up where it is called.
                let is_entry = matches!(inst.op, Op::TableType { .. } | Op::TableFunction { .. });
                if (is_function(&inst.op) || is_load) && !is_entry && Known::of(&inst.op).is_none() {
                    self.instruction((at, i), inst);
                }
            }
        }
    }
    fn data(&self, at: usize) -> &'a BlockData {
        &self.old.blocks[self.order[at].0 as usize]
    }
    fn operand(&self, v: Value) -> Operand {
        match self.known[v.0 as usize] {
            Some(known) => Operand::Known(known),
            None => Operand::Value(self.root[v.0 as usize]),
        }
    }

    /// Finds parameters of a block that stand for what all edges bring, or that receive the same as another one.
    fn params(&mut self, at: usize, assume: &Assume) {
        let block = self.order[at];
        let edges = std::mem::take(&mut self.incoming[block.0 as usize]);
        let is_loop = edges.iter().any(|(from, _)| self.number[from.0 as usize] >= at);
        let mut first: FxHashMap<Vec<Received>, usize> = FxHashMap::default();
        for (i, param) in self.data(at).params.iter().enumerate() {
            if edges.is_empty() || is_loop && matches!(assume, Assume::Nothing) {
                break;
            }
            let mut received = Vec::with_capacity(edges.len());
            for (from, edge) in &edges {
                received.push(self.received(at, *from, (*param, edge.args[i]), assume));
            }
            let only = match received[0] {
                Received::Operand(Operand::Value(v)) if received.iter().all(|r| *r == received[0]) => Some(v),
                _ => None,
            };
            let other = *first.entry(received).or_insert(i);
            if let Some(v) = only {
                self.root[param.0 as usize] = v;
                self.changed = true;
            } else if other != i {
                self.root[param.0 as usize] = self.data(at).params[other];
                self.assumed.extend(is_loop.then_some((block, i, other)));
                self.changed = true;
            }
        }
        self.incoming[block.0 as usize] = edges;
    }
    fn received(&self, at: usize, from: Block, (param, arg): (Value, Value), assume: &Assume) -> Received {
        if self.number[from.0 as usize] < at {
            return Received::Operand(self.operand(arg));
        }
        if let Assume::Before(root) = assume {
            let known = self.known[arg.0 as usize].map(Operand::Known);
            let arg = known.unwrap_or(Operand::Value(root[arg.0 as usize]));
            return Received::Before(root[param.0 as usize], arg);
        }
        match (self.definition[arg.0 as usize], self.home[arg.0 as usize]) {
            (Some(inst), _) if !faults::on("gvn-loop") => Received::Computed(inst.op.clone()),
            (None, Some(home)) if !faults::on("gvn-loop") => Received::Parameter(home),
            _ => Received::Parameter(from),
        }
    }
    /// Whether what was assumed of parameters has come out.
    fn is_consistent(&self) -> bool {
        self.assumed.iter().all(|(block, i, other)| {
            let mut edges = self.incoming[block.0 as usize].iter().map(|(_, edge)| &edge.args);
            edges.all(|args| self.operand(args[*i]) == self.operand(args[*other]))
        })
    }

    /// Removes an instruction if an equal one dominates it and that pays, else keeps it for others.
    fn instruction(&mut self, place: Place, inst: &Inst) {
        let key = self.key(inst);
        let block = self.order[place.0];
        let mut found = None;
        for kept in self.kept.get(&key).into_iter().flatten().rev().take(MEMBERS_MAX) {
            if self.dominators.dominates(self.order[kept.0], block) {
                found = Some(*kept);
                break;
            }
        }
        if let Some(kept) = found {
            let leader = &self.data(kept.0).insts[kept.1];
            if kept.0 == place.0 || self.is_kept_for(inst, leader) {
                for (result, stands) in inst.results.iter().zip(&leader.results) {
                    self.root[result.0 as usize] = *stands;
                }
                self.removed.insert(place, kept);
                self.changed = true;
                return;
            }
        }
        self.kept.entry(key).or_default().push(place);
    }
    /// Whether the result of `kept` is better kept than computed again by `inst`. Measured on the corpus: always, but for conditions, which
    /// take no register beside what they decide.
    fn is_kept_for(&self, inst: &Inst, kept: &Inst) -> bool {
        let is_word = |i: &Inst| i.results.iter().any(|r| self.is_word[r.0 as usize]);
        !matches!(inst.op, Op::Cmp(_) | Op::CmpPair(_) | Op::Cmp64(_)) || is_word(inst) && is_word(kept)
    }
    /// What an instruction computes, in one form for all that compute the same.
    fn key(&self, inst: &Inst) -> (Op, Vec<Operand>) {
        let mut args: Vec<Operand> = inst.args.iter().map(|a| self.operand(*a)).collect();
        let mut op = inst.op.clone();
        if let Op::Cmp(cond) = &mut op {
            let exchanged = match *cond {
                Cond::GtU => Some(Cond::LtU),
                Cond::GtS => Some(Cond::LtS),
                Cond::LeU => Some(Cond::GeU),
                Cond::LeS => Some(Cond::GeS),
                _ => None,
            };
            if let Some(exchanged) = exchanged {
                *cond = exchanged;
                args.swap(0, 1);
            }
            if *cond == Cond::LtS && faults::on("gvn-signed") {
                *cond = Cond::LtU;
            }
        }
        let is_sub = matches!(op, Op::Bin(BinOp::Sub)) && faults::on("gvn-subtraction");
        if commutes(&op) || is_sub {
            args.sort_unstable_by_key(|a| match a {
                Operand::Value(v) => (0, u64::from(v.0)),
                Operand::Known(Known::Const(_, k)) => (1, *k),
                Operand::Known(Known::Address(_)) => (2, 0),
            });
        }
        (op, args)
    }

    /// The next form.
    fn rewritten(&self) -> Func {
        let mut new = self.old.clone();
        let root = |v: &mut Value| *v = self.root[v.0 as usize];
        let stays: Vec<Vec<bool>> =
            new.blocks.iter().map(|b| b.params.iter().map(|p| self.root[p.0 as usize] == *p).collect()).collect();
        for (i, block) in new.blocks.iter_mut().enumerate() {
            let at = self.number[i];
            let mut number = 0..;
            block.insts.retain(|_| !self.removed.contains_key(&(at, number.next().expect("invariant: endless"))));
            block.insts.iter_mut().flat_map(|i| &mut i.args).for_each(root);
            cfg::operands_mut(&mut block.end).iter_mut().for_each(root);
            keep(&mut block.params, &stays[i]);
            for edge in cfg::edges_mut(&mut block.end) {
                edge.args.iter_mut().for_each(root);
                keep(&mut edge.args, &stays[edge.block.0 as usize]);
            }
        }
        new
    }

    /// What an instruction computes from the words of the old form.
    fn fact(&self, inst: &Inst) -> Fact {
        let root = |v: &Value| if self.known[v.0 as usize].is_some() { *v } else { self.root[v.0 as usize] };
        let words = |v: Value| locations(self.old, &self.known, v);
        let args = inst.args.iter().flat_map(|a| words(root(a))).collect();
        Fact { op: inst.op.clone(), args, results: inst.results.iter().flat_map(|r| words(*r)).collect() }
    }

    /// At every cut: old words equal those that stand for them; words that stand for something removed further on are what
    /// computes them.
    fn witness(&self, new: &Func) -> Option<Witness> {
        // Facts are needed, and their operands held, wherever something removed is still to come.
        let mut uses = Uses::of(new);
        let mut facts: BTreeMap<Place, Value> = BTreeMap::new();
        for (place, kept) in &self.removed {
            let block = self.order[place.0];
            let fact = *facts.entry(*kept).or_insert_with(|| uses.define(self.order[kept.0]));
            let args = self.data(place.0).insts[place.1].args.iter().map(|a| self.operand(*a));
            args.for_each(|a| {
                if let Operand::Value(v) = a {
                    uses.add(v, block)
                }
            });
            uses.add(fact, block);
        }
        for block in &self.order {
            let merged = self.old.blocks[block.0 as usize].params.iter().map(|p| (*p, self.root[p.0 as usize]));
            merged.filter(|(p, root)| p != root).for_each(|(_, root)| uses.add(root, *block));
        }
        let place: FxHashMap<Value, Place> = facts.into_iter().map(|(place, fact)| (fact, place)).collect();
        let stated: FxHashMap<Place, Fact> =
            place.values().map(|p| (*p, self.fact(&self.data(p.0).insts[p.1]))).collect();
        let words = |v: Value| locations(self.old, &self.known, self.root[v.0 as usize]);
        let (mut witness, live) = renamed((self.old, new), uses, words)?;
        for (cut, facts) in witness.cuts.iter_mut().zip(live) {
            let mut needed: Vec<Place> = facts.iter().map(|f| place[f]).collect();
            needed.sort_unstable();
            rely(cut, needed.iter().map(|p| (&stated[p], Said::Held)));
        }
        Some(witness)
    }
}

fn keep(values: &mut Values, stays: &[bool]) {
    let mut stays = stays.iter();
    values.retain(|_| *stays.next().expect("invariant: one argument for each parameter"));
}

/// Whether the operands may be exchanged.
fn commutes(op: &Op) -> bool {
    match op {
        Op::Bin(op) => {
            matches!(op, BinOp::Add | BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi | BinOp::And | BinOp::Or | BinOp::Xor)
        }
        Op::Bin64(op) => matches!(op, Bin64::Add | Bin64::Mul | Bin64::And | Bin64::Or | Bin64::Xor),
        Op::Cmp(Cond::Eq | Cond::Ne) | Op::Cmp64(Cond::Eq | Cond::Ne) | Op::MulWide => true,
        _ => false,
    }
}

/// By value: whether something else than a branch or trap uses it.
fn words(func: &Func) -> Vec<bool> {
    let mut is_word = vec![false; func.values.len()];
    for block in &func.blocks {
        let computing = block.insts.iter().filter(|i| !matches!(i.op, Op::TrapIf(_)));
        computing.flat_map(|i| &i.args).for_each(|v| is_word[v.0 as usize] = true);
        cfg::edges(&block.end).into_iter().flat_map(|e| &e.args).for_each(|v| is_word[v.0 as usize] = true);
        if let Terminator::Return(values) = &block.end {
            values.iter().for_each(|v| is_word[v.0 as usize] = true);
        }
    }
    is_word
}
