//! Local cleaning: constants and identities folded, copies propagated, equal pure operations of a block merged,
//! branches on constants decided, dead code removed.
//!
//! Before: `v2 = const 0; v3 = add v1, v2; v4 = shl v3, v2`. After: uses of `v4` are uses of `v1`. It follows
//! legalization, which leaves many halves that are zero. What it looks through lies in the same block, so that at
//! every cut each new value is still that of an old one; blocks keep their indices. The link is proved by
//! normalisation, comparisons of pairs with zero high words by the solver.

mod fold;

use crate::faults;
use crate::prune::{self, Known};
use crate::{cfg, liveness};
use fold::Folded;
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use std::collections::hash_map::Entry;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, BlockData, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;
use synth_validator::witness::{Cut, Loc, Step, Witness, Word};

/// What an old value is in the new function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operand {
    /// A new value.
    Value(Value),
    /// Known; made anew where it is used.
    Known(Known),
}

impl Operand {
    fn word(k: u32) -> Operand {
        Operand::Known(Known::Const(Type::I32, u64::from(k)))
    }
    /// The constant that an `I32` is.
    fn constant(self) -> Option<u32> {
        match self {
            Operand::Known(Known::Const(Type::I32, k)) => Some(k as u32),
            _ => None,
        }
    }
}

/// The cleaned function, and the witness that it refines the given one.
pub fn simplify(func: &Func) -> (Func, Witness) {
    let known = prune::known_values(func);
    let renaming = prune::redundant_params(func, &known);
    let empty = |b: &BlockData| BlockData {
        params: Values::new(),
        insts: Vec::new(),
        end: Terminator::Trap(TrapKind::Unreachable),
        end_origin: b.end_origin,
    };
    let blocks = func.blocks.iter().map(empty).collect();
    let new = Func { index: func.index, results: func.results.clone(), values: Vec::new(), blocks };
    let mut map = vec![None; func.values.len()];
    for (i, k) in known.iter().enumerate() {
        map[i] = k.map(Operand::Known);
    }
    let mut s = Simplifier { old: func, new, renaming, map, ..Simplifier::empty(func) };
    let order = cfg::reverse_postorder(func);
    for block in &order {
        for v in &func.blocks[block.0 as usize].params {
            let new = s.new.value(func.type_of(*v));
            s.new.blocks[block.0 as usize].params.push(new);
            s.map[v.0 as usize].get_or_insert(Operand::Value(new));
        }
    }
    for block in order {
        s.block(block);
    }
    prune::remove_dead(&mut s.new);
    let witness = s.witness();
    (s.new, witness)
}

struct Simplifier<'f> {
    old: &'f Func,
    new: Func,
    /// Redundant parameters of the old function.
    renaming: prune::Renaming,
    /// What each old value is.
    map: Vec<Option<Operand>>,
    /// Instructions of the current block.
    insts: Vec<Inst>,
    /// Values in the current block of what is known.
    made: FxHashMap<Known, Value>,
    /// Results of the pure operations of the current block.
    computed: FxHashMap<(Op, Vec<Operand>), Values>,
    /// Operation and operands of the current block's values.
    definitions: FxHashMap<Value, (Op, Vec<Operand>)>,
    origin: u32,
}

impl<'f> Simplifier<'f> {
    fn empty(old: &'f Func) -> Self {
        Simplifier {
            old,
            new: Func { index: old.index, results: Vec::new(), values: Vec::new(), blocks: Vec::new() },
            renaming: prune::Renaming::default(),
            map: Vec::new(),
            insts: Vec::new(),
            made: FxHashMap::default(),
            computed: FxHashMap::default(),
            definitions: FxHashMap::default(),
            origin: 0,
        }
    }

    /// What an old value is.
    fn operand(&self, v: Value) -> Operand {
        self.map[self.renaming.get(v).0 as usize].expect("invariant: definitions come before uses in reverse postorder")
    }

    /// The new value of an operand.
    fn value(&mut self, operand: Operand) -> Value {
        let known = match operand {
            Operand::Value(v) => return v,
            Operand::Known(known) => known,
        };
        if let Some(v) = self.made.get(&known) {
            return *v;
        }
        let v = self.new.value(if let Known::Const(ty, _) = known { ty } else { Type::I32 });
        self.insts.push(Inst { op: known.op(), args: Values::new(), results: smallvec![v], origin: self.origin });
        self.made.insert(known, v);
        v
    }

    fn use_of(&mut self, v: Value) -> Value {
        let operand = self.operand(v);
        self.value(operand)
    }

    /// Adds an operation with results of these types, unless the block has computed it before.
    fn emit(&mut self, op: Op, args: Vec<Operand>, types: &[Type]) -> Values {
        let key = (op, args);
        if let Some(results) = self.computed.get(&key) {
            return results.clone();
        }
        let values = key.1.iter().map(|a| self.value(*a)).collect();
        let results: Values = types.iter().map(|t| self.new.value(*t)).collect();
        self.insts.push(Inst { op: key.0.clone(), args: values, results: results.clone(), origin: self.origin });
        if let [result] = results.as_slice() {
            self.definitions.insert(*result, key.clone());
        }
        if prune::is_function(&key.0) || faults::on("simplify-equal-loads") && matches!(key.0, Op::Load { .. }) {
            self.computed.insert(key, results.clone());
        }
        results
    }

