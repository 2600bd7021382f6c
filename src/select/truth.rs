//! Truth values as words.
//!
//! 1 and 0 under a test take four instructions: a comparison, `ITE` and two moves. Whether a word is zero takes two, as `CLZ` gives 32 for
//! zero only, and whether it is not takes three: the word itself stays where it is zero, else it becomes 1. Whether two words are equal is
//! whether their difference is zero.

use super::Selector;
use crate::encode::operand::Condition;
use crate::encode::{AluOp, ShiftOp, UnaryOp};
use crate::faults;
use crate::machine::{Compare, Inst, Reg, Src, Test};

/// The amount by which a count of leading zeros, `0..=32`, becomes 1 for 32 and 0 for all others.
const ALL_ZEROS_SHIFT: u32 = 5;

impl Selector<'_> {
    /// Makes 1 if a test holds, else 0.
    pub(super) fn truth(&mut self, rd: Reg, test: Test) {
        if !matches!(test.condition, Condition::Eq | Condition::Ne) {
            return self.emit(Inst::SetIf { rd, test });
        }
        let word = match test.compare {
            Compare::Cmp(n, Src::Imm(0)) => n,
            Compare::Cmp(n, src) => self.combined(AluOp::Sub, n, src),
            Compare::Cmn(n, src) => self.combined(AluOp::Add, n, src),
            Compare::Tst(n, src) => self.combined(AluOp::And, n, src),
            Compare::Pair(..) => return self.emit(Inst::SetIf { rd, test }),
        };
        if test.condition == Condition::Eq {
            let zeros = self.fresh();
            self.emit(Inst::Unary { op: UnaryOp::Clz, rd: zeros, rm: word });
            let amount = ALL_ZEROS_SHIFT - u32::from(faults::on("select-truth-shift"));
            self.emit(Inst::ShiftImm { op: ShiftOp::Lsr, rd, rm: zeros, amount });
        } else {
            let test = Test { compare: Compare::Cmp(word, Src::Imm(0)), condition: Condition::Ne };
            self.emit(Inst::Select { rd, no: word, yes: Src::Imm(1), test });
        }
    }
    fn combined(&mut self, op: AluOp, rn: Reg, src: Src) -> Reg {
        let rd = self.fresh();
        self.emit(Inst::Alu { op, rd, rn, src });
        rd
    }
}
