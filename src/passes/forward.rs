//! Forwarding: a load of what a store or another load has made known becomes that word; reads of globals likewise.
//!
//! Before: `store.word +4 v0, v1; …; v5 = load.word +4 v0; v6 = add v5, v2`. After: `store.word +4 v0, v1; …; v6 = add v1, v2`. It stands
//! after value numbering, which gives equal addresses one name. What is known at the start of a block is known on all edges that
//! lead to it; around a loop, if nothing in the loop may write it. A place is a base with a constant offset ([`crate::alias`]). A
//! narrow load of what a store has just written becomes an extension. A global that holds a word is not given it again.
//!
//! Obligation: refinement; at every cut point between where a place became known and a load that is removed, the witness says that
//! the place holds the word.

use crate::alias::{Effect, Place, Places};
use crate::cfg::{self, Dominators};
use crate::ir_facts::Facts;
use crate::liveness::Uses;
use crate::loops::{Loop, loops};
use crate::pass::{Cx, Fact, Fault, Form, Said, rely, renamed};
use crate::prune::{Known, known_values, locations, rematerialize};
use rustc_hash::{FxHashMap, FxHashSet};
use synth_validator::domain::{BinOp, UnOp, Width};
use synth_validator::ir::{Block, Func, Inst, Op, Type, Value};
use synth_validator::witness::{Loc, Witness};

/// Faults that can be switched on.
pub const FAULTS: &[Fault] = &[
    ("forward-alias", "a store through another base is taken to leave a place alone"),
    ("forward-overlap", "a store counts as apart from what begins elsewhere"),
    ("forward-call", "a call is taken to leave memory and globals alone"),
    ("forward-width", "a narrow load gets the whole word that was stored"),
    ("forward-one-edge", "what one edge brings is known whichever was taken"),
    ("forward-loop", "what a loop writes is known in it as before it"),
];

/// Places known at one point; the oldest are forgotten first.
const KNOWN_MAX: usize = 24;

/// Forwards; nothing if there is nothing to forward.
pub fn forward(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let reads = |i: &Inst| matches!(i.op, Op::Load { .. } | Op::Load64 { .. } | Op::GlobalGet { .. });
    if !func.blocks.iter().any(|b| b.insts.iter().any(reads)) {
        return None;
    }
    let mut forwarder = Forwarder::new(func, cx);
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
    cx: &'a Cx<'a>,
    places: Places<'a>,
    preds: Vec<Vec<Block>>,
    cuts: Facts,
    /// By block: what is known at its end.
    ends: Vec<Vec<Held>>,
    /// What is known where the search is.
    held: Vec<Held>,
    found: Vec<Found>,
}

