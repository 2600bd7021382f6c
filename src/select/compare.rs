//! Selection of comparisons, selects and conditional traps.

use super::Selector;
use crate::encode::AluOp;
use crate::encode::operand::{Condition, ModifiedImm};
use crate::error::CompileError;
use crate::machine::{Compare, Inst, Reg, Src, Test};
use synth_validator::domain::BinOp;
use synth_validator::ir::{Cond, Inst as IrInst, Op, Value};

/// The Arm condition of a comparison by `cmp`.
fn condition(cond: Cond) -> Condition {
    match cond {
        Cond::Eq => Condition::Eq,
        Cond::Ne => Condition::Ne,
        Cond::LtU => Condition::Lo,
        Cond::LtS => Condition::Lt,
        Cond::GtU => Condition::Hi,
        Cond::GtS => Condition::Gt,
        Cond::LeU => Condition::Ls,
        Cond::LeS => Condition::Le,
        Cond::GeU => Condition::Hs,
        Cond::GeS => Condition::Ge,
    }
}

/// The comparison with operands exchanged.
pub(super) fn exchanged(cond: Cond) -> Cond {
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

impl Selector<'_> {
    /// A test that holds if `v` is not zero.
    pub(super) fn test(&mut self, v: Value) -> Result<Test, CompileError> {
        if let Some(inst) = self.take(v, |op| matches!(op, Op::Cmp(_) | Op::CmpPair(_))) {
            return self.comparison(inst);
        }
        Ok(Test { compare: self.compare_with_zero(v)?, condition: Condition::Ne })
    }
    /// The test that a comparison makes.
    pub(super) fn comparison(&mut self, inst: &IrInst) -> Result<Test, CompileError> {
        match inst.op {
            Op::Cmp(cond) => self.compare_words(cond, inst.args[0], inst.args[1]),
            Op::CmpPair(cond) => self.compare_pairs(cond, &inst.args),
            _ => Err(self.internal("a comparison was expected")),
        }
    }
    fn compare_words(&mut self, cond: Cond, a: Value, b: Value) -> Result<Test, CompileError> {
        if self.constant(a).is_some() && self.constant(b).is_none() {
            return self.compare_words(exchanged(cond), b, a);
        }
        if let (Some(0), Cond::Eq | Cond::Ne) = (self.constant(b), cond) {
            return Ok(Test { compare: self.compare_with_zero(a)?, condition: condition(cond) });
        }
        let rn = self.reg(a)?;
        if let Some(k) = self.constant(b) {
            return Ok(Test { compare: self.compare_constant(rn, k, cond), condition: condition(cond) });
        }
        let src = self.shifted(b)?;
        Ok(Test { compare: Compare::Cmp(rn, src), condition: condition(cond) })
    }
    /// Compares with zero, for equality only: bits by `tst`.
    fn compare_with_zero(&mut self, v: Value) -> Result<Compare, CompileError> {
        let Some(inst) = self.take(v, |op| *op == Op::Bin(BinOp::And)) else {
            return Ok(Compare::Cmp(self.reg(v)?, Src::Imm(0)));
        };
        let (a, b) = (inst.args[0], inst.args[1]);
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        let rn = self.reg(a)?;
        Ok(match self.constant(b) {
            Some(k) if ModifiedImm::new(k).is_some() => Compare::Tst(rn, Src::Imm(k)),
            Some(k) => Compare::Tst(rn, Src::Reg(self.constant_reg(k))),
            None => Compare::Tst(rn, self.shifted(b)?),
        })
    }
    /// Compares with a constant. `cmn` adds the negated one: overflow is the same but for the least number. The carry is the same but for
    /// 0, which the validator does not see.
    fn compare_constant(&mut self, rn: Reg, k: u32, cond: Cond) -> Compare {
        if ModifiedImm::new(k).is_some() {
            return Compare::Cmp(rn, Src::Imm(k));
        }
        let negated = k.wrapping_neg();
        let is_unsigned = matches!(cond, Cond::LtU | Cond::GtU | Cond::LeU | Cond::GeU);
        if !is_unsigned && k != negated && ModifiedImm::new(negated).is_some() {
            return Compare::Cmn(rn, Src::Imm(negated));
        }
        let r = self.constant_reg(k);
        Compare::Cmp(rn, Src::Reg(r))
    }
    /// A test `rn > limit`, unsigned.
    pub(super) fn above(&mut self, rn: Reg, limit: u32) -> Test {
        let compare = self.compare_constant(rn, limit, Cond::GtU);
        Test { compare, condition: Condition::Hi }
    }
    fn compare_pairs(&mut self, cond: Cond, args: &[Value]) -> Result<Test, CompileError> {
        match cond {
            Cond::Eq | Cond::Ne => {
                let low = self.difference(args[0], args[2])?;
                let high = self.difference(args[1], args[3])?;
                let rd = self.fresh();
                self.emit(Inst::Alu { op: AluOp::Orr, rd, rn: low, src: Src::Reg(high) });
                Ok(Test { compare: Compare::Cmp(rd, Src::Imm(0)), condition: condition(cond) })
            }
            Cond::GtU | Cond::GtS | Cond::LeU | Cond::LeS => {
                self.compare_pairs(exchanged(cond), &[args[2], args[3], args[0], args[1]])
            }
            Cond::LtU | Cond::LtS | Cond::GeU | Cond::GeS => {
                let [al, ah] = [self.reg(args[0])?, self.reg(args[1])?];
                let [bl, bh] = [self.word(args[2])?, self.word(args[3])?];
                Ok(Test { compare: Compare::Pair(al, ah, bl, bh), condition: condition(cond) })
            }
        }
    }
    /// A constant as an operand.
    fn flexible(&mut self, k: u32) -> Src {
        match ModifiedImm::new(k) {
            Some(_) => Src::Imm(k),
            None => Src::Reg(self.constant_reg(k)),
        }
    }
    /// A word as an operand without shift.
    fn word(&mut self, v: Value) -> Result<Src, CompileError> {
        match self.constant(v) {
            Some(k) => Ok(self.flexible(k)),
            None => Ok(Src::Reg(self.reg(v)?)),
        }
    }
    /// A register that is zero exactly if the words are equal.
    fn difference(&mut self, a: Value, b: Value) -> Result<Reg, CompileError> {
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        let rn = self.reg(a)?;
        let src = match self.constant(b) {
            Some(0) => return Ok(rn),
            Some(k) if ModifiedImm::new(k).is_some() => Src::Imm(k),
            _ => Src::Reg(self.reg(b)?),
        };
        let rd = self.fresh();
        self.emit(Inst::Alu { op: AluOp::Eor, rd, rn, src });
        Ok(rd)
    }
}
