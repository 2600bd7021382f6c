//! Scalar forwarding through packed carriers: 64-bit values that only carry two words become those two words.
//!
//! Before: `v2 = join v0, v7; v3 = shl64 v2, v8; v5 = join v1, v7; v6 = or64 v5, v3; … v9, v10 = split v6` with `v7 = const 0` and `v8 =
//! const64 32`. After: `…` with uses of `v9` and `v10` being uses of `v1` and `v0`. Such values arise where a pair of words is returned
//! through a seam between languages, and after inlining they are taken apart in the same function. It stands after inlining and
//! cleaning. Form for code generation has no 64-bit values any more: there `legalize` splits all of them, carriers or not.
//!
//! A value is a carrier if whatever makes it moves words only (joins, shifts by 32, masks of whole words, disjunctions, selects,
//! block parameters) and whatever uses it takes words only. The largest such set is split.
//!
//! Obligation: refinement; at every cut point the halves of a carrier equal the words that it has become.

use crate::cfg;
use crate::faults;
use crate::liveness::{LIVE_MAX, live_in};
use crate::pass::{Cx, Form};
use crate::prune::{Known, known_values, remove_dead};
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Bin64, Block, BlockData, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;
use synth_validator::witness::{Cut, Loc, Witness};

/// Splits carriers; nothing if there are none.
pub fn carriers(func: &Func, _: &Cx<'_>) -> Option<Form> {
    if !func.values.contains(&Type::I64) {
        return None;
    }
    let known = known_values(func);
    let order = cfg::reverse_postorder(func);
    let split = carried(func, &known, &order);
    let takes_apart = |inst: &Inst| matches!(inst.op, Op::Split) && split[inst.args[0].0 as usize];
    if !order.iter().flat_map(|b| &func.blocks[b.0 as usize].insts).any(takes_apart) {
        return None;
    }
    let mut splitter = Splitter::new(func, &known, &split);
    splitter.run(&order);
    remove_dead(&mut splitter.new);
    let witness = splitter.witness()?;
    Some((splitter.new, witness).into())
}

/// Whether an operation on 64 bits moves whole words only.
fn moves_words(inst: &Inst, known: &[Option<Known>]) -> bool {
    let constant = |n: usize| match known[inst.args[n].0 as usize] {
        Some(Known::Const(Type::I64, k)) => Some(k),
        _ => None,
    };
    let whole = |k: u64| [k as u32, (k >> 32) as u32].into_iter().all(|half| matches!(half, 0 | u32::MAX));
    match inst.op {
        Op::Join | Op::Select | Op::Bin64(Bin64::Or) => true,
        Op::Bin64(Bin64::Shl | Bin64::ShrU) => constant(1).is_some_and(|k| k & 63 == 32),
        Op::Bin64(Bin64::And) => constant(1).or(constant(0)).is_some_and(whole),
        _ => false,
    }
}

/// The carriers, by value: the largest set of 64-bit values that are made of and used as words.
fn carried(func: &Func, known: &[Option<Known>], order: &[Block]) -> Vec<bool> {
    let wide = |v: Value| func.type_of(v) == Type::I64;
    let mut carried: Vec<bool> =
        (0..func.values.len() as u32).map(|v| wide(Value(v)) && known[v as usize].is_none()).collect();
    // Values that must be carriers if one is: the operands and results of an operation, a parameter and its arguments.
    let mut together: Vec<(Value, Value)> = Vec::new();
    let mut open: Vec<Value> = func.blocks[0].params.iter().copied().filter(|p| wide(*p)).collect();
    for b in order {
        let data = &func.blocks[b.0 as usize];
        for inst in &data.insts {
            let values = inst.args.iter().chain(&inst.results).copied().filter(|v| wide(*v));
            if matches!(inst.op, Op::Split) {
                continue;
            }
            if moves_words(inst, known) {
                // A constant is whatever it is used as.
                let all: Vec<Value> = values.filter(|v| known[v.0 as usize].is_none()).collect();
                together.extend(all.windows(2).map(|w| (w[0], w[1])));
            } else {
                open.extend(values);
            }
        }
        open.extend(cfg::operands(&data.end).iter().copied().filter(|v| wide(*v)));
        for edge in cfg::edges(&data.end) {
            let params = &func.blocks[edge.block.0 as usize].params;
            together.extend(params.iter().copied().zip(edge.args.iter().copied()).filter(|(p, _)| wide(*p)));
        }
    }
    let mut bound: FxHashMap<Value, Vec<Value>> = FxHashMap::default();
    for (a, b) in together {
        if known[a.0 as usize].is_none() && known[b.0 as usize].is_none() {
            bound.entry(a).or_default().push(b);
            bound.entry(b).or_default().push(a);
        }
    }
    while let Some(v) = open.pop() {
        if std::mem::replace(&mut carried[v.0 as usize], false) {
            open.extend(bound.get(&v).into_iter().flatten());
        }
    }
    carried
}

