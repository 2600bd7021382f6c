//! Choice of rules: which rule of the selection table makes each word of a block.
//!
//! A value that is used once, in its own block, may be made by the rule of its user: it is *taken in*. From the first instruction to
//! the last each gets the cheapest rule, where a rule costs what it says and what the operands cost that nothing else uses. From the
//! last to the first it is then found which values are taken in. They are deferred: no instruction makes them, unless somebody asks
//! for their register after all.

use super::Selector;
use crate::encode::operand::{Imm8, ModifiedImm};
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Inst, Reg, Test};
use crate::selection::assembly::Hole;
use crate::selection::pattern::{Pattern, Root, Shape};
use crate::selection::{CONSTANTS_MAX, OPERANDS_MAX, Variant};
use synth_validator::domain::{BinOp, CmpOp, Space};
use synth_validator::ir::{BlockData, Cond, Inst as IrInst, Op, Terminator, Value};

/// Most operations that a rule has below its root.
const INNER_MAX: usize = 8;

/// An operand of what is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// A value of the IR that is no constant.
    Value(Value),
    /// A register.
    Reg(Reg),
    /// A constant.
    Constant(u32),
}

/// A rule that makes something, and what stands at its operands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    rule: u16,
    cost: u32,
    operands: [Option<Operand>; OPERANDS_MAX],
    constants: [Option<u32>; CONSTANTS_MAX],
    /// Places in the block of what is taken in.
    inner: [u32; INNER_MAX],
    inner_count: usize,
}

/// The rules of a block.
#[derive(Default)]
pub(super) struct Tiles {
    /// By place in the block.
    tiles: Vec<Option<Tile>>,
    /// By place in the block: whether the instruction is taken in.
    taken: Vec<bool>,
}

/// What the root of a comparison is, whether its operands are exchanged, and whether it is negated.
fn comparison(op: &Op) -> Option<(Root, bool, bool)> {
    let root = |cond: Cond| {
        let (op, exchanged, negated) = cond.parts();
        (op, exchanged, negated)
    };
    match op {
        Op::Cmp(cond) => {
            let (op, exchanged, negated) = root(*cond);
            Some((Root::Cmp(op), exchanged, negated))
        }
        Op::CmpPair(cond) => {
            let (op, exchanged, negated) = root(*cond);
            let root = match op {
                CmpOp::Eq => Root::EqPair,
                CmpOp::Ult => Root::LessPair(false),
                CmpOp::Slt => Root::LessPair(true),
            };
            Some((root, exchanged, negated))
        }
        _ => None,
    }
}

fn is_shift(op: BinOp) -> bool {
    matches!(op, BinOp::Shl | BinOp::Lshr | BinOp::Ashr | BinOp::Ror)
}

