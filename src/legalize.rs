//! Splits `I64` values into pairs of words.
//!
//! Before: `v2 = add64 v0, v1`. After: `v4, v5 = add_pair v0, v1, v2, v3`, low word first everywhere: parameters,
//! arguments, results. Joins and splits vanish. The formulas are those of `synth_validator::pair`, operation by
//! operation, so that the proof of the link closes by identity; shifts by constants are written directly.
//! Blocks keep their indices. It stands first in the pipeline, so that every later pass sees words only.

mod product;
mod shift;

use crate::faults;
use crate::prune::{self, Known};
use crate::{cfg, liveness};
use product::Signs;
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use synth_validator::domain::{BinOp, UnOp, Width};
use synth_validator::ir::{Bin64, BlockData, Cond, Edge, Func, Inst, Op, Terminator, Type, Un64, Value, Values};
use synth_validator::trap::TrapKind;
use synth_validator::witness::{Cut, Loc, Step, Witness, Word};

/// (low, high).
type Pair = (Value, Value);

/// The function in words, and the witness that it refines the given one.
pub fn legalize(func: &Func) -> (Func, Witness) {
    let empty = |b: &BlockData| BlockData {
        params: Values::new(),
        insts: Vec::new(),
        end: Terminator::Trap(TrapKind::Unreachable),
        end_origin: b.end_origin,
    };
    let new = Func {
        index: func.index,
        results: func.results.iter().flat_map(|t| vec![Type::I32; t.words()]).collect(),
        values: Vec::new(),
        blocks: func.blocks.iter().map(empty).collect(),
    };
    let map = vec![None; func.values.len()];
    let mut l = Legalizer {
        old: func,
        new,
        map,
        insts: Vec::new(),
        constants: FxHashMap::default(),
        known: FxHashMap::default(),
        signs: Signs::default(),
        origin: 0,
    };
    let order = cfg::reverse_postorder(func);
    let preds = cfg::predecessors(func);
    let mut stretches: Vec<u32> = (0..func.blocks.len() as u32).collect();
    for block in &order {
        for v in &func.blocks[block.0 as usize].params {
            let pair = l.fresh(func.type_of(*v));
            l.map[v.0 as usize] = Some(pair);
            let words = l.words(*v);
            l.new.blocks[block.0 as usize].params.extend(words);
        }
    }
    for block in order {
        let data = &func.blocks[block.0 as usize];
        if let [pred] = preds[block.0 as usize][..] {
            stretches[block.0 as usize] = stretches[pred.0 as usize];
        }
        l.signs.stretch = stretches[block.0 as usize];
        l.constants.clear();
        for inst in &data.insts {
            l.instruction(inst);
        }
        l.origin = data.end_origin;
        let end = l.terminator(&data.end);
        let done = &mut l.new.blocks[block.0 as usize];
        (done.insts, done.end) = (std::mem::take(&mut l.insts), end);
    }
    let known = prune::known_values(&l.new);
    let witness = l.witness(&known);
    let mut new = l.new;
    prune::rematerialize(&mut new, &known);
    (new, witness)
}

struct Legalizer<'f> {
    old: &'f Func,
    new: Func,
    /// The words of each old value; a word twice for an `I32`.
    map: Vec<Option<Pair>>,
    /// Instructions of the current block.
    insts: Vec<Inst>,
    /// Constants of the current block.
    constants: FxHashMap<u32, Value>,
    /// Values of constants.
    known: FxHashMap<Value, u32>,
    signs: Signs,
    origin: u32,
}

