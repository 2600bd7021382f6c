//! Selection of saturation: two choices that keep a word between a least and a greatest number become `ssat` or `usat`.

use super::Selector;
use crate::error::CompileError;
use crate::evaluate::negated;
use crate::faults;
use crate::machine::{Inst, Src};
use std::collections::BTreeMap;
use synth_validator::ir::{BlockData, Cond, Inst as IrInst, Op, Value};

/// The comparison with operands exchanged.
fn exchanged(cond: Cond) -> Cond {
    match cond {
        Cond::Eq => Cond::Eq,
        Cond::Ne => Cond::Ne,
        Cond::LtU => Cond::GtU,
        Cond::LtS => Cond::GtS,
        Cond::GtU => Cond::LtU,
        Cond::GtS => Cond::LtS,
        Cond::LeU => Cond::GeU,
        Cond::LeS => Cond::GeS,
        Cond::GeU => Cond::LeU,
        Cond::GeS => Cond::LeS,
    }
}

/// A word with a bound: the least or the greatest value that a choice lets pass.
struct Bounded {
    word: Value,
    bound: i32,
    is_greatest: bool,
    /// Whether it is the bound of an unsigned comparison.
    is_unsigned: bool,
}

/// Saturations of a block.
#[derive(Default)]
pub(super) struct Saturations {
    /// By result: whether it is signed, to how many bits, and the word.
    all: BTreeMap<Value, (bool, u32, Value)>,
    /// Inner choices that nothing else uses.
    inner: Vec<Value>,
}

/// The range of numbers of so many bits that has these ends: whether it is signed, and the bits.
fn range(least: i32, greatest: i32) -> Option<(bool, u32)> {
    let ones = (greatest as u32).trailing_ones();
    let is_full = greatest > 0 && greatest as u32 & (greatest as u32 + 1) == 0;
    match least {
        _ if !is_full => None,
        0 => Some((false, ones)),
        least if least == !greatest => Some((true, ones + 1 - u32::from(faults::on("select-saturate-bits")))),
        _ => None,
    }
}

impl Selector<'_> {
    /// Finds the saturations of a block.
    pub(super) fn find_saturations(&mut self, block: &BlockData) {
        self.saturations = Saturations::default();
        let is_part = |i: &&IrInst| matches!(i.op, Op::Select | Op::Cmp(_));
        if block.insts.iter().filter(|i| i.op == Op::Select).count() < 2 {
            return;
        }
        let parts: BTreeMap<Value, &IrInst> =
            block.insts.iter().filter(is_part).map(|i| (self.resolve(i.results[0]), i)).collect();
        let mut found = Saturations::default();
        for (result, inst) in &parts {
            let Some(outer) = self.bounded(inst, &parts) else { continue };
            let Some(inner) = parts.get(&outer.word).and_then(|i| self.bounded(i, &parts)) else { continue };
            let (least, greatest) = match (outer.is_greatest, inner.is_greatest) {
                (true, false) => (&inner, &outer),
                (false, true) => (&outer, &inner),
                _ => continue,
            };
            // What is at least 0 may be compared without sign.
            let is_signed = !least.is_unsigned && (!greatest.is_unsigned || outer.is_greatest && least.bound == 0);
            if let (true, Some((signed, bits))) =
                (is_signed || faults::on("select-saturate-sign"), range(least.bound, greatest.bound))
            {
                found.all.insert(*result, (signed, bits, inner.word));
                if self.facts.uses[outer.word.0 as usize] == 2 {
                    found.inner.push(outer.word);
                }
            }
        }
        self.saturations = found;
    }
    /// The word and the bound of a choice that keeps it on one side.
    fn bounded(&self, inst: &IrInst, parts: &BTreeMap<Value, &IrInst>) -> Option<Bounded> {
        if inst.op != Op::Select {
            return None;
        }
        let [condition, yes, no] = [0, 1, 2].map(|n| self.resolve(inst.args[n]));
        let (word, bound, passes) = match (self.constant(yes), self.constant(no)) {
            (None, Some(k)) => (yes, k, true),
            (Some(k), None) => (no, k, false),
            _ => return None,
        };
        let test = parts.get(&condition).filter(|_| self.facts.uses[condition.0 as usize] == 1)?;
        let Op::Cmp(cond) = test.op else { return None };
        let (cond, x, t) = match (self.constant(test.args[0]), self.constant(test.args[1])) {
            (None, Some(t)) => (cond, test.args[0], t),
            (Some(t), None) => (exchanged(cond), test.args[1], t),
            _ => return None,
        };
        let cond = if passes { cond } else { negated(cond) };
        if self.resolve(x) != word {
            return None;
        }
        // The word passes if it is at most, or at least, `limit`; else it is `bound`.
        let (t, bound) = (t as i32, bound as i32);
        let (is_greatest, limit) = match cond {
            Cond::LtS | Cond::LtU => (true, t.checked_sub(1)?),
            Cond::LeS | Cond::LeU => (true, t),
            Cond::GtS => (false, t.checked_add(1)?),
            Cond::GeS => (false, t),
            _ => return None,
        };
        let nearest = if is_greatest { bound.checked_sub(1) } else { bound.checked_add(1) };
        let is_unsigned = matches!(cond, Cond::LtU | Cond::LeU);
        (limit == bound || Some(limit) == nearest).then_some(Bounded { word, bound, is_greatest, is_unsigned })
    }
    /// Selects a choice that is part of a saturation. Result: whether it is.
    pub(super) fn saturation(&mut self, inst: &IrInst) -> Result<bool, CompileError> {
        if inst.op != Op::Select {
            return Ok(false);
        }
        let result = self.resolve(inst.results[0]);
        if self.saturations.inner.contains(&result) {
            return Ok(true);
        }
        let Some((signed, bits, word)) = self.saturations.all.get(&result).copied() else { return Ok(false) };
        let src = Src::Reg(self.reg(word)?);
        let rd = self.home(result);
        self.emit(Inst::Saturate { signed, bits, rd, src });
        Ok(true)
    }
}
