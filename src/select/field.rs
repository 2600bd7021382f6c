//! Selection of bit fields: `ubfx` and `sbfx` for shifts of shifts and masks of shifts.

use super::Selector;
use crate::error::CompileError;
use crate::machine::{Inst, Reg};
use synth_validator::domain::BinOp;
use synth_validator::ir::{Op, Value};

impl Selector<'_> {
    /// A deferred shift by a constant: what it shifts, and how far.
    fn take_shift(&mut self, v: Value, op: BinOp, fits: impl Fn(u32) -> bool) -> Option<(Value, u32)> {
        let inst = *self.deferred.get(&self.resolve(v))?;
        let amount = self.constant(*inst.args.get(1)?)?;
        if inst.op != Op::Bin(op) || !fits(amount) {
            return None;
        }
        self.deferred.remove(&self.resolve(v));
        Some((inst.args[0], amount))
    }
    /// The low `width` bits of a logical shift right. Result: whether it is one.
    pub(super) fn extract_shifted(&mut self, rd: Reg, v: Value, width: u32) -> Result<bool, CompileError> {
        let Some((x, lsb)) = self.take_shift(v, BinOp::Lshr, |n| n + width <= 32) else { return Ok(false) };
        let rn = self.reg(x)?;
        self.emit(Inst::Extract { signed: false, rd, rn, lsb, width });
        Ok(true)
    }
    /// A shift right of a shift left by no more. Result: whether it is one.
    pub(super) fn extract_between(&mut self, op: BinOp, rd: Reg, v: Value, amount: u32) -> Result<bool, CompileError> {
        if !matches!(op, BinOp::Lshr | BinOp::Ashr) || !(1..32).contains(&amount) {
            return Ok(false);
        }
        let Some((x, up)) = self.take_shift(v, BinOp::Shl, |up| up <= amount) else { return Ok(false) };
        let rn = self.reg(x)?;
        self.emit(Inst::Extract { signed: op == BinOp::Ashr, rd, rn, lsb: amount - up, width: 32 - amount });
        Ok(true)
    }
}