    fn block(&mut self, block: Block) {
        let data = &self.old.blocks[block.0 as usize];
        self.made.clear();
        self.computed.clear();
        self.definitions.clear();
        for inst in &data.insts {
            if Known::of(&inst.op).is_none() {
                self.instruction(inst);
            }
        }
        self.origin = data.end_origin;
        let end = self.terminator(&data.end);
        let done = &mut self.new.blocks[block.0 as usize];
        (done.insts, done.end) = (std::mem::take(&mut self.insts), end);
    }

    fn instruction(&mut self, inst: &Inst) {
        self.origin = inst.origin;
        let args: Vec<Operand> = inst.args.iter().map(|a| self.operand(*a)).collect();
        if matches!(inst.op, Op::TrapIf(_))
            && (args[0].constant() == Some(0) || args[0].constant().is_some() && faults::on("simplify-constant-trap"))
        {
            return;
        }
        let mut step = Folded::Op(inst.op.clone(), args);
        let operands = loop {
            step = match step {
                Folded::Operands(operands) => break operands,
                Folded::Parts(parts) => {
                    break parts.into_iter().map(|part| self.part(part)).collect();
                }
                Folded::Op(op, args) => match fold::fold(&op, &args, &self.definitions) {
                    Some(next) => next,
                    None => {
                        let types: Vec<Type> = inst.results.iter().map(|r| self.old.type_of(*r)).collect();
                        break self.emit(op, args, &types).into_iter().map(Operand::Value).collect();
                    }
                },
            };
        };
        for (result, operand) in inst.results.iter().zip(operands) {
            self.map[result.0 as usize] = Some(operand);
        }
    }

    /// One word of a folded pair operation.
    fn part(&mut self, part: Folded) -> Operand {
        match part {
            Folded::Operands(operands) => operands[0],
            Folded::Parts(_) => unreachable!("invariant: parts are words"),
            Folded::Op(op, args) => match fold::fold(&op, &args, &self.definitions) {
                Some(next) => self.part(next),
                None => Operand::Value(self.emit(op, args, &[Type::I32])[0]),
            },
        }
    }

    fn edge(&mut self, edge: &Edge) -> Edge {
        Edge { block: edge.block, args: edge.args.iter().map(|a| self.use_of(*a)).collect() }
    }

    fn terminator(&mut self, end: &Terminator) -> Terminator {
        match end {
            Terminator::Jump(to) => Terminator::Jump(self.edge(to)),
            Terminator::Branch(c, yes, no) => match self.operand(*c).constant() {
                Some(0) => Terminator::Jump(self.edge(no)),
                Some(_) => Terminator::Jump(self.edge(yes)),
                None => Terminator::Branch(self.use_of(*c), self.edge(yes), self.edge(no)),
            },
            Terminator::Switch(i, edges, default) => match self.operand(*i).constant() {
                Some(i) => Terminator::Jump(
                    self.edge(edges.get(i as usize + usize::from(faults::on("simplify-case"))).unwrap_or(default)),
                ),
                None => {
                    let index = self.use_of(*i);
                    let edges = edges.iter().map(|e| self.edge(e)).collect();
                    Terminator::Switch(index, edges, self.edge(default))
                }
            },
            Terminator::Return(values) => Terminator::Return(values.iter().map(|v| self.use_of(*v)).collect()),
            Terminator::Trap(kind) => Terminator::Trap(*kind),
        }
    }

    /// Relates, at every join of the old function that is left, each old value used there or later with what it is. Old values that are
    /// one new value, which the new function does not need, are related with each other: perhaps it does not need it because they are.
    fn witness(&self) -> Witness {
        let everything = "invariant: there is no limit";
        let old_live = liveness::live_in(self.old, usize::MAX).expect(everything);
        let new_live = liveness::live_in(&self.new, usize::MAX).expect(everything);
        let old_preds = cfg::predecessors(self.old);
        let new_preds = cfg::predecessors(&self.new);
        let mut cuts = Vec::new();
        for (i, live) in old_live.iter().enumerate() {
            if old_preds[i].len() < 2 || new_preds[i].is_empty() {
                continue;
            }
            let mut used = new_live[i].clone();
            used.extend(&self.new.blocks[i].params);
            used.sort_unstable();
            let mut cut = Cut { left: i as u64, right: i as u64, ..Cut::default() };
            let mut first: FxHashMap<(Value, u8), Loc> = FxHashMap::default();
            for v in self.old.blocks[i].params.iter().chain(live) {
                for half in 0..self.old.type_of(*v).words() as u8 {
                    let right = match self.operand(*v) {
                        Operand::Known(Known::Const(_, k)) => Loc::Const((k >> (32 * half)) as u32),
                        Operand::Known(Known::Address(symbol)) => Loc::Address(symbol),
                        Operand::Value(n) if used.binary_search(&n).is_ok() => Loc::Value(n, half),
                        Operand::Value(n) => {
                            match first.entry((n, half)) {
                                Entry::Vacant(entry) => drop(entry.insert(Loc::Value(*v, half))),
                                Entry::Occupied(other) => {
                                    let args = [*other.get(), Loc::Const(0)].map(Word::Loc).to_vec();
                                    let defines = Some(Loc::Value(*v, half));
                                    cut.steps.push(Step { op: Op::Bin(BinOp::Or), args, defines });
                                }
                            }
                            continue;
                        }
                    };
                    cut.equal.push((Loc::Value(*v, half), right));
                }
            }
            cuts.push(cut);
        }
        Witness { cuts, ..Witness::default() }
    }
}