impl<'a> Selector<'a> {
    /// Finds the rules of a block, and what they take in.
    pub(super) fn find_tiles(&mut self, block: &'a BlockData) {
        let insts = &block.insts;
        self.insts = insts;
        self.tiles = Tiles { tiles: Vec::with_capacity(insts.len()), taken: vec![false; insts.len()] };
        for (at, inst) in insts.iter().enumerate() {
            if let Some(v) = inst.results.first() {
                self.places[v.0 as usize] = at as u32;
            }
            let tile = self.tile_of(inst);
            self.tiles.tiles.push(tile);
        }
        if let Terminator::Branch(v, ..) = block.end {
            self.take_test(v);
        }
        for (at, inst) in insts.iter().enumerate().rev() {
            match &inst.op {
                Op::Select | Op::TrapIf(_) => self.take_test(inst.args[0]),
                Op::Load { space: Space::Linear, .. } | Op::Store { space: Space::Linear, .. } => {
                    self.take_index(inst.args[0]);
                }
                Op::Load { offset: 0, .. } | Op::Store { offset: 0, .. } => self.take_sum(inst.args[0]),
                Op::Cmp(_) | Op::CmpPair(_) => self.take_inner(self.tiles.tiles[at]),
                // The address of another block takes only its value.
                _ if self.is_far_sum(inst) => {}
                _ if !self.tiles.taken[at] => self.take_inner(self.tiles.tiles[at]),
                _ => {}
            }
        }
    }
    fn is_far_sum(&self, inst: &IrInst) -> bool {
        let sum = inst.results.first().and_then(|v| self.addresses.sums.get(v));
        sum.is_some_and(|sum| !sum.is_near)
    }
    fn take_inner(&mut self, tile: Option<Tile>) {
        if let Some(tile) = tile {
            tile.inner[..tile.inner_count].iter().for_each(|at| self.tiles.taken[*at as usize] = true);
        }
    }
    /// A comparison is taken in by the only user of its truth value.
    fn take_test(&mut self, v: Value) {
        let v = self.resolve(v);
        match self.tested_here(v) {
            Some(at) => self.tiles.taken[at] = true,
            None => self.take_inner(self.best(Root::Cmp(CmpOp::Eq), &[self.operand(v), Operand::Constant(0)])),
        }
    }
    /// An index that is shifted left by little may be shifted by the load or store.
    fn take_index(&mut self, v: Value) {
        if let Some(at) = self.inner_place(self.resolve(v)) {
            let inst = &self.insts[at];
            let is_small = || self.constant(inst.args[1]).is_some_and(|k| k <= 3);
            if inst.op == Op::Bin(BinOp::Shl) && is_small() {
                self.tiles.taken[at] = true;
            }
        }
    }
    /// The sum that a host address is may be made by the load or store, with one summand shifted as an index is.
    fn take_sum(&mut self, v: Value) {
        let Some(at) = self.inner_place(self.resolve(v)) else { return };
        let (op, args) = (&self.insts[at].op, &self.insts[at].args);
        if *op == Op::Bin(BinOp::Add) && args.iter().all(|a| self.constant(*a).is_none()) {
            let (a, b) = (args[0], args[1]);
            self.tiles.taken[at] = true;
            self.take_index(b);
            if self.inner_place(self.resolve(b)).is_none_or(|at| !self.tiles.taken[at]) {
                self.take_index(a);
            }
        }
    }
    /// Whether nobody makes an instruction's value for itself.
    pub(super) fn is_taken(&self, inst: &IrInst) -> bool {
        let place = inst.results.first().and_then(|v| self.place(*v));
        place.is_some_and(|at| self.tiles.taken[at])
    }
    /// The place in the block of the instruction that defines a value.
    fn place(&self, v: Value) -> Option<usize> {
        let at = self.places[v.0 as usize] as usize;
        (self.insts.get(at)?.results.first() == Some(&v)).then_some(at)
    }
    /// The place of a value that its user may take in.
    fn inner_place(&self, v: Value) -> Option<usize> {
        let at = self.place(v)?;
        let is_single = self.facts.uses[v.0 as usize] == 1 && self.facts.user_block[v.0 as usize] == self.block.0;
        let is_word = matches!(self.insts[at].op, Op::Bin(_) | Op::Un(_));
        let is_free = || !self.products.makes(v) && !self.addresses.sums.contains_key(&v);
        (is_single && is_word && is_free()).then_some(at)
    }
    /// The place of a comparison whose truth value only tests use, all of which it can be made for at once.
    fn tested_here(&self, v: Value) -> Option<usize> {
        let at = self.place(v)?;
        let is_single = self.facts.uses[v.0 as usize] == 1 && self.facts.user_block[v.0 as usize] == self.block.0;
        let compares = matches!(self.insts[at].op, Op::Cmp(_) | Op::CmpPair(_));
        (compares && (is_single || self.is_only_tested(v))).then_some(at)
    }
    pub(super) fn operand(&self, v: Value) -> Operand {
        match self.constant(v) {
            Some(k) => Operand::Constant(k),
            None => Operand::Value(self.resolve(v)),
        }
    }
    /// The operands of a binary operation. An amount of a shift is what the shift takes of it.
    fn binary(&self, op: BinOp, inst: &IrInst) -> [Operand; 2] {
        let [a, b] = [self.operand(inst.args[0]), self.operand(inst.args[1])];
        match b {
            Operand::Constant(k) if op == BinOp::Ror => [a, Operand::Constant(k % 32)],
            Operand::Constant(k) if is_shift(op) => [a, Operand::Constant(k & 0xff)],
            _ => [a, b],
        }
    }
    /// The cheapest rule for what an instruction computes from words.
    fn tile_of(&self, inst: &IrInst) -> Option<Tile> {
        match &inst.op {
            Op::Bin(op) => self.best(Root::Bin(*op), &self.binary(*op, inst)),
            Op::Un(op) => self.best(Root::Un(*op), &[self.operand(inst.args[0])]),
            op => {
                let (root, exchanged, _) = comparison(op)?;
                self.best(root, &self.compared(inst, exchanged))
            }
        }
    }
    /// Operands of a comparison of words or pairs.
    fn compared(&self, inst: &IrInst, exchanged: bool) -> Vec<Operand> {
        let mut all: Vec<Operand> = inst.args.iter().map(|a| self.operand(*a)).collect();
        if exchanged && !faults::on("select-compare-exchanged") {
            let half = all.len() / 2;
            all.rotate_left(half);
        }
        all
    }
    fn shape(&self, operand: Operand) -> Shape {
        match operand {
            Operand::Constant(_) => Shape::Constant,
            Operand::Reg(_) => Shape::Plain,
            Operand::Value(v) => match self.inner_place(v).map(|at| &self.insts[at].op) {
                Some(Op::Bin(op)) => Shape::Bin(*op),
                Some(Op::Un(op)) => Shape::Un(*op),
                _ => Shape::Plain,
            },
        }
    }
    /// The cheapest rule for a root with these operands; of several the one that takes in most, then the first.
    pub(super) fn best(&self, root: Root, operands: &[Operand]) -> Option<Tile> {
        let shape = |n: usize| operands.get(n).map_or(Shape::Plain, |o| self.shape(*o));
        let mut best: Option<Tile> = None;
        for variant in self.table.candidates(root, shape(0), shape(1)) {
            let Some(tile) = self.matched(variant, operands) else { continue };
            let better = |b: &Tile| (tile.cost, b.inner_count) < (b.cost, tile.inner_count);
            if best.as_ref().is_none_or(better) {
                best = Some(tile);
            }
        }
        best
    }
    fn matched(&self, variant: &Variant, operands: &[Operand]) -> Option<Tile> {
        let rule = &self.table.rules[usize::from(variant.rule)];
        if rule.needs_dsp && !self.tuning.core.has_dsp() {
            return None;
        }
        let mut tile = Tile {
            rule: variant.rule,
            cost: 0,
            operands: [None; OPERANDS_MAX],
            constants: [None; CONSTANTS_MAX],
            inner: [0; INNER_MAX],
            inner_count: 0,
        };
        for (pattern, operand) in variant.patterns.iter().zip(operands) {
            self.bind(pattern, *operand, &mut tile)?;
        }
        let constants = tile.constants();
        let classes = rule.classes.iter().zip(constants);
        if !classes.into_iter().all(|(class, k)| class.contains(k)) {
            return None;
        }
        if !faults::on("select-rule-condition") && !rule.conditions.iter().all(|c| c.value(&constants) != 0) {
            return None;
        }
        let used = tile.operands.iter().flatten().map(|o| self.operand_cost(*o)).sum::<u32>();
        tile.cost = self.tuning.cost(rule.cost.0, rule.cost.1) + used;
        Some(tile)
    }
    fn bind(&self, pattern: &Pattern, operand: Operand, tile: &mut Tile) -> Option<()> {
        match (pattern, operand) {
            (Pattern::Operand(n), _) => {
                let slot = &mut tile.operands[usize::from(*n)];
                (*slot.get_or_insert(operand) == operand).then_some(())
            }
            (Pattern::Constant(n), Operand::Constant(k)) => {
                let slot = &mut tile.constants[usize::from(*n)];
                (*slot.get_or_insert(k) == k).then_some(())
            }
            (Pattern::Word(word), Operand::Constant(k)) => (*word == k).then_some(()),
            (Pattern::Bin(op, parts), Operand::Value(v)) => {
                let inst = self.inner(v, &Op::Bin(*op), tile)?;
                let [a, b] = self.binary(*op, inst);
                self.bind(&parts[0], a, tile)?;
                self.bind(&parts[1], b, tile)
            }
            (Pattern::Un(op, part), Operand::Value(v)) => {
                let inst = self.inner(v, &Op::Un(*op), tile)?;
                self.bind(part, self.operand(inst.args[0]), tile)
            }
            _ => None,
        }
    }
    /// The instruction that makes a value, taken in, if it is this operation.
    fn inner(&self, v: Value, op: &Op, tile: &mut Tile) -> Option<&'a IrInst> {
        let at = self.inner_place(v)?;
        let inst = &self.insts[at];
        if inst.op != *op || tile.inner_count == INNER_MAX {
            return None;
        }
        tile.inner[tile.inner_count] = at as u32;
        tile.inner_count += 1;
        Some(inst)
    }
    /// What it costs to have an operand in a register, if nothing else needs it there.
    fn operand_cost(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Reg(_) => 0,
            Operand::Constant(k) if Imm8::new(k).is_some() => self.tuning.cost(2, 1),
            Operand::Constant(k) if k < 1 << 16 || ModifiedImm::new(k).or(ModifiedImm::new(!k)).is_some() => {
                self.tuning.cost(4, 1)
            }
            Operand::Constant(_) => self.tuning.cost(6, 2),
            Operand::Value(v) => {
                let tile = self.inner_place(v).and_then(|at| self.tiles.tiles.get(at).copied().flatten());
                tile.map_or(0, |tile| tile.cost)
            }
        }
    }
}

