//! Forwarding: a load of what a store or another load has made known becomes that word; reads of globals likewise.
//!
//! Before: `store.word +4 v0, v1; …; v5 = load.word +4 v0; v6 = add v5, v2`. After: `store.word +4 v0, v1; …; v6 = add v1, v2`. It stands
//! after value numbering, which gives equal addresses one name. What is known at the start of a block is known on all edges that
//! lead to it; around a loop, if nothing in the loop may write it. A place is a base with a constant offset ([`crate::alias`]). A
//! narrow load of what a store has just written becomes an extension. A global that holds a word is not given it again.
//!
//! Obligation: refinement; at every cut point between where a place became known and a load that is removed, the witness says that
//! the place holds the word.

mod witness;

use crate::alias::{Effect, Place, Places};
use crate::cfg::{self, Dominators, Few};
use crate::faults;
use crate::ir_facts::Cuts;
use crate::loops::{Loop, loops};
use crate::pass::{Cx, Form};
use crate::prune::Known;
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use synth_validator::domain::{BinOp, UnOp, Width};
use synth_validator::ir::{Block, Func, Inst, Op, Type, Value, Values};

/// Places known at one point; the oldest are forgotten first.
const KNOWN_MAX: usize = 24;

/// Forwards; nothing if there is nothing to forward.
pub fn forward(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let reads = |i: &Inst| matches!(i.op, Op::Load { .. } | Op::Load64 { .. } | Op::GlobalGet { .. });
    if !func.blocks.iter().any(|b| b.insts.iter().any(reads)) {
        return None;
    }
    let mut forwarder = Forwarder::new(func);
    forwarder.run();
    if forwarder.found.is_empty() {
        return None;
    }
    let mut new = forwarder.rewritten();
    let witness = forwarder.witness(&mut new)?;
    Some((new, witness).into())
}

/// A place with what it holds.
#[derive(Clone, Debug)]
struct Held {
    place: Place,
    /// The operation that would read the word; offsets do not matter.
    read: Op,
    value: Value,
    /// Written by a store since the last cut point: also what begins there and is narrower is known.
    is_stored: bool,
    /// Written by a narrow store: only the low bits of the value.
    is_partial: bool,
    /// Known in this block, and not from before.
    is_new: bool,
}

impl Held {
    fn is_same(&self, other: &Held) -> bool {
        (self.place, self.value) == (other.place, other.value) && self.read == other.read
    }
}

/// A read that is removed, or a write of a global that holds the word.
struct Found {
    block: Block,
    inst: usize,
    held: Held,
    /// What is done with the word.
    extend: Option<Extend>,
}

/// How the low bits of a stored word are extended, as a load would.
#[derive(Clone, Copy, Debug)]
enum Extend {
    Sign(UnOp),
    Zero(u32),
}

struct Forwarder<'a> {
    old: &'a Func,
    places: Places<'a>,
    preds: Vec<Few<Block>>,
    cuts: Cuts,
    /// By block: what is known at its end.
    ends: Vec<Vec<Held>>,
    /// What is known where the search is.
    held: Vec<Held>,
    found: Vec<Found>,
}

