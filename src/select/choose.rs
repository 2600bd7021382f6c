//! Selection of choices: one under a test, or several that one test decides together.

use super::Selector;
use crate::encode::operand::ModifiedImm;
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Choice, Inst, Src};
use synth_validator::ir::Inst as IrInst;

impl Selector<'_> {
    /// Selects a choice, and those that it makes too.
    pub(super) fn select_value(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        let mut test = self.test(inst.args[0])?;
        let mut choices = Vec::new();
        for other in self.made_with(inst) {
            choices.push(self.choice(other)?);
        }
        let last = self.choice(inst)?;
        if !choices.is_empty() {
            choices.push(last);
            self.emit(Inst::SelectMany { choices, test });
            return Ok(());
        }
        let Choice { rd, no, yes, negated } = last;
        if negated && !faults::on("select-choice-negated") {
            test.condition = test.condition.negated();
        }
        self.emit(Inst::Select { rd, no, yes, test });
        Ok(())
    }
    fn choice(&mut self, inst: &IrInst) -> Result<Choice, CompileError> {
        let (mut yes, mut no) = (inst.args[1], inst.args[2]);
        let fits = |k: Option<u32>| k.is_some_and(|k| ModifiedImm::new(k).is_some());
        // A constant is better moved under the condition than into a register before.
        let negated = fits(self.constant(no)) && !fits(self.constant(yes));
        if negated {
            (yes, no) = (no, yes);
        }
        let yes = match self.constant(yes) {
            Some(k) if ModifiedImm::new(k).is_some() => Src::Imm(k),
            _ => Src::Reg(self.reg(yes)?),
        };
        let no = self.reg(no)?;
        let rd = self.home(inst.results[0]);
        Ok(Choice { rd, no, yes, negated })
    }
}
