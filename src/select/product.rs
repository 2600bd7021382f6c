//! Selection of long products.
//!
//! A product of words as 64 bits is one `mul_wide`, or a `mul` beside the high word of the same operands: `smull` and `umull` make
//! both words at once. Where a sum of pairs is the only use of both, it becomes `smlal` or `umlal`.

use super::Selector;
use super::tiles::Operand;
use crate::error::CompileError;
use crate::faults;
use crate::selection::pattern::Root;
use std::collections::BTreeMap;
use synth_validator::domain::BinOp;
use synth_validator::ir::{BlockData, Inst as IrInst, Op, Value};

/// A long product of a block.
#[derive(Clone, Copy)]
struct Product {
    signed: bool,
    factors: [Value; 2],
    low: Value,
    high: Value,
    /// Whether a sum makes it.
    is_in_sum: bool,
    is_made: bool,
}

/// The long products of a block.
#[derive(Default)]
pub(super) struct Products {
    all: Vec<Product>,
    /// By word: its product.
    of_word: BTreeMap<Value, usize>,
    /// By low word of a sum: the product that is added, and where the other summand stands in its operands.
    of_sum: BTreeMap<Value, (usize, usize)>,
}

impl Products {
    /// Whether it makes a value.
    pub(super) fn makes(&self, v: Value) -> bool {
        self.of_word.contains_key(&v)
    }
    fn add(&mut self, signed: bool, factors: [Value; 2], low: Value, high: Value) {
        let number = self.all.len();
        if self.of_word.contains_key(&low) {
            return;
        }
        self.of_word.extend([(low, number), (high, number)]);
        self.all.push(Product { signed, factors, low, high, is_in_sum: false, is_made: false });
    }
}

fn is_high(op: &Op) -> bool {
    matches!(op, Op::Bin(BinOp::UMulHi | BinOp::SMulHi) | Op::MulWide)
}

impl Selector<'_> {
    /// Finds the long products of a block.
    pub(super) fn find_products(&mut self, block: &BlockData) {
        self.products = Products::default();
        if !block.insts.iter().any(|i| is_high(&i.op)) {
            return;
        }
        let factors = |inst: &IrInst| {
            let [a, b] = [self.resolve(inst.args[0]), self.resolve(inst.args[1])];
            [a.min(b), a.max(b)]
        };
        let low = |inst: &&IrInst| inst.op == Op::Bin(BinOp::Mul);
        let lows: BTreeMap<[Value; 2], Value> =
            block.insts.iter().filter(low).map(|i| (factors(i), self.resolve(i.results[0]))).collect();
        let mut products = Products::default();
        for inst in block.insts.iter().filter(|i| is_high(&i.op)) {
            let (factors, first) = (factors(inst), self.resolve(inst.results[0]));
            match inst.op {
                Op::MulWide => products.add(false, factors, first, self.resolve(inst.results[1])),
                _ => {
                    if let Some(low) = lows.get(&factors) {
                        products.add(inst.op == Op::Bin(BinOp::SMulHi), factors, *low, first);
                    }
                }
            }
        }
        for inst in block.insts.iter().filter(|i| i.op == Op::AddPair) {
            let words: Vec<Value> = inst.args.iter().map(|a| self.resolve(*a)).collect();
            let once = |v: &Value| self.facts.uses[v.0 as usize] == 1;
            for (at, other) in [(2, 0), (0, 2)] {
                let Some(number) = products.of_word.get(&words[at]).copied() else { continue };
                let product = &mut products.all[number];
                let is_it = [product.low, product.high] == words[at..at + 2];
                if is_it && words[at..at + 2].iter().all(once) {
                    product.is_in_sum = true;
                    products.of_sum.insert(self.resolve(inst.results[0]), (number, other));
                    break;
                }
            }
        }
        self.products = products;
    }
    /// Selects an instruction that is part of a long product, or adds one. Result: whether it is.
    pub(super) fn long_product(&mut self, inst: &IrInst) -> Result<bool, CompileError> {
        let Some(first) = inst.results.first().map(|v| self.resolve(*v)) else { return Ok(false) };
        if let Some((number, other)) = self.products.of_sum.get(&first).copied() {
            let Product { signed, factors: [a, b], .. } = self.products.all[number];
            let high = if faults::on("select-accumulate-half") { other } else { other + 1 };
            let [al, ah] = [self.reg(inst.args[other])?, self.reg(inst.args[high])?];
            let [rn, rm] = [self.reg(a)?, self.reg(b)?];
            let [lo, hi] = [self.home(inst.results[0]), self.home(inst.results[1])];
            let operands = [al, ah, rn, rm].map(Operand::Reg);
            self.make_tile(Root::AddWide(signed), &operands, &[lo, hi])?;
            return Ok(true);
        }
        let Some(number) = self.products.of_word.get(&first).copied() else { return Ok(false) };
        let product = &mut self.products.all[number];
        let is_made = std::mem::replace(&mut product.is_made, true);
        let Product { signed, factors: [a, b], low, high, is_in_sum, .. } = *product;
        if !is_made && !is_in_sum {
            let [rn, rm] = [self.reg(a)?, self.reg(b)?];
            let [lo, hi] = [self.home(low), self.home(high)];
            self.make_tile(
                Root::MulWide(signed != faults::on("select-product-sign")),
                &[rn, rm].map(Operand::Reg),
                &[lo, hi],
            )?;
        }
        Ok(true)
    }
}
