//! What the witness of forwarding says at cut points: which words places hold, and which sums addresses near them are.

use super::{Forwarder, Found, Held, at_offset};
use crate::alias::{Effect, Place};
use crate::cfg;
use crate::liveness::Uses;
use crate::pass::{Fact, Said, rely, renamed};
use crate::prune::{known_values, locations, rematerialize};
use rustc_hash::{FxHashMap, FxHashSet};
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Func, Op, Value};
use synth_validator::witness::{Loc, Witness};

impl Forwarder<'_> {
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

    /// The witness that the next form refines the old one; constants that are forwarded are made where they are used.
    pub(super) fn witness(&self, new: &mut Func) -> Option<Witness> {
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
