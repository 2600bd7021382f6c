//! Expansion of each machine instruction.

use super::flags::is_zero_test;
use super::{Emitter, gpr};
use crate::branch_relax::{Item, Label, Literal, RelocKind, RelocTarget};
use crate::encode::branch::{bl, blx, it, ite};
use crate::encode::memory::Access;
use crate::encode::operand::{
    BitField, ByteRotation, Condition, Gpr, IP, Imm8, Imm12, LongWords, ModifiedImm, Offset, Saturation, ShiftAmount,
};
use crate::encode::{self, AluOp, SetFlags, Shift, ShiftOp, field};
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Compare, Inst, Src, Target, Test};
use synth_validator::domain::Symbol;

/// Fewer targets than this, and a `Switch` becomes a chain of compares.
const TABLE_TARGETS_MIN: usize = 4;

impl Emitter<'_> {
    pub(super) fn inst(&mut self, block: usize, inst: &Inst) -> Result<(), CompileError> {
        match inst {
            Inst::Entry { .. } => {}
            Inst::LoadIncoming { rd, offset } => {
                self.stack_access(
                    Access::Ldr,
                    gpr(*rd),
                    if faults::on("emit-incoming") { self.frame.local_bytes } else { self.frame.bytes() } + offset,
                )?;
            }
            Inst::Const { rd, value } => self.constant(gpr(*rd), *value, true),
            Inst::SymbolAddress { rd, symbol, addend } => {
                self.items.push(Item::Load(gpr(*rd), Literal::Address(*symbol, *addend)));
            }
            Inst::Move { rd, rm } if rd == rm => {}
            Inst::Move { rd, rm } => self.code(encode::mov_reg(gpr(*rd), gpr(*rm))),
            Inst::Not { rd, src } => {
                let (rm, shift) = self.register(*src)?;
                self.code(encode::mvn_reg_s(gpr(*rd), rm, shift));
            }
            Inst::Alu { op, rd, rn, src } => {
                let can = !matches!(src, Src::Imm(k) if ModifiedImm::new(*k).is_none());
                if !can {
                    self.wanted = None;
                }
                let flags = if self.wanted.is_some() { SetFlags::Yes } else { SetFlags::Free };
                self.alu(*op, flags, gpr(*rd), gpr(*rn), *src)?;
            }
            Inst::ShiftImm { op, rd, rm, amount } => {
                let amount = self.amount(*amount)?;
                self.code(encode::shift_imm_s(*op, gpr(*rd), gpr(*rm), amount));
            }
            Inst::ShiftReg { op, rd, rn, rm } => self.code(encode::shift_reg_s(*op, gpr(*rd), gpr(*rn), gpr(*rm))),
            Inst::Unary { op, rd, rm } => self.code(encode::unary(*op, gpr(*rd), gpr(*rm))),
            Inst::Extract { signed, rd, rn, lsb, width } => {
                let bits = BitField::new(*lsb, *width).ok_or_else(|| self.misfit("a bit field"))?;
                self.code(field::extract(*signed, gpr(*rd), gpr(*rn), bits));
            }
            Inst::Extend { op, rd, rn, rm, rotation } => {
                let rotation = ByteRotation::new(*rotation).ok_or_else(|| self.misfit("a rotation"))?;
                self.code(match rn {
                    Some(rn) => field::extend_add(*op, gpr(*rd), gpr(*rn), gpr(*rm), rotation),
                    None => field::extend(*op, gpr(*rd), gpr(*rm), rotation),
                });
            }
            Inst::Insert { rd, rn, lsb, width, .. } => {
                let bits = BitField::new(*lsb, *width).ok_or_else(|| self.misfit("a bit field"))?;
                self.code(field::insert(gpr(*rd), rn.map(gpr), bits));
            }
            Inst::Saturate { signed, bits, rd, src } => self.saturate(*signed, *bits, gpr(*rd), *src)?,
            Inst::Mul { rd, rn, rm } => self.code(encode::mul_s(gpr(*rd), gpr(*rn), gpr(*rm))),
            Inst::MulAdd { subtract, rd, rn, rm, ra } => {
                let f = if *subtract { encode::mls } else { encode::mla };
                self.code(f(gpr(*rd), gpr(*rn), gpr(*rm), gpr(*ra)));
            }
            Inst::MulLong { signed, lo, hi, rn, rm } => {
                let words = LongWords::new(gpr(*lo), gpr(*hi)).ok_or_else(|| self.misfit("a long product"))?;
                self.code(encode::mul_long(*signed, words, gpr(*rn), gpr(*rm)));
            }
            Inst::MulAddLong { signed, lo, hi, rn, rm, .. } => {
                let words = LongWords::new(gpr(*lo), gpr(*hi)).ok_or_else(|| self.misfit("a long product"))?;
                self.code(encode::mul_add_long(*signed, words, gpr(*rn), gpr(*rm)));
            }
            Inst::Div { signed, rd, rn, rm } => self.code(encode::div(*signed, gpr(*rd), gpr(*rn), gpr(*rm))),
            Inst::Pair { subtract, lo, hi, al, ah, bl, bh } => {
                let (first, second) = if *subtract { (AluOp::Sub, AluOp::Sbc) } else { (AluOp::Add, AluOp::Adc) };
                self.alu(first, SetFlags::Yes, gpr(*lo), gpr(*al), *bl)?;
                self.alu(second, SetFlags::Free, gpr(*hi), gpr(*ah), *bh)?;
            }
            Inst::SetIf { rd, test } => self.set_if(gpr(*rd), test)?,
            Inst::Select { rd, yes, test, .. } => self.select(gpr(*rd), *yes, test)?,
            Inst::SelectMany { choices, test } => self.choose(choices, test)?,
            Inst::TrapIf { test, kind } => {
                let label = self.trap_label(*kind);
                self.branch_if(test, false, label)?;
            }
            Inst::Memory { access, rt, address } => self.memory(*access, gpr(*rt), *address)?,
            Inst::StoreOutgoing { rt, offset } => self.stack_access(Access::Str, gpr(*rt), *offset)?,
            Inst::Call { target, .. } => self.call(*target),
            Inst::Jump => {
                let to = self.target(self.machine.blocks[block].succs[0]);
                if self.returns[to] && self.next(block) != Some(to) && self.returns_at_once() {
                    if faults::on("emit-early-return") {
                        self.code(encode::branch::bx(crate::encode::operand::LR));
                        return Ok(());
                    }
                    return self.epilogue();
                }
                self.jump(block, to);
            }
            Inst::Branch { test } => match self.latches[block] {
                Some(edge) => self.latch(block, test, edge)?,
                None => self.branch(block, test)?,
            },
            Inst::Switch { index } => self.switch(block, gpr(*index))?,
            Inst::Return { .. } => self.epilogue()?,
            Inst::Trap { kind } => {
                let label = self.trap_label(*kind);
                self.items.push(Item::Branch(None, label));
            }
        }
        Ok(())
    }
    fn saturate(&mut self, signed: bool, bits: u32, rd: Gpr, src: Src) -> Result<(), CompileError> {
        let to = Saturation::new(signed, bits).ok_or_else(|| self.misfit("a width"))?;
        let code = match src {
            Src::Reg(n) => field::saturate(to, rd, gpr(n), None),
            Src::Shifted(n, op @ (ShiftOp::Lsl | ShiftOp::Asr), amount) => {
                field::saturate(to, rd, gpr(n), Some((op == ShiftOp::Asr, self.amount(amount)?)))
            }
            _ => return Err(self.misfit("an operand")),
        };
        self.code(code);
        Ok(())
    }
    fn amount(&self, bits: u32) -> Result<ShiftAmount, CompileError> {
        ShiftAmount::new(bits).ok_or_else(|| self.misfit("a shift"))
    }
    /// An operand that is no immediate.
    fn register(&self, src: Src) -> Result<(Gpr, Shift), CompileError> {
        match src {
            Src::Reg(m) => Ok((gpr(m), None)),
            Src::Shifted(m, op, bits) => Ok((gpr(m), self.shift(op, bits)?)),
            Src::Imm(_) => Err(self.misfit("an immediate")),
        }
    }
    fn shift(&self, op: ShiftOp, bits: u32) -> Result<Shift, CompileError> {
        Ok(Some((op, self.amount(bits)?)))
    }
    fn alu(&mut self, op: AluOp, flags: SetFlags, rd: Gpr, rn: Gpr, src: Src) -> Result<(), CompileError> {
        let code = match src {
            Src::Reg(m) => encode::alu_reg(op, flags, rd, rn, gpr(m), None),
            Src::Shifted(m, shift, n) => encode::alu_reg(op, flags, rd, rn, gpr(m), self.shift(shift, n)?),
            Src::Imm(k) => match (ModifiedImm::new(k), Imm12::new(k)) {
                (Some(imm), _) => encode::alu_imm(op, flags, rd, rn, imm),
                (None, Some(imm)) if matches!(op, AluOp::Add | AluOp::Sub) && flags != SetFlags::Yes => {
                    encode::add_imm12(op == AluOp::Sub, rd, rn, imm)
                }
                _ => return Err(self.misfit("an immediate")),
            },
        };
        self.code(code);
        Ok(())
    }
    /// Whether the flags are those of a test already.
    fn holds(&self, test: &Test) -> bool {
        let compared = match test.compare {
            Compare::Cmp(n, _) => Some(gpr(n)),
            _ => None,
        };
        compared.is_some() && self.held == compared && is_zero_test(test)
    }
    /// Computes the flags of a test.
    pub(super) fn flags(&mut self, test: &Test) -> Result<(), CompileError> {
        if self.holds(test) {
            return Ok(());
        }
        let fit = |k| ModifiedImm::new(k).ok_or_else(|| self.misfit("an immediate"));
        let code = match test.compare {
            Compare::Cmp(n, Src::Imm(k)) => encode::cmp_imm(gpr(n), fit(k)?),
            Compare::Cmp(n, Src::Reg(m)) => encode::cmp_reg(gpr(n), gpr(m), None),
            Compare::Cmp(n, Src::Shifted(m, s, k)) => encode::cmp_reg(gpr(n), gpr(m), self.shift(s, k)?),
            Compare::Cmn(n, Src::Imm(k)) => encode::cmn_imm(gpr(n), fit(k)?),
            Compare::Cmn(n, src) => {
                let (rm, shift) = self.register(src)?;
                encode::cmn_reg(gpr(n), rm, shift)
            }
            Compare::Tst(n, Src::Imm(k)) => encode::tst_imm(gpr(n), fit(k)?),
            Compare::Tst(n, Src::Reg(m)) => encode::tst_reg(gpr(n), gpr(m), None),
            Compare::Tst(n, Src::Shifted(m, s, k)) => encode::tst_reg(gpr(n), gpr(m), self.shift(s, k)?),
            Compare::Pair(al, ah, bl, bh) => {
                self.flags(&Test { compare: Compare::Cmp(al, bl), condition: test.condition })?;
                return self.alu(AluOp::Sbc, SetFlags::Yes, IP, gpr(ah), bh);
            }
        };
        self.code(code);
        Ok(())
    }
    /// A small constant inside an IT block.
    pub(super) fn constant_in_it(&mut self, rd: Gpr, k: u32) -> Result<(), CompileError> {
        let narrow = rd.low().zip(Imm8::new(k)).map(|(rd, imm)| encode::movs_imm8(rd, imm));
        let wide = || ModifiedImm::new(k).map(|imm| encode::mov_modified(rd, imm));
        let code = narrow.or_else(wide).ok_or_else(|| self.misfit("an immediate"))?;
        self.code(code);
        Ok(())
    }
    fn set_if(&mut self, rd: Gpr, test: &Test) -> Result<(), CompileError> {
        self.flags(test)?;
        self.code(ite(test.condition));
        self.constant_in_it(rd, 1)?;
        self.constant_in_it(rd, 0)
    }
    fn select(&mut self, rd: Gpr, yes: Src, test: &Test) -> Result<(), CompileError> {
        self.flags(test)?;
        if let (true, Src::Imm(k)) = (faults::on("emit-flags-killed"), yes) {
            self.constant(IP, k, true);
            self.code(encode::cmp_reg(rd, IP, None));
        }
        self.code(it(test.condition));
        match yes {
            Src::Imm(k) => self.constant_in_it(rd, k),
            Src::Reg(m) => {
                self.code(encode::mov_reg(rd, gpr(m)));
                Ok(())
            }
            Src::Shifted(..) => Err(self.misfit("a shifted operand")),
        }
    }
    /// Branches to a label if the test holds (`negated`: if it does not).
    fn branch_if(&mut self, test: &Test, negated: bool, label: Label) -> Result<(), CompileError> {
        let condition = if negated { test.condition.negated() } else { test.condition };
        if let (Compare::Cmp(n, Src::Imm(0)), Condition::Eq | Condition::Ne, false) =
            (test.compare, condition, self.holds(test))
        {
            self.items.push(Item::BranchZero(condition == Condition::Ne, gpr(n), label));
            return Ok(());
        }
        self.flags(test)?;
        self.items.push(Item::Branch(Some(condition), label));
        Ok(())
    }
    /// Branches to a block if the flags meet a condition.
    pub(super) fn branch_on(&mut self, condition: Condition, to: usize) {
        let to = self.target(to);
        let label = self.label(to);
        self.items.push(Item::Branch(Some(condition), label));
    }
    pub(super) fn jump(&mut self, block: usize, to: usize) {
        let to = self.target(to);
        if self.next(block) != Some(to) {
            let label = self.label(to);
            self.items.push(Item::Branch(None, label));
        }
    }
    fn branch(&mut self, block: usize, test: &Test) -> Result<(), CompileError> {
        let [yes, no] = [0, 1].map(|s| self.target(self.machine.blocks[block].succs[s]));
        if self.next(block) == Some(yes) {
            let label = self.label(no);
            return self.branch_if(test, true, label);
        }
        let label = self.label(yes);
        self.branch_if(test, false, label)?;
        self.jump(block, no);
        Ok(())
    }
    fn switch(&mut self, block: usize, index: Gpr) -> Result<(), CompileError> {
        let from = &self.machine.blocks[block];
        let succs: Vec<usize> = from.entries.iter().map(|entry| self.target(from.succs[*entry])).collect();
        let Some((&default, targets)) = succs.split_last() else {
            return Err(self.misfit("a switch"));
        };
        if targets.len() < TABLE_TARGETS_MIN {
            for (n, &to) in targets.iter().enumerate() {
                self.compare_index(index, n as u32);
                let label = self.label(to);
                self.items.push(Item::Branch(Some(Condition::Eq), label));
            }
            self.jump(block, default);
            return Ok(());
        }
        self.compare_index(index, targets.len() as u32);
        let past = if faults::on("emit-switch-bound") { Condition::Hi } else { Condition::Hs };
        let past_label = self.label(default);
        self.items.push(Item::Branch(Some(past), past_label));
        let mut labels: Vec<Label> = targets.iter().map(|t| self.label(*t)).collect();
        // A reader finds the end of the table by its nearest target: one stands right behind it.
        let next = self.next(block);
        if targets.iter().any(|t| Some(*t) == next) {
            self.items.push(Item::Table(index, labels));
            return Ok(());
        }
        let entries = |label: &Label| labels.iter().filter(|l| *l == label).count();
        let Some(rarest) = labels.iter().min_by_key(|l| entries(l)).copied() else {
            return Ok(());
        };
        let stub = Label(self.labels);
        self.labels += 1;
        labels.iter_mut().filter(|l| **l == rarest).for_each(|l| *l = stub);
        self.items.push(Item::Table(index, labels));
        self.items.push(Item::Label(stub));
        self.items.push(Item::Branch(None, rarest));
        Ok(())
    }
    fn compare_index(&mut self, index: Gpr, k: u32) {
        match ModifiedImm::new(k) {
            Some(imm) => self.code(encode::cmp_imm(index, imm)),
            None => {
                self.constant(IP, k, true);
                self.code(encode::cmp_reg(index, IP, None));
            }
        }
    }
    fn call(&mut self, target: Target) {
        let to = match target {
            Target::Function(n) => RelocTarget::Symbol(Symbol::Function(n)),
            Target::Helper(name) => RelocTarget::Helper(name),
            Target::Register(r, type_index) => {
                self.items.push(Item::IndirectCall(type_index));
                self.code(blx(gpr(r)));
                return;
            }
        };
        // The offset 0 is the addend -4, which makes up for the pc that reads ahead by 4.
        let addend = Offset::new(if faults::on("relocation-call-addend") { 2 } else { 0 }).unwrap_or(Offset::ZERO);
        self.items.push(Item::Relocated(bl(addend), RelocKind::Call, to));
    }
}