/// A word of a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Value(Value),
    Const(u32),
}

struct Splitter<'a> {
    old: &'a Func,
    known: &'a [Option<Known>],
    split: &'a [bool],
    new: Func,
    /// Low and high word of each carrier.
    pairs: FxHashMap<Value, [Word; 2]>,
    /// What results of splits are.
    words: FxHashMap<Value, Word>,
    /// Instructions of the current block, and the constants among them that were made here.
    insts: Vec<Inst>,
    made: FxHashMap<u32, Value>,
    origin: u32,
}

impl<'a> Splitter<'a> {
    fn new(old: &'a Func, known: &'a [Option<Known>], split: &'a [bool]) -> Splitter<'a> {
        let empty = |b: &BlockData| BlockData {
            params: Values::new(),
            insts: Vec::new(),
            end: Terminator::Trap(TrapKind::Unreachable),
            end_origin: b.end_origin,
        };
        let blocks = old.blocks.iter().map(empty).collect();
        let new = Func { index: old.index, results: old.results.clone(), values: old.values.clone(), blocks };
        let (pairs, words, made) = (FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        Splitter { old, known, split, new, pairs, words, insts: Vec::new(), made, origin: 0 }
    }

    fn is_split(&self, v: Value) -> bool {
        self.split[v.0 as usize]
    }

    fn run(&mut self, order: &[Block]) {
        for b in order {
            let mut params = Values::new();
            for v in &self.old.blocks[b.0 as usize].params {
                if self.is_split(*v) {
                    let pair = [self.new.value(Type::I32), self.new.value(Type::I32)];
                    params.extend(pair);
                    self.pairs.insert(*v, pair.map(Word::Value));
                } else {
                    params.push(*v);
                }
            }
            self.new.blocks[b.0 as usize].params = params;
        }
        for b in order {
            let data = &self.old.blocks[b.0 as usize];
            self.made.clear();
            for inst in &data.insts {
                self.origin = inst.origin;
                self.instruction(inst);
            }
            self.origin = data.end_origin;
            let mut end = data.end.clone();
            for v in cfg::operands_mut(&mut end) {
                *v = self.renamed(*v);
            }
            for edge in cfg::edges_mut(&mut end) {
                *edge = self.edge(edge);
            }
            let done = &mut self.new.blocks[b.0 as usize];
            (done.insts, done.end) = (std::mem::take(&mut self.insts), end);
        }
    }

    fn edge(&mut self, edge: &Edge) -> Edge {
        let old = self.old;
        let mut args = Vec::new();
        for (param, arg) in old.blocks[edge.block.0 as usize].params.iter().zip(&edge.args) {
            match self.is_split(*param) {
                true => args.extend(self.pair(*arg).map(|word| self.value(word))),
                false => args.push(self.renamed(*arg)),
            }
        }
        Edge { block: edge.block, args: args.into() }
    }

    /// The words of a carrier or constant.
    fn pair(&self, v: Value) -> [Word; 2] {
        match self.known[v.0 as usize] {
            Some(Known::Const(Type::I64, k)) => [Word::Const(k as u32), Word::Const((k >> 32) as u32)],
            _ => self.pairs[&v],
        }
    }

    /// The word that an old `I32` value is.
    fn word(&self, v: Value) -> Word {
        match self.known[v.0 as usize] {
            Some(Known::Const(Type::I32, k)) => Word::Const(k as u32),
            _ => self.words.get(&v).copied().unwrap_or(Word::Value(v)),
        }
    }

    /// The value that stands for an old one that is no carrier.
    fn renamed(&mut self, v: Value) -> Value {
        match self.words.get(&v).copied() {
            Some(word) => self.value(word),
            None => v,
        }
    }

    fn value(&mut self, word: Word) -> Value {
        match word {
            Word::Value(v) => v,
            Word::Const(k) => match self.made.get(&k) {
                Some(v) => *v,
                None => {
                    let v = self.emit(Op::Const(k), Values::new());
                    self.made.insert(k, v);
                    v
                }
            },
        }
    }

    fn emit(&mut self, op: Op, args: Values) -> Value {
        let result = self.new.value(Type::I32);
        self.insts.push(Inst { op, args, results: smallvec![result], origin: self.origin });
        result
    }

    fn instruction(&mut self, inst: &Inst) {
        let first = inst.results.first().copied();
        match first {
            Some(result) if self.is_split(result) => {
                let pair = self.carrier(inst);
                self.pairs.insert(result, pair);
            }
            _ if matches!(inst.op, Op::Split) && self.is_split(inst.args[0]) => {
                let pair = self.pair(inst.args[0]);
                self.words.extend(inst.results.iter().copied().zip(pair));
            }
            _ => {
                let args = inst.args.iter().map(|v| self.renamed(*v)).collect();
                self.insts.push(Inst { args, ..inst.clone() });
            }
        }
    }

    /// The words of an operation that moves words.
    fn carrier(&mut self, inst: &Inst) -> [Word; 2] {
        let zero = Word::Const(0);
        match inst.op {
            Op::Join => [self.word(inst.args[0]), self.word(inst.args[1])],
            Op::Bin64(Bin64::Shl) if faults::on("carriers-swapped") => [self.pair(inst.args[0])[0], zero],
            Op::Bin64(Bin64::Shl) => [zero, self.pair(inst.args[0])[0]],
            Op::Bin64(Bin64::ShrU) => [self.pair(inst.args[0])[1], zero],
            Op::Select => {
                let condition = self.renamed(inst.args[0]);
                let (a, b) = (self.pair(inst.args[1]), self.pair(inst.args[2]));
                [0, 1].map(|half| self.select(condition, a[half], b[half]))
            }
            Op::Bin64(op) => {
                let (a, b) = (self.pair(inst.args[0]), self.pair(inst.args[1]));
                [0, 1].map(|half| self.bitwise(op, a[half], b[half]))
            }
            _ => unreachable!("invariant: carriers are made by operations that move words"),
        }
    }

    fn select(&mut self, condition: Value, a: Word, b: Word) -> Word {
        if a == b {
            return a;
        }
        let args = smallvec![condition, self.value(a), self.value(b)];
        Word::Value(self.emit(Op::Select, args))
    }

    /// A conjunction with 0 or all ones, or a disjunction.
    fn bitwise(&mut self, op: Bin64, a: Word, b: Word) -> Word {
        let is_and = op == Bin64::And;
        let (neutral, absorbing) = if is_and { (u32::MAX, 0) } else { (0, u32::MAX) };
        match (a, b) {
            (Word::Const(k), other) | (other, Word::Const(k)) if k == neutral => {
                match is_and && faults::on("carriers-half") {
                    true => Word::Const(0),
                    false => other,
                }
            }
            (Word::Const(k), _) | (_, Word::Const(k)) if k == absorbing => Word::Const(k),
            (Word::Const(x), Word::Const(y)) => Word::Const(if is_and { x & y } else { x | y }),
            _ => {
                let op = if is_and { BinOp::And } else { BinOp::Or };
                let args = smallvec![self.value(a), self.value(b)];
                Word::Value(self.emit(Op::Bin(op), args))
            }
        }
    }

    /// Relates, at every join, each old word used there or later with what it has become.
    fn witness(&self) -> Option<Witness> {
        let (old_live, new_live) = (live_in(self.old, LIVE_MAX)?, live_in(&self.new, LIVE_MAX)?);
        let preds = cfg::predecessors(self.old);
        let mut cuts = Vec::new();
        for (i, live) in old_live.iter().enumerate().filter(|(i, _)| preds[*i].len() >= 2) {
            let params = &self.new.blocks[i].params;
            let is_used = |v: &Value| params.contains(v) || new_live[i].binary_search(v).is_ok();
            let mut equal = Vec::new();
            for v in self.old.blocks[i].params.iter().chain(live) {
                let words = match self.is_split(*v) {
                    true => self.pair(*v).to_vec(),
                    false if self.old.type_of(*v) == Type::I64 => vec![Word::Value(*v); 2],
                    false => vec![self.word(*v)],
                };
                for (half, word) in (0..).zip(words) {
                    let right = match word {
                        Word::Const(k) => Loc::Const(k),
                        Word::Value(n) if !is_used(&n) => continue,
                        Word::Value(n) => Loc::Value(n, if n == *v { half } else { 0 }),
                    };
                    equal.push((Loc::Value(*v, half), right));
                }
            }
            cuts.push(Cut { left: i as u64, right: i as u64, equal, ..Cut::default() });
        }
        Some(Witness { cuts, ..Witness::default() })
    }
}
