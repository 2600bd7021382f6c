//! Expansion of several choices under one test.

use super::{Emitter, gpr};
use crate::encode;
use crate::encode::branch::it_block;
use crate::encode::operand::ItRest;
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Choice, Src, Test};

impl Emitter<'_> {
    /// One IT block. The first choice stands under the condition or its negation, the others under the same or the other one.
    pub(super) fn choose(&mut self, choices: &[Choice], test: &Test) -> Result<(), CompileError> {
        let Some((first, others)) = choices.split_first() else { return Ok(()) };
        self.flags(test)?;
        let negated: Vec<bool> = others.iter().map(|c| c.negated != first.negated).collect();
        let mut negated = negated;
        if let Some(last) = negated.last_mut() {
            *last ^= faults::on("emit-last-choice");
        }
        let rest = ItRest::new(&negated).ok_or_else(|| self.misfit("an IT block"))?;
        let condition = if first.negated { test.condition.negated() } else { test.condition };
        self.code(it_block(condition, rest));
        for choice in choices {
            let rd = gpr(choice.rd);
            match choice.yes {
                Src::Imm(k) => self.constant_in_it(rd, k)?,
                Src::Reg(m) => self.code(encode::mov_reg(rd, gpr(m))),
                Src::Shifted(..) => return Err(self.misfit("a shifted operand")),
            }
        }
        Ok(())
    }
}