impl<'a> Forwarder<'a> {
    fn new(old: &'a Func) -> Forwarder<'a> {
        let mut preds = cfg::predecessors(old);
        preds.iter_mut().for_each(Few::dedup);
        let ends = vec![Vec::new(); old.blocks.len()];
        let (places, cuts) = (Places::new(old), Cuts::of(old));
        Forwarder { old, places, preds, cuts, ends, held: Vec::new(), found: Vec::new() }
    }

    fn run(&mut self) {
        let dominators = Dominators::new(self.old);
        let headers: FxHashMap<Block, Loop> = loops(self.old, &dominators).into_iter().map(|l| (l.header, l)).collect();
        let mut visited = vec![false; self.old.blocks.len()];
        for block in dominators.order {
            self.enter(block, headers.get(&block), &visited);
            visited[block.0 as usize] = true;
            let old = self.old;
            for (i, inst) in old.blocks[block.0 as usize].insts.iter().enumerate() {
                self.instruction(block, i, inst);
            }
            self.ends[block.0 as usize] = std::mem::take(&mut self.held);
        }
    }

    /// What is known at the start of a block.
    fn enter(&mut self, block: Block, header: Option<&Loop>, visited: &[bool]) {
        let preds = &self.preds[block.0 as usize];
        let (before, back): (Vec<Block>, Vec<Block>) = preds.iter().partition(|p| visited[p.0 as usize]);
        let Some(first) = before.first() else { return };
        if back.iter().any(|b| header.is_none_or(|l| !l.contains(*b))) {
            return;
        }
        let mut held = self.ends[first.0 as usize].clone();
        let is_cut = self.cuts.is_cut(block.0);
        for h in &mut held {
            h.is_new = false;
            h.is_stored &= !is_cut;
        }
        let others = if faults::on("forward-one-edge") { &[][..] } else { &before[1..] };
        held.retain(|h| {
            (!is_cut || !h.is_partial) && others.iter().all(|p| self.ends[p.0 as usize].iter().any(|o| o.is_same(h)))
        });
        self.held = held;
        if let Some(l) = header.filter(|_| !faults::on("forward-loop")) {
            for inst in l.blocks.iter().flat_map(|b| &self.old.blocks[b.0 as usize].insts) {
                self.change(inst);
            }
        }
    }

    /// Forgets what an instruction may change.
    fn change(&mut self, inst: &Inst) {
        match self.places.effect(inst) {
            Effect::Write(place) => {
                let (alias, overlap) = (faults::on("forward-alias"), faults::on("forward-overlap"));
                let spares = |h: &Held| match (place, h.place) {
                    (Place::Memory { base, offset, .. }, Place::Memory { base: b, offset: o, .. }) => {
                        alias && base != b || overlap && base == b && offset != o
                    }
                    _ => false,
                };
                self.held.retain(|h| spares(h) || !place.may_overlap(h.place));
            }
            Effect::Memory => self.held.retain(|h| !h.place.is_memory()),
            Effect::Call if !faults::on("forward-call") => self.held.clear(),
            Effect::Call | Effect::None | Effect::Read(_) | Effect::Trap => {}
        }
    }

    fn instruction(&mut self, block: Block, number: usize, inst: &Inst) {
        match self.places.effect(inst) {
            Effect::Read(place) => {
                let result = inst.results[0];
                let read = at_offset(&inst.op, 0);
                if let Some((held, extend)) = self.find(place, &read, self.old.type_of(result)) {
                    if extend.is_none() {
                        self.places.root[result.0 as usize] = held.value;
                    }
                    self.found.push(Found { block, inst: number, held, extend });
                    if extend.is_none() {
                        return;
                    }
                }
                let value = result;
                self.add(Held { place, read, value, is_stored: false, is_partial: false, is_new: true });
            }
            Effect::Write(place) => {
                let value = inst.args.last().expect("invariant: a store has a value");
                let value = self.places.root[value.0 as usize];
                // That memory stays the same the validator would need a solver for.
                let is_there = |h: &&Held| !place.is_memory() && (h.place, h.value) == (place, value);
                if let Some(held) = self.held.iter().find(is_there) {
                    let held = held.clone();
                    self.found.push(Found { block, inst: number, held, extend: None });
                    return;
                }
                self.change(inst);
                let read = read_of(&inst.op);
                let is_partial = matches!(read, Op::Load { width: Width::Byte | Width::Half, .. });
                self.add(Held { place, read, value, is_stored: true, is_partial, is_new: true });
            }
            _ => self.change(inst),
        }
    }
    fn add(&mut self, held: Held) {
        // An address of a symbol is made where it is used.
        if matches!(self.places.known[held.value.0 as usize], Some(Known::Address(_))) {
            return;
        }
        if self.held.len() == KNOWN_MAX {
            self.held.remove(0);
        }
        self.held.push(held);
    }

    /// What is known of a place that is read, and how it is extended.
    fn find(&self, place: Place, read: &Op, ty: Type) -> Option<(Held, Option<Extend>)> {
        for h in self.held.iter().rev() {
            if self.old.type_of(h.value) != ty || !h.place.covers(place) {
                continue;
            }
            let Op::Load { width, signed, .. } = *read else {
                if h.read == *read && h.place == place {
                    return Some((h.clone(), None));
                }
                continue;
            };
            let is_exact = h.place == place && h.read == *read && !h.is_partial;
            if is_exact || faults::on("forward-width") {
                return Some((h.clone(), None));
            }
            let starts = |a: Place, b: Place| match (a, b) {
                (Place::Memory { offset, .. }, Place::Memory { offset: o, .. }) => offset == o,
                _ => false,
            };
            if h.is_stored && starts(h.place, place) {
                let extend = match (width, signed) {
                    (Width::Byte, true) => Extend::Sign(UnOp::Sext8),
                    (Width::Half, true) => Extend::Sign(UnOp::Sext16),
                    _ => Extend::Zero(width.mask()),
                };
                return Some((h.clone(), Some(extend)));
            }
        }
        None
    }

    /// The next form.
    fn rewritten(&self) -> Func {
        let mut new = self.old.clone();
        let found: FxHashMap<(Block, usize), &Found> = self.found.iter().map(|f| ((f.block, f.inst), f)).collect();
        for b in 0..new.blocks.len() {
            let insts = std::mem::take(&mut new.blocks[b].insts);
            let mut kept = Vec::with_capacity(insts.len());
            for (i, mut inst) in insts.into_iter().enumerate() {
                match found.get(&(Block(b as u32), i)) {
                    None => inst.args.iter_mut().for_each(|v| *v = self.places.root[v.0 as usize]),
                    Some(Found { extend: None, .. }) => continue,
                    Some(Found { extend: Some(extend), held, .. }) => {
                        self.extend(&mut new, &mut inst, held.value, *extend, &mut kept);
                    }
                }
                kept.push(inst);
            }
            let block = &mut new.blocks[b];
            block.insts = kept;
            let args = cfg::edges_mut(&mut block.end).into_iter().flat_map(|e| &mut e.args);
            args.for_each(|v| *v = self.places.root[v.0 as usize]);
            cfg::operands_mut(&mut block.end).iter_mut().for_each(|v| *v = self.places.root[v.0 as usize]);
        }
        new
    }
    /// Makes a load the extension of a word.
    fn extend(&self, new: &mut Func, inst: &mut Inst, word: Value, extend: Extend, before: &mut Vec<Inst>) {
        (inst.op, inst.args) = match (extend, self.places.constant(word)) {
            (Extend::Zero(mask), Some(k)) => (Op::Const(k & mask), Values::new()),
            (Extend::Sign(UnOp::Sext8), Some(k)) => (Op::Const(k as i8 as u32), Values::new()),
            (Extend::Sign(_), Some(k)) => (Op::Const(k as i16 as u32), Values::new()),
            (Extend::Sign(op), None) => (Op::Un(op), smallvec![word]),
            (Extend::Zero(mask), None) => {
                let v = new.value(Type::I32);
                before.push(Inst {
                    op: Op::Const(mask),
                    args: Values::new(),
                    results: smallvec![v],
                    origin: inst.origin,
                });
                (Op::Bin(BinOp::And), smallvec![word, v])
            }
        };
    }
}

/// The operation with another offset; reads of globals have none.
fn at_offset(read: &Op, offset: u32) -> Op {
    match *read {
        Op::Load { space, width, signed, .. } => {
            Op::Load { space, width, signed: signed && width != Width::Word, offset }
        }
        Op::Load64 { space, .. } => Op::Load64 { space, offset },
        _ => Op::GlobalGet { cell: 0 },
    }
}

/// What reads the word that an operation writes.
fn read_of(write: &Op) -> Op {
    match *write {
        Op::Store { space, width, .. } => Op::Load { space, width, signed: false, offset: 0 },
        Op::Store64 { space, .. } => Op::Load64 { space, offset: 0 },
        _ => Op::GlobalGet { cell: 0 },
    }
}
