//! Selection of arithmetic.

use super::Selector;
use crate::encode::operand::ModifiedImm;
use crate::encode::{AluOp, ShiftOp, UnaryOp};
use crate::error::CompileError;
use crate::machine::{Inst, Reg, Src};
use synth_validator::domain::{BinOp, UnOp};
use synth_validator::ir::{Inst as IrInst, Op, Value};

/// The Arm shift of a shift operation.
pub(super) fn shift_op(op: BinOp) -> Option<ShiftOp> {
    match op {
        BinOp::Shl => Some(ShiftOp::Lsl),
        BinOp::Lshr => Some(ShiftOp::Lsr),
        BinOp::Ashr => Some(ShiftOp::Asr),
        BinOp::Ror => Some(ShiftOp::Ror),
        _ => None,
    }
}

/// An immediate form of `x op k`, if there is one.
fn immediate(op: AluOp, k: u32) -> Option<(AluOp, u32)> {
    let fits = |v: u32| ModifiedImm::new(v).is_some();
    let twelve = |v: u32| v < 4096;
    match op {
        AluOp::Add | AluOp::Sub => {
            let other = if op == AluOp::Add { AluOp::Sub } else { AluOp::Add };
            let negated = k.wrapping_neg();
            if fits(k) && !(fits(negated) && negated < 256) || twelve(k) {
                Some((op, k))
            } else if fits(negated) || twelve(negated) {
                Some((other, negated))
            } else {
                None
            }
        }
        AluOp::And if fits(!k) && !fits(k) => Some((AluOp::Bic, !k)),
        AluOp::Orr if fits(!k) && !fits(k) => Some((AluOp::Orn, !k)),
        _ => fits(k).then_some((op, k)),
    }
}

