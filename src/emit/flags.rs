//! Results whose comparison with zero needs no instruction: the one that makes them sets the flags.

use super::gpr;
use crate::encode::operand::{Condition, Gpr};
use crate::machine::{Compare, Inst, Reg, Src, Test};
use crate::regalloc::{Place, Step};

/// The register that an instruction writes and the next one compares with zero, for equality. Moves between them keep the flags.
pub(super) fn wanted(inst: &Inst, after: &[Step]) -> Option<Gpr> {
    let Inst::Alu { rd, .. } = inst else { return None };
    for step in after {
        match step {
            Step::Move(_, to) if *to == Place::Reg(rd.0 as u8) => return None,
            Step::Move(..) => {}
            Step::Inst(next, _) => return compared(next).filter(|r| r == rd).map(gpr),
        }
    }
    None
}

/// The register that an instruction compares with zero, for equality, before it does anything else.
fn compared(inst: &Inst) -> Option<Reg> {
    let (Inst::Branch { test } | Inst::SetIf { test, .. } | Inst::Select { test, .. } | Inst::TrapIf { test, .. }) =
        inst
    else {
        return None;
    };
    is_zero_test(test).then(|| match test.compare {
        Compare::Cmp(n, _) => n,
        _ => unreachable!("invariant: tests of zero compare"),
    })
}

/// Whether a test compares a register with zero, for equality.
pub(super) fn is_zero_test(test: &Test) -> bool {
    matches!((test.compare, test.condition), (Compare::Cmp(_, Src::Imm(0)), Condition::Eq | Condition::Ne))
}