impl<'a> Forwarder<'a> {
    fn new(old: &'a Func, cx: &'a Cx<'a>) -> Forwarder<'a> {
        let mut preds = cfg::predecessors(old);
        preds.iter_mut().for_each(Vec::dedup);
        let ends = vec![Vec::new(); old.blocks.len()];
        let (places, cuts) = (Places::new(old), Facts::new(old));
        Forwarder { old, cx, places, preds, cuts, ends, held: Vec::new(), found: Vec::new() }
    }

    fn run(&mut self) {
        let dominators = Dominators::new(self.old);
        let headers: FxHashMap<Block, Loop> = loops(self.old, &dominators).into_iter().map(|l| (l.header, l)).collect();
        let mut visited = vec![false; self.old.blocks.len()];
        for block in cfg::reverse_postorder(self.old) {
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
        let others = if self.cx.fault("forward-one-edge") { &[][..] } else { &before[1..] };
        held.retain(|h| {
            (!is_cut || !h.is_partial) && others.iter().all(|p| self.ends[p.0 as usize].iter().any(|o| o.is_same(h)))
        });
        self.held = held;
        if let Some(l) = header.filter(|_| !self.cx.fault("forward-loop")) {
            for inst in l.blocks.iter().flat_map(|b| &self.old.blocks[b.0 as usize].insts) {
                self.change(inst);
            }
        }
    }

    /// Forgets what an instruction may change.
    fn change(&mut self, inst: &Inst) {
        match self.places.effect(inst) {
            Effect::Write(place) => {
                let (alias, overlap) = (self.cx.fault("forward-alias"), self.cx.fault("forward-overlap"));
                let spares = |h: &Held| match (place, h.place) {
                    (Place::Memory { base, offset, .. }, Place::Memory { base: b, offset: o, .. }) => {
                        alias && base != b || overlap && base == b && offset != o
                    }
                    _ => false,
                };
                self.held.retain(|h| spares(h) || !place.may_overlap(h.place));
            }
            Effect::Memory => self.held.retain(|h| !h.place.is_memory()),
            Effect::Call if !self.cx.fault("forward-call") => self.held.clear(),
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
            if is_exact || self.cx.fault("forward-width") {
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
            (Extend::Zero(mask), Some(k)) => (Op::Const(k & mask), vec![]),
            (Extend::Sign(UnOp::Sext8), Some(k)) => (Op::Const(k as i8 as u32), vec![]),
            (Extend::Sign(_), Some(k)) => (Op::Const(k as i16 as u32), vec![]),
            (Extend::Sign(op), None) => (Op::Un(op), vec![word]),
            (Extend::Zero(mask), None) => {
                let v = new.value(Type::I32);
                before.push(Inst { op: Op::Const(mask), args: vec![], results: vec![v], origin: inst.origin });
                (Op::Bin(BinOp::And), vec![word, v])
            }
        };
    }

    /// By block, the facts (by number) that its start needs, and the facts.
    fn needed(&self) -> (Vec<Vec<usize>>, Vec<Fact>) {
        let (mut needed, mut facts) = (vec![Vec::new(); self.old.blocks.len()], Vec::new());
        let mut numbers: FxHashMap<(Place, &Op, Value), usize> = FxHashMap::default();
        let mut seen = FxHashSet::default();
        for Found { block, held, .. } in self.found.iter().filter(|f| !f.held.is_new) {
            let number = *numbers.entry((held.place, &held.read, held.value)).or_insert(facts.len());
            if number == facts.len() {
                facts.push(self.fact(held));
            }
            let mut open = vec![*block];
            while let Some(b) = open.pop() {
                if !seen.insert((number, b)) {
                    continue;
                }
                if self.cuts.is_cut(b.0) {
                    needed[b.0 as usize].push(number);
                }
                // In a loop it may have been forgotten; it holds nevertheless.
                let from_before = |p: &&Block| {
                    let mut end = self.ends[p.0 as usize].iter().filter(|h| h.is_same(held));
                    end.all(|h| !h.is_new)
                };
                open.extend(self.preds[b.0 as usize].iter().filter(from_before));
            }
        }
        (needed, facts)
    }
    /// That a place holds a word.
    fn fact(&self, held: &Held) -> Fact {
        let results = locations(self.old, &self.places.known, held.value);
        let (op, args) = match held.place {
            Place::Memory { base, offset, .. } => {
                let base = base.map_or(Loc::Const(0), |v| Loc::Value(v, 0));
                (at_offset(&held.read, offset), vec![base])
            }
            Place::Cells { first, .. } => (Op::GlobalGet { cell: first }, vec![]),
        };
        Fact { op, args, results }
    }

    fn witness(&self, new: &mut Func) -> Option<Witness> {
        let known = known_values(new);
        let is_constant = |f: &Found| {
            let value = if f.extend.is_none() { f.held.value } else { self.result(f) };
            known[value.0 as usize].is_some()
        };
        if self.found.iter().any(is_constant) {
            rematerialize(new, &known);
        }
        let mut uses = Uses::of(new);
        for Found { block, held, .. } in &self.found {
            let words = base(held.place).into_iter().chain([held.value]);
            words.filter(|v| known[v.0 as usize].is_none()).for_each(|v| uses.add(v, *block));
        }
        let sums = self.sums(&mut uses);
        let stands = |v: Value| locations(self.old, &known, self.places.root[v.0 as usize]);
        let (mut witness, _) = renamed((self.old, new), uses, stands)?;
        let (needed, facts) = self.needed();
        for cut in &mut witness.cuts {
            let live = cut.equal.iter().filter_map(|(_, new)| sums.get(new));
            let held = needed[cut.right as usize].iter().map(|n| &facts[*n]);
            let stated = ordered(live.chain(held).collect());
            rely(cut, stated);
        }
        Some(witness)
    }
    /// Addresses near places that are forwarded and that are sums, by what they are. What they are the sums of is to be held where they are used.
    fn sums(&self, uses: &mut Uses) -> FxHashMap<Loc, Fact> {
        let bases: FxHashSet<Option<Value>> = self.found.iter().map(|f| base(f.held.place)).collect();
        let mut sums = FxHashMap::default();
        for block in cfg::reverse_postorder(self.old) {
            let insts = self.old.blocks[block.0 as usize].insts.iter();
            let accesses = insts.filter(|i| match self.places.effect(i) {
                Effect::Read(place) | Effect::Write(place) => place.is_memory() && bases.contains(&base(place)),
                _ => false,
            });
            for (sum, base, k) in accesses.flat_map(|i| self.places.sums(i.args[0])) {
                uses.add(sum, block);
                uses.add(base, block);
                let (result, args) = (Loc::Value(sum, 0), vec![Loc::Value(base, 0), Loc::Const(k)]);
                sums.entry(result).or_insert(Fact { op: Op::Bin(BinOp::Add), args, results: vec![result] });
            }
        }
        sums
    }
    fn result(&self, f: &Found) -> Value {
        self.old.blocks[f.block.0 as usize].insts[f.inst].results[0]
    }
}

/// The base of a place in linear memory, if that is a value.
fn base(place: Place) -> Option<Value> {
    match place {
        Place::Memory { base, .. } => base,
        Place::Cells { .. } => None,
    }
}

/// Facts in an order in which those that compute operands of others come first. Where they go round in a circle, some are conditions.
fn ordered(mut facts: Vec<&Fact>) -> Vec<(&Fact, Said)> {
    let (mut done, mut conditions) = (Vec::new(), Vec::new());
    while !facts.is_empty() {
        let waits =
            |f: &Fact| f.args.iter().any(|a| facts.iter().any(|g| !std::ptr::eq(*g, f) && g.results.contains(a)));
        let is_circle = |f: &Fact| f.args.iter().any(|a| f.results.contains(a));
        let (later, now): (Vec<&Fact>, Vec<&Fact>) = facts.iter().partition(|f| waits(f));
        if now.is_empty() {
            conditions.push((facts.remove(0), Said::Condition));
            continue;
        }
        for fact in now {
            if is_circle(fact) { conditions.push((fact, Said::Condition)) } else { done.push((fact, Said::Held)) }
        }
        facts = later;
    }
    done.extend(conditions);
    done
}

/// The operation with another offset; reads of globals have none.
fn at_offset(read: &Op, offset: u32) -> Op {
    match *read {
        Op::Load { width, signed, .. } => Op::Load { width, signed: signed && width != Width::Word, offset },
        Op::Load64 { .. } => Op::Load64 { offset },
        _ => Op::GlobalGet { cell: 0 },
    }
}

/// What reads the word that an operation writes.
fn read_of(write: &Op) -> Op {
    match *write {
        Op::Store { width, .. } => Op::Load { width, signed: false, offset: 0 },
        Op::Store64 { .. } => Op::Load64 { offset: 0 },
        _ => Op::GlobalGet { cell: 0 },
    }
}