impl Selector<'_> {
    /// `rn + k`, any constant.
    pub(super) fn add_constant(&mut self, rn: Reg, k: u32) -> Reg {
        if k == 0 {
            return rn;
        }
        let rd = self.fresh();
        self.alu_constant(AluOp::Add, rd, rn, k);
        rd
    }
    pub(super) fn alu_constant(&mut self, op: AluOp, rd: Reg, rn: Reg, k: u32) {
        let (op, src) = match immediate(op, k) {
            Some((op, k)) => (op, Src::Imm(k)),
            None => (op, Src::Reg(self.constant_reg(k))),
        };
        self.emit(Inst::Alu { op, rd, rn, src });
    }
    pub(super) fn bin(&mut self, op: BinOp, inst: &IrInst) -> Result<(), CompileError> {
        let (a, b) = (inst.args[0], inst.args[1]);
        let rd = self.home(inst.results[0]);
        match op {
            BinOp::Add => self.sum(rd, a, b),
            BinOp::Sub => self.difference_of(rd, a, b),
            BinOp::And => self.and(rd, a, b),
            BinOp::Or => self.alu(AluOp::Orr, rd, a, b),
            BinOp::Xor => self.alu(AluOp::Eor, rd, a, b),
            BinOp::Mul => {
                let (rn, rm) = (self.reg(a)?, self.reg(b)?);
                self.emit(Inst::Mul { rd, rn, rm });
                Ok(())
            }
            BinOp::UMulHi | BinOp::SMulHi => {
                let (rn, rm, lo) = (self.reg(a)?, self.reg(b)?, self.fresh());
                self.emit(Inst::MulLong { signed: op == BinOp::SMulHi, lo, hi: rd, rn, rm });
                Ok(())
            }
            BinOp::UDiv | BinOp::SDiv => {
                let (rn, rm) = (self.reg(a)?, self.reg(b)?);
                self.emit(Inst::Div { signed: op == BinOp::SDiv, rd, rn, rm });
                Ok(())
            }
            BinOp::Shl | BinOp::Lshr | BinOp::Ashr | BinOp::Ror => self.shift(op, rd, a, b),
        }
    }
    /// A commutative operation, or any with its operands in order.
    fn alu(&mut self, op: AluOp, rd: Reg, a: Value, b: Value) -> Result<(), CompileError> {
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        if let Some(k) = self.constant(b) {
            let rn = self.reg(a)?;
            if op == AluOp::Eor && k == u32::MAX {
                self.emit(Inst::Not { rd, src: Src::Reg(rn) });
            } else {
                self.alu_constant(op, rd, rn, k);
            }
            return Ok(());
        }
        let (a, b) = if self.deferred.contains_key(&self.resolve(a)) { (b, a) } else { (a, b) };
        if let (AluOp::And | AluOp::Orr, Some(inst)) = (op, self.take(b, |op| *op == Op::Bin(BinOp::Xor))) {
            let op = if op == AluOp::And { AluOp::Bic } else { AluOp::Orn };
            let (rn, src) = (self.reg(a)?, Src::Reg(self.reg(inst.args[0])?));
            self.emit(Inst::Alu { op, rd, rn, src });
            return Ok(());
        }
        let rn = self.reg(a)?;
        let src = self.shifted(b)?;
        self.emit(Inst::Alu { op, rd, rn, src });
        Ok(())
    }
    fn sum(&mut self, rd: Reg, a: Value, b: Value) -> Result<(), CompileError> {
        if self.constant(a).or(self.constant(b)).is_none() {
            for (product, other) in [(a, b), (b, a)] {
                if let Some(inst) = self.take(product, |op| *op == Op::Bin(BinOp::Mul)) {
                    let (rn, rm, ra) = (self.reg(inst.args[0])?, self.reg(inst.args[1])?, self.reg(other)?);
                    self.emit(Inst::MulAdd { subtract: false, rd, rn, rm, ra });
                    return Ok(());
                }
            }
        }
        self.alu(AluOp::Add, rd, a, b)
    }
    fn difference_of(&mut self, rd: Reg, a: Value, b: Value) -> Result<(), CompileError> {
        if let Some(k) = self.constant(a) {
            let rn = self.reg(b)?;
            let inst = if ModifiedImm::new(k).is_some() {
                Inst::Alu { op: AluOp::Rsb, rd, rn, src: Src::Imm(k) }
            } else {
                let k = self.constant_reg(k);
                Inst::Alu { op: AluOp::Sub, rd, rn: k, src: Src::Reg(rn) }
            };
            self.emit(inst);
            return Ok(());
        }
        let rn = self.reg(a)?;
        if let Some(k) = self.constant(b) {
            self.alu_constant(AluOp::Sub, rd, rn, k);
            return Ok(());
        }
        if let Some(inst) = self.take(b, |op| *op == Op::Bin(BinOp::Mul)) {
            let (n, m) = (self.reg(inst.args[0])?, self.reg(inst.args[1])?);
            self.emit(Inst::MulAdd { subtract: true, rd, rn: n, rm: m, ra: rn });
            return Ok(());
        }
        let src = self.shifted(b)?;
        self.emit(Inst::Alu { op: AluOp::Sub, rd, rn, src });
        Ok(())
    }
    fn and(&mut self, rd: Reg, a: Value, b: Value) -> Result<(), CompileError> {
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        let low = self.constant(b).filter(|k| *k != 0 && k & k.wrapping_add(1) == 0);
        if let Some(k) = low
            && self.extract_shifted(rd, a, k.count_ones())?
        {
            return Ok(());
        }
        let rn = match self.constant(b) {
            Some(0xff | 0xffff) => self.reg(a)?,
            Some(k) if k != 0 && k != u32::MAX && (k & k.wrapping_add(1)) == 0 && ModifiedImm::new(k).is_none() => {
                let rn = self.reg(a)?;
                self.emit(Inst::Extract { signed: false, rd, rn, lsb: 0, width: k.count_ones() });
                return Ok(());
            }
            _ => return self.alu(AluOp::And, rd, a, b),
        };
        let op = if self.constant(b) == Some(0xff) { UnaryOp::Uxtb } else { UnaryOp::Uxth };
        self.emit(Inst::Unary { op, rd, rm: rn });
        Ok(())
    }
    fn shift(&mut self, op: BinOp, rd: Reg, a: Value, b: Value) -> Result<(), CompileError> {
        let shift = shift_op(op).ok_or_else(|| self.internal("a shift was expected"))?;
        let Some(k) = self.constant(b) else {
            let (rn, rm) = (self.reg(a)?, self.reg(b)?);
            self.emit(Inst::ShiftReg { op: shift, rd, rn, rm });
            return Ok(());
        };
        let amount = match op {
            BinOp::Ror => k % 32,
            BinOp::Ashr => (k & 0xff).min(31),
            _ => k & 0xff,
        };
        if amount >= 32 {
            self.emit(Inst::Const { rd, value: 0 });
            return Ok(());
        }
        if self.extract_between(op, rd, a, amount)? {
            return Ok(());
        }
        let rm = self.reg(a)?;
        self.emit(match amount {
            0 => Inst::Move { rd, rm },
            _ => Inst::ShiftImm { op: shift, rd, rm, amount },
        });
        Ok(())
    }
    pub(super) fn un(&mut self, op: UnOp, inst: &IrInst) -> Result<(), CompileError> {
        let rm = self.reg(inst.args[0])?;
        let rd = self.home(inst.results[0]);
        let op = match op {
            UnOp::Clz => UnaryOp::Clz,
            UnOp::Rbit => UnaryOp::Rbit,
            UnOp::Rev => UnaryOp::Rev,
            UnOp::Rev16 => UnaryOp::Rev16,
            UnOp::Sext8 => UnaryOp::Sxtb,
            UnOp::Sext16 => UnaryOp::Sxth,
            UnOp::Popcnt => {
                self.population_count(rd, rm);
                return Ok(());
            }
        };
        self.emit(Inst::Unary { op, rd, rm });
        Ok(())
    }
    /// Adds bits in pairs, nibbles, bytes, and the bytes by a product.
    fn population_count(&mut self, rd: Reg, x: Reg) {
        let [half, odd, pairs, low, high, fours, sum, bytes, product] = [(); 9].map(|()| self.fresh());
        self.emit(Inst::ShiftImm { op: ShiftOp::Lsr, rd: half, rm: x, amount: 1 });
        self.alu_constant(AluOp::And, odd, half, 0x5555_5555);
        self.emit(Inst::Alu { op: AluOp::Sub, rd: pairs, rn: x, src: Src::Reg(odd) });
        self.alu_constant(AluOp::And, low, pairs, 0x3333_3333);
        self.emit(Inst::ShiftImm { op: ShiftOp::Lsr, rd: high, rm: pairs, amount: 2 });
        let high_pairs = self.fresh();
        self.alu_constant(AluOp::And, high_pairs, high, 0x3333_3333);
        self.emit(Inst::Alu { op: AluOp::Add, rd: fours, rn: low, src: Src::Reg(high_pairs) });
        self.emit(Inst::Alu { op: AluOp::Add, rd: sum, rn: fours, src: Src::Shifted(fours, ShiftOp::Lsr, 4) });
        self.alu_constant(AluOp::And, bytes, sum, 0x0f0f_0f0f);
        let ones = self.constant_reg(0x0101_0101);
        self.emit(Inst::Mul { rd: product, rn: bytes, rm: ones });
        self.emit(Inst::ShiftImm { op: ShiftOp::Lsr, rd, rm: product, amount: 24 });
    }
    pub(super) fn pair(&mut self, subtract: bool, inst: &IrInst) -> Result<(), CompileError> {
        let (al, ah) = (self.reg(inst.args[0])?, self.reg(inst.args[1])?);
        let mut words = [Src::Imm(0); 2];
        for (word, &v) in words.iter_mut().zip(&inst.args[2..]) {
            *word = match self.constant(v) {
                Some(k) if ModifiedImm::new(k).is_some() => Src::Imm(k),
                _ => Src::Reg(self.reg(v)?),
            };
        }
        let (lo, hi) = (self.home(inst.results[0]), self.home(inst.results[1]));
        self.emit(Inst::Pair { subtract, lo, hi, al, ah, bl: words[0], bh: words[1] });
        Ok(())
    }
}