impl Tile {
    fn constants(&self) -> [u32; CONSTANTS_MAX] {
        self.constants.map(Option::unwrap_or_default)
    }
}

impl Selector<'_> {
    /// The instructions of a rule, with registers in place.
    fn filled(&mut self, tile: &Tile, results: &[Reg]) -> Result<Vec<Inst>, CompileError> {
        let rule = &self.table.rules[usize::from(tile.rule)];
        *self.rules.entry(&rule.name).or_default() += 1;
        let mut operands = [Reg(0); OPERANDS_MAX];
        for (register, operand) in operands.iter_mut().zip(tile.operands.iter().flatten()) {
            *register = match operand {
                Operand::Value(v) => self.reg(*v)?,
                Operand::Reg(r) => *r,
                Operand::Constant(k) => self.constant_reg(*k),
            };
        }
        let words: Vec<Reg> = rule.template.words.iter().map(|w| self.constant_reg(*w)).collect();
        let between: Vec<Reg> = (0..rule.template.between).map(|_| self.fresh()).collect();
        let insts = rule.template.filled(&tile.constants(), &mut |hole| match hole {
            Hole::Operand(n) => operands[n],
            Hole::Result(n) => results[n],
            Hole::Between(n) => between[n],
            Hole::Word(n) => words[n],
        });
        Ok(insts)
    }
    fn unmatched(&self, what: &str) -> CompileError {
        self.internal(format!("no proved rule selects {what}"))
    }
    /// Makes what a root computes from operands.
    pub(super) fn make_tile(&mut self, root: Root, operands: &[Operand], results: &[Reg]) -> Result<(), CompileError> {
        let tile = self.best(root, operands).ok_or_else(|| self.unmatched(&format!("{root:?}")))?;
        self.emit_tile(&tile, results)
    }
    fn emit_tile(&mut self, tile: &Tile, results: &[Reg]) -> Result<(), CompileError> {
        for inst in self.filled(tile, results)? {
            self.emit(inst);
        }
        Ok(())
    }
    /// Makes the word that an instruction computes from words.
    pub(super) fn word(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        if let Some((symbol, addend)) = self.symbol_sum(inst) {
            let rd = self.home(inst.results[0]);
            self.emit(Inst::SymbolAddress { rd, symbol, addend });
            return Ok(());
        }
        let here = self.place(inst.results[0]).and_then(|at| self.tiles.tiles[at]);
        let tile = here.ok_or_else(|| self.unmatched(&format!("{:?}", inst.op)))?;
        let rd = self.home(inst.results[0]);
        self.emit_tile(&tile, &[rd])
    }
    /// Makes both words of a pair.
    pub(super) fn pair(&mut self, root: Root, inst: &IrInst) -> Result<(), CompileError> {
        let operands: Vec<Operand> = inst.args.iter().map(|a| self.operand(*a)).collect();
        let [lo, hi] = [self.home(inst.results[0]), self.home(inst.results[1])];
        self.make_tile(root, &operands, &[lo, hi])
    }
    /// The test that a comparison makes.
    pub(super) fn comparison(&mut self, inst: &IrInst) -> Result<Test, CompileError> {
        let here = self.place(inst.results[0]).and_then(|at| self.tiles.tiles[at]);
        let tile = here.ok_or_else(|| self.unmatched(&format!("{:?}", inst.op)))?;
        let negated = comparison(&inst.op).is_some_and(|(.., negated)| negated);
        self.test_of(&tile, negated)
    }
    /// A test that holds if `v` is not zero.
    pub(super) fn test(&mut self, v: Value) -> Result<Test, CompileError> {
        let v = self.resolve(v);
        if let Some(at) = self.tested_here(v) {
            let inst = &self.insts[at];
            self.deferred.remove(&v);
            return self.comparison(inst);
        }
        let operand = self.operand(v);
        self.compare(CmpOp::Eq, [operand, Operand::Constant(0)], true)
    }
    /// The test that a comparison of operands makes, or its negation.
    pub(super) fn compare(&mut self, op: CmpOp, of: [Operand; 2], negated: bool) -> Result<Test, CompileError> {
        let tile = self.best(Root::Cmp(op), &of).ok_or_else(|| self.unmatched(&format!("{op:?}")))?;
        self.test_of(&tile, negated)
    }
    fn test_of(&mut self, tile: &Tile, negated: bool) -> Result<Test, CompileError> {
        let mut insts = self.filled(tile, &[Reg(0)])?;
        let Some(Inst::SetIf { mut test, .. }) = insts.pop() else {
            return Err(self.internal("a test was expected"));
        };
        insts.into_iter().for_each(|inst| self.emit(inst));
        if negated {
            test.condition = test.condition.negated();
        }
        Ok(test)
    }
}