impl Legalizer<'_> {
    fn word_value(&mut self) -> Value {
        self.new.value(Type::I32)
    }

    /// New values for one of this type.
    fn fresh(&mut self, ty: Type) -> Pair {
        let low = self.word_value();
        (low, if ty == Type::I64 { self.word_value() } else { low })
    }

    /// The words of an old value.
    fn pair(&self, v: Value) -> Pair {
        self.map[v.0 as usize].expect("invariant: definitions come before uses in reverse postorder")
    }

    /// The word of an old `I32` value.
    fn low(&self, v: Value) -> Value {
        self.pair(v).0
    }

    /// One or two words, low first.
    fn words(&self, v: Value) -> impl Iterator<Item = Value> + use<> {
        let (low, high) = self.pair(v);
        [low, high].into_iter().take(self.old.type_of(v).words())
    }

    fn all_words(&self, values: &[Value]) -> Values {
        values.iter().flat_map(|v| self.words(*v)).collect()
    }

    fn emit(&mut self, op: Op, args: &[Value], results: Values) {
        self.signs.learn(&self.known, &op, args, &results);
        self.insts.push(Inst { op, args: args.into(), results, origin: self.origin });
    }

    fn word(&mut self, op: Op, args: &[Value]) -> Value {
        let v = self.word_value();
        self.emit(op, args, smallvec![v]);
        v
    }

    fn two(&mut self, op: Op, args: &[Value]) -> Pair {
        let (low, high) = (self.word_value(), self.word_value());
        self.emit(op, args, smallvec![low, high]);
        (low, high)
    }

    fn k(&mut self, k: u32) -> Value {
        if let Some(v) = self.constants.get(&k) {
            return *v;
        }
        let v = self.word(Op::Const(k), &[]);
        self.constants.insert(k, v);
        self.known.insert(v, k);
        v
    }

    fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Value {
        self.word(Op::Bin(op), &[a, b])
    }

    fn bin_k(&mut self, op: BinOp, a: Value, k: u32) -> Value {
        let k = self.k(k);
        self.bin(op, a, k)
    }

    fn un(&mut self, op: UnOp, a: Value) -> Value {
        self.word(Op::Un(op), &[a])
    }

    /// Whether a comparison with zero holds.
    fn cmp_zero(&mut self, cond: Cond, a: Value) -> Value {
        let zero = self.k(0);
        self.word(Op::Cmp(cond), &[a, zero])
    }

    fn select(&mut self, c: Value, a: Value, b: Value) -> Value {
        if a == b { a } else { self.word(Op::Select, &[c, a, b]) }
    }

    fn set(&mut self, inst: &Inst, pair: Pair) {
        self.map[inst.results[0].0 as usize] = Some(pair);
    }

    fn instruction(&mut self, inst: &Inst) {
        self.origin = inst.origin;
        let args: Vec<Pair> = inst.args.iter().map(|a| self.pair(*a)).collect();
        let wide = |v: &Value| self.old.type_of(*v) == Type::I64;
        let is_wide = inst.args.iter().chain(&inst.results).any(wide);
        match &inst.op {
            Op::Const(k) => {
                let k = self.k(*k);
                self.set(inst, (k, k));
            }
            Op::Const64(k) => {
                let pair = (self.k(*k as u32), self.k((*k >> 32) as u32));
                self.set(inst, pair);
            }
            Op::Join => self.set(inst, (args[0].0, args[1].0)),
            Op::Split => {
                for (result, word) in inst.results.iter().zip([args[0].0, args[0].1]) {
                    self.map[result.0 as usize] = Some((word, word));
                }
            }
            Op::Bin64(op) => {
                let pair = self.binary(*op, args[0], args[1]);
                self.set(inst, pair);
            }
            Op::Un64(op) => {
                let pair = self.unary(*op, args[0]);
                self.set(inst, pair);
            }
            Op::Cmp64(cond) => {
                let v = self.compare(*cond, args[0], args[1]);
                self.set(inst, (v, v));
            }
            Op::Select if is_wide => {
                let ((al, ah), (bl, bh)) = (args[1], args[2]);
                let pair = (
                    self.select(args[0].0, al, bl),
                    self.select(args[0].0, ah, if faults::on("legalize-select-half") { ah } else { bh }),
                );
                self.set(inst, pair);
            }
            Op::Load64 { space, offset } => {
                let [low, high] = [*offset, offset.wrapping_add(4)]
                    .map(|offset| Op::Load { space: *space, width: Width::Word, signed: false, offset })
                    .map(|load| self.word(load, &[args[0].0]));
                self.set(inst, (low, high));
            }
            Op::Store64 { space, offset } => {
                let step = if faults::on("legalize-store-offset") { 2 } else { 4 };
                for (offset, word) in [(*offset, args[1].0), (offset.wrapping_add(step), args[1].1)] {
                    let store = Op::Store { space: *space, width: Width::Word, offset };
                    self.emit(store, &[args[0].0, word], Values::new());
                }
            }
            Op::GlobalGet { cell } if is_wide => {
                let pair = [*cell, cell + 1].map(|cell| self.word(Op::GlobalGet { cell }, &[]));
                self.set(inst, (pair[0], pair[1]));
            }
            Op::GlobalSet { cell } if is_wide => {
                let words = if faults::on("legalize-global-half") { 1 } else { 2 };
                for (cell, word) in [(*cell, args[0].0), (cell + 1, args[0].1)].into_iter().take(words) {
                    self.emit(Op::GlobalSet { cell }, &[word], Values::new());
                }
            }
            // Operations on words, and calls, whose words stand in order.
            _ => self.keep(inst),
        }
    }

    fn keep(&mut self, inst: &Inst) {
        let args = self.all_words(&inst.args);
        for result in &inst.results {
            let pair = self.fresh(self.old.type_of(*result));
            self.map[result.0 as usize] = Some(pair);
        }
        let results = self.all_words(&inst.results);
        self.emit(inst.op.clone(), &args, results);
    }

    fn binary(&mut self, op: Bin64, a: Pair, b: Pair) -> Pair {
        let all = [a.0, a.1, b.0, b.1];
        match op {
            Bin64::Add => self.two(Op::AddPair, &all),
            Bin64::Sub => self.two(Op::SubPair, &all),
            Bin64::Div(op) => self.two(Op::DivPair(op), &all),
            Bin64::And => self.each(BinOp::And, a, b),
            Bin64::Or => self.each(BinOp::Or, a, b),
            Bin64::Xor => self.each(BinOp::Xor, a, b),
            Bin64::Mul => self.product(a, b),
            Bin64::Shl | Bin64::ShrU | Bin64::ShrS | Bin64::Rotl | Bin64::Rotr => match self.known.get(&b.0).copied() {
                Some(n) => self.shift_constant(op, a, n & 63),
                None => self.shift_variable(op, a, b.0),
            },
        }
    }

    fn each(&mut self, op: BinOp, a: Pair, b: Pair) -> Pair {
        (self.bin(op, a.0, b.0), self.bin(op, a.1, b.1))
    }

    fn clz(&mut self, a: Pair) -> Value {
        let high = self.un(UnOp::Clz, a.1);
        let low = self.un(UnOp::Clz, a.0);
        let low = if faults::on("legalize-clz") { low } else { self.bin_k(BinOp::Add, low, 32) };
        let empty = self.cmp_zero(Cond::Eq, a.1);
        self.select(empty, low, high)
    }

    fn unary(&mut self, op: Un64, a: Pair) -> Pair {
        let low = match op {
            Un64::Clz => self.clz(a),
            Un64::Ctz => {
                let reversed = (self.un(UnOp::Rbit, a.1), self.un(UnOp::Rbit, a.0));
                self.clz(reversed)
            }
            Un64::Popcnt => {
                let other = if faults::on("legalize-popcnt") { a.0 } else { a.1 };
                let (low, high) = (self.un(UnOp::Popcnt, a.0), self.un(UnOp::Popcnt, other));
                self.bin(BinOp::Add, low, high)
            }
            Un64::Sext8 => self.un(UnOp::Sext8, a.0),
            Un64::Sext16 => self.un(UnOp::Sext16, a.0),
            Un64::Sext32 => a.0,
        };
        let high = match op {
            Un64::Clz | Un64::Ctz | Un64::Popcnt => self.k(0),
            Un64::Sext8 | Un64::Sext16 | Un64::Sext32 if faults::on("legalize-sign") => self.k(0),
            Un64::Sext8 | Un64::Sext16 | Un64::Sext32 => self.bin_k(BinOp::Ashr, low, 31),
        };
        (low, high)
    }

    fn compare(&mut self, cond: Cond, a: Pair, b: Pair) -> Value {
        if !matches!(cond, Cond::Eq | Cond::Ne) {
            return self.word(Op::CmpPair(cond), &[a.0, a.1, b.0, b.1]);
        }
        let (low, high) = self.each(BinOp::Xor, a, b);
        let both = if faults::on("legalize-compare-half") { low } else { self.bin(BinOp::Or, low, high) };
        self.cmp_zero(cond, both)
    }

    fn terminator(&mut self, end: &Terminator) -> Terminator {
        let edge = |e: &Edge| Edge { block: e.block, args: self.all_words(&e.args) };
        match end {
            Terminator::Jump(to) => Terminator::Jump(edge(to)),
            Terminator::Branch(c, yes, no) => Terminator::Branch(self.low(*c), edge(yes), edge(no)),
            Terminator::Switch(i, edges, default) => {
                Terminator::Switch(self.low(*i), edges.iter().map(edge).collect(), edge(default))
            }
            Terminator::Return(values) => Terminator::Return(self.all_words(values)),
            Terminator::Trap(kind) => Terminator::Trap(*kind),
        }
    }

    /// Relates, at every join, each old value used there or later with its words. A word on which products count as the copies of
    /// another's sign is said to be that.
    fn witness(&self, known: &[Option<Known>]) -> Witness {
        let live = liveness::live_in(self.old, usize::MAX).expect("invariant: there is no limit");
        let preds = cfg::predecessors(self.old);
        let mut cuts = Vec::new();
        for (i, live) in live.iter().enumerate().filter(|(i, _)| preds[*i].len() >= 2) {
            let mut cut = Cut { left: i as u64, right: i as u64, ..Cut::default() };
            let values = self.old.blocks[i].params.iter().chain(live);
            let halves =
                values.flat_map(|v| (0..).zip(self.words(*v)).map(|(half, word)| (Loc::Value(*v, half), word)));
            let halves: Vec<(Loc, Value)> = halves.collect();
            for &(left, word) in &halves {
                let right = prune::word_location(known, word);
                let low = self.signs.relied(word).and_then(|low| halves.iter().find(|(_, w)| *w == low));
                let Some((low, _)) = low else {
                    cut.equal.push((left, right));
                    continue;
                };
                let args = vec![Word::Loc(*low), Word::Loc(Loc::Const(31))];
                cut.computed.push((Word::Step(cut.steps.len() as u32, 0), right));
                cut.steps.push(Step { op: Op::Bin(BinOp::Ashr), args, defines: Some(left) });
            }
            cuts.push(cut);
        }
        Witness { cuts, ..Witness::default() }
    }
}
