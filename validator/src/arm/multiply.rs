//! Multiplication and division. Source: DDI 0403E, A7.7, MUL, MLA, MLS, UMULL, SMULL, UMLAL, SMLAL, UMAAL, UDIV, SDIV.

use super::insn::*;
use super::semantics::Cpu;
use crate::domain::{BinOp, Domain};
use crate::pair;
use crate::program::Unsupported;

impl<D: Domain> Cpu<'_, D> {
    /// Executes a multiplication or division. Division by zero gives 0 (CCR.DIV_0_TRP clear).
    pub fn multiply(&mut self) -> Result<(), Unsupported> {
        match self.insn.op {
            Op::Multiply { acc, s, rd, rn, rm } => {
                let (x, y) = (self.reg(rn)?, self.reg(rm)?);
                let product = self.d.bin(BinOp::Mul, &x, &y);
                let result = match acc {
                    Accumulate::None => product,
                    Accumulate::Add(ra) => {
                        let a = self.reg(ra)?;
                        self.d.bin(BinOp::Add, &a, &product)
                    }
                    Accumulate::Sub(ra) => {
                        let a = self.reg(ra)?;
                        self.d.bin(BinOp::Sub, &a, &product)
                    }
                };
                if s {
                    self.set_nz(&result);
                }
                self.set(rd, result)
            }
            Op::MultiplyLong { op, lo, hi, rn, rm } => {
                let (x, y) = (self.reg(rn)?, self.reg(rm)?);
                let high = if matches!(op, Long::Smull | Long::Smlal) { BinOp::SMulHi } else { BinOp::UMulHi };
                let product = (self.d.bin(BinOp::Mul, &x, &y), self.d.bin(high, &x, &y));
                let result = match op {
                    Long::Umull | Long::Smull => product,
                    Long::Umlal | Long::Smlal => {
                        let acc = (self.reg(lo)?, self.reg(hi)?);
                        pair::add(self.d, &acc, &product)
                    }
                    Long::Umaal => {
                        let zero = self.d.word(0);
                        let (a, b) = ((self.reg(lo)?, zero.clone()), (self.reg(hi)?, zero));
                        let sum = pair::add(self.d, &product, &a);
                        pair::add(self.d, &sum, &b)
                    }
                };
                self.set(lo, result.0)?;
                self.set(hi, result.1)
            }
            Op::Divide { signed, rd, rn, rm } => {
                let (x, y) = (self.reg(rn)?, self.reg(rm)?);
                let quotient = self.d.bin(if signed { BinOp::SDiv } else { BinOp::UDiv }, &x, &y);
                self.set(rd, quotient)
            }
            _ => self.fail("not a multiplication"),
        }
    }
}
