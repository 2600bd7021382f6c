//! Data processing: moves, arithmetic, logic, shifts, bit fields, extension, saturation.
//! Source: DDI 0403E, A2.2.1 (Shift_C, AddWithCarry), A7.4.2, and the instructions' pages in A7.7.
//!
//! Requirement TOR-ARM-SHIFTS: Shift amounts in registers and division by zero shall be the hardware's, so that code which takes them
//! for WebAssembly's is not proved.

use super::decode::{Relocation, Target};
use super::insn::*;
use super::semantics::Cpu;
use crate::domain::{BinOp, CmpOp, Domain, UnOp};
use crate::pair;
use crate::program::Unsupported;

impl<D: Domain> Cpu<'_, D> {
    /// Executes a data processing instruction.
    pub fn data(&mut self) -> Result<(), Unsupported> {
        match self.insn.op {
            Op::Alu { op, s, rd, rn, src } => self.alu(op, s, rd, rn, src),
            Op::MovHalf { top, rd, imm } => self.mov_half(top, rd, imm),
            Op::ShiftReg { op, s, rd, rn, rm } => self.shift_reg(op, s, rd, rn, rm),
            Op::Unary { op, rd, rm } => {
                let x = self.reg(rm)?;
                let value = op.steps().iter().fold(x, |x, step| self.d.un(*step, &x));
                self.set(rd, value)
            }
            Op::Extend { signed, half, rd, rn, rm, rotation } => {
                let x = self.reg(rm)?;
                let x = if rotation == 0 { x } else { self.d.bin_const(BinOp::Ror, &x, u32::from(rotation)) };
                let x = match (signed, half) {
                    (false, false) => self.d.bin_const(BinOp::And, &x, 0xff),
                    (false, true) => self.d.bin_const(BinOp::And, &x, 0xffff),
                    (true, false) => self.d.un(UnOp::Sext8, &x),
                    (true, true) => self.d.un(UnOp::Sext16, &x),
                };
                let value = match rn {
                    None => x,
                    Some(rn) => {
                        let addend = self.reg(rn)?;
                        self.d.bin(BinOp::Add, &addend, &x)
                    }
                };
                self.set(rd, value)
            }
            Op::Extract { signed, rd, rn, lsb, width } => {
                let x = self.reg(rn)?;
                let value = if signed {
                    let x = self.d.bin_const(BinOp::Shl, &x, 32 - u32::from(lsb) - u32::from(width));
                    self.d.bin_const(BinOp::Ashr, &x, 32 - u32::from(width))
                } else {
                    let x = self.d.bin_const(BinOp::Lshr, &x, u32::from(lsb));
                    self.d.bin_const(BinOp::And, &x, ones(width))
                };
                self.set(rd, value)
            }
            Op::Insert { rd, rn, lsb, width } => {
                let old = self.reg(rd)?;
                let kept = self.d.bin_const(BinOp::And, &old, !(ones(width) << lsb));
                let value = match rn {
                    None => kept,
                    Some(rn) => {
                        let x = self.reg(rn)?;
                        let x = self.d.bin_const(BinOp::And, &x, ones(width));
                        let x = self.d.bin_const(BinOp::Shl, &x, u32::from(lsb));
                        self.d.bin(BinOp::Or, &kept, &x)
                    }
                };
                self.set(rd, value)
            }
            Op::Saturate { signed, rd, bits, rn, shift } => {
                let x = self.reg(rn)?;
                let x = self.shifted(&x, shift).0;
                let (low, high) =
                    if signed { (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1) } else { (0, (1i64 << bits) - 1) };
                let (low, high) = (self.d.word(low as u32), self.d.word(high as u32));
                let over = self.d.cmp(CmpOp::Slt, &high, &x);
                let under = self.d.cmp(CmpOp::Slt, &x, &low);
                let value = self.d.ite(&over, &high, &x);
                let value = self.d.ite(&under, &low, &value);
                self.set(rd, value)
            }
            _ => self.fail("not a data processing instruction"),
        }
    }

    /// Bit `k` of a word.
    fn bit(&mut self, w: &D::W, k: u32) -> D::B {
        let bit = self.d.bin_const(BinOp::And, w, 1 << k);
        self.d.nonzero(&bit)
    }

    /// Shift_C by a constant: result and carry-out.
    pub fn shifted(&mut self, x: &D::W, shift: Shift) -> (D::W, D::B) {
        let (op, n, carry_bit) = match shift {
            Shift::Lsl(0) => return (x.clone(), self.state.flags.c.clone()),
            Shift::Lsl(n) => (BinOp::Shl, n, 32 - n),
            Shift::Lsr(n) => (BinOp::Lshr, n, n - 1),
            Shift::Asr(n) => (BinOp::Ashr, n, n - 1),
            Shift::Ror(n) => (BinOp::Ror, n, n - 1),
            Shift::Rrx => {
                let top = self.d.bit(&self.state.flags.c);
                let top = self.d.bin_const(BinOp::Shl, &top, 31);
                let low = self.d.bin_const(BinOp::Lshr, x, 1);
                return (self.d.bin(BinOp::Or, &top, &low), self.bit(x, 0));
            }
        };
        (self.d.bin_const(op, x, u32::from(n)), self.bit(x, u32::from(carry_bit)))
    }

    /// The second operand and its carry-out.
    fn operand(&mut self, src: Source) -> Result<(D::W, D::B), Unsupported> {
        Ok(match src {
            Source::Imm { value, carry } => {
                let carry = carry.map_or_else(|| self.state.flags.c.clone(), |c| self.d.bool(c));
                (self.d.word(value), carry)
            }
            Source::Reg(rm, shift) => {
                let x = self.reg(rm)?;
                self.shifted(&x, shift)
            }
        })
    }

    /// N and Z of a result.
    pub fn set_nz(&mut self, result: &D::W) {
        self.state.flags.n = self.d.cmp_const(CmpOp::Slt, result, 0);
        self.state.flags.z = self.d.cmp_const(CmpOp::Eq, result, 0);
    }

    fn alu(&mut self, op: Alu, s: bool, rd: Reg, rn: Reg, src: Source) -> Result<(), Unsupported> {
        let (y, shift_carry) = self.operand(src)?;
        let x = if op.moves() { y.clone() } else { self.reg(rn)? };
        let flag = self.state.flags.c.clone();
        let (yes, no) = (self.d.bool(true), self.d.bool(false));
        let not = |d: &mut D, w: &D::W| d.bin_const(BinOp::Xor, w, u32::MAX);
        // Sums: operands, carry-in, whether it is a subtraction. Logic: the result.
        let (sum, logic) = match op {
            Alu::Add | Alu::Cmn => (Some((x, y, no, false)), None),
            Alu::Adc => (Some((x, y, flag, false)), None),
            Alu::Sub | Alu::Cmp => (Some((x, y, yes, true)), None),
            Alu::Sbc => (Some((x, y, flag, true)), None),
            Alu::Rsb => (Some((y, x, yes, true)), None),
            Alu::And | Alu::Tst => (None, Some(self.d.bin(BinOp::And, &x, &y))),
            Alu::Eor | Alu::Teq => (None, Some(self.d.bin(BinOp::Xor, &x, &y))),
            Alu::Orr => (None, Some(self.d.bin(BinOp::Or, &x, &y))),
            Alu::Mov => (None, Some(y)),
            Alu::Mvn => (None, Some(not(self.d, &y))),
            Alu::Bic => {
                let y = not(self.d, &y);
                (None, Some(self.d.bin(BinOp::And, &x, &y)))
            }
            Alu::Orn => {
                let y = not(self.d, &y);
                (None, Some(self.d.bin(BinOp::Or, &x, &y)))
            }
        };
        let result = match (sum, logic) {
            (Some((x, y, carry, subtract)), _) => self.add_with_carry(&x, &y, carry, subtract, s),
            (None, Some(result)) => {
                if s {
                    self.set_nz(&result);
                    self.state.flags.c = shift_carry;
                }
                result
            }
            (None, None) => return self.fail("no result"),
        };
        if op.compares() { Ok(()) } else { self.set(rd, result) }
    }

    /// AddWithCarry of `x` and `y`, or of `x` and `NOT y` for a subtraction. Writes the flags if `s`.
    fn add_with_carry(&mut self, x: &D::W, y: &D::W, carry: D::B, subtract: bool, s: bool) -> D::W {
        let d = &mut *self.d;
        let result = if subtract {
            let difference = d.bin(BinOp::Sub, x, y);
            match d.as_bool(&carry) {
                Some(true) => difference,
                _ => {
                    let borrow = d.not(&carry);
                    let borrow = d.bit(&borrow);
                    d.bin(BinOp::Sub, &difference, &borrow)
                }
            }
        } else {
            let sum = d.bin(BinOp::Add, x, y);
            match d.as_bool(&carry) {
                Some(false) => sum,
                _ => {
                    let carry = d.bit(&carry);
                    d.bin(BinOp::Add, &sum, &carry)
                }
            }
        };
        if s {
            let (c, v) = if subtract {
                (d.sub_carry(x, y, &carry), d.sub_overflow(x, y, &carry))
            } else {
                (d.add_carry(x, y, &carry), d.add_overflow(x, y, &carry))
            };
            self.set_nz(&result);
            self.state.flags.c = c;
            self.state.flags.v = v;
        }
        result
    }

    /// `movw`, `movt`. A relocated pair builds a symbol's address from its halves; the addend of each is its own
    /// field, sign-extended (IHI 0044, 4.6.1.1 and table 4-9).
    fn mov_half(&mut self, top: bool, rd: Reg, imm: u16) -> Result<(), Unsupported> {
        let half = match self.insn.relocation {
            None => self.d.word(if top { u32::from(imm) << 16 } else { u32::from(imm) }),
            Some(Relocation { target: Target::Symbol(symbol), .. }) => {
                let address = self.d.symbol(symbol);
                let address = self.d.bin_const(BinOp::Add, &address, i32::from(imm as i16) as u32);
                self.d.bin_const(BinOp::And, &address, if top { 0xffff_0000 } else { 0xffff })
            }
            Some(_) => return self.fail("address of a helper as a value"),
        };
        let value = if top {
            let old = self.reg(rd)?;
            let low = self.d.bin_const(BinOp::And, &old, 0xffff);
            self.d.bin(BinOp::Or, &low, &half)
        } else {
            half
        };
        self.set(rd, value)
    }

    /// Shift by the low byte of a register. The carry-out is the last bit shifted out; amount 0 keeps C.
    fn shift_reg(&mut self, op: BinOp, s: bool, rd: Reg, rn: Reg, rm: Reg) -> Result<(), Unsupported> {
        let (x, amount) = (self.reg(rn)?, self.reg(rm)?);
        let result = match op {
            BinOp::Shl | BinOp::Lshr | BinOp::Ashr => pair::shift_by_byte(self.d, op, &x, &amount),
            BinOp::Ror => self.d.bin(BinOp::Ror, &x, &amount),
            _ => return self.fail("not a shift"),
        };
        if s {
            let n = self.d.bin_const(BinOp::And, &amount, 0xff);
            let one_less = self.d.bin_const(BinOp::Sub, &n, 1);
            let (last, bit) = match op {
                BinOp::Ror => (result.clone(), 31),
                BinOp::Shl => (self.d.bin(op, &x, &one_less), 31),
                _ => (self.d.bin(op, &x, &one_less), 0),
            };
            let carry = self.bit(&last, bit);
            let kept = self.d.cmp_const(CmpOp::Eq, &n, 0);
            self.set_nz(&result);
            self.state.flags.c = self.d.ite_bool(&kept, &self.state.flags.c, &carry);
        }
        self.set(rd, result)
    }
}

/// `width` one bits, `1..=32`.
fn ones(width: u8) -> u32 {
    u32::MAX >> (32 - u32::from(width))
}
