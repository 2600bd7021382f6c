//! Machine instructions before and after register allocation, and the one table of their operands' roles.
//!
//! Flags live only inside one machine instruction: an instruction that needs flags computes them itself and is
//! expanded as a whole at emission, so that no move of the allocator can come between, and all others may use
//! flag-setting encodings freely. r12 is free inside every instruction.

use crate::encode::memory::Access;
use crate::encode::operand::{Condition, Extension};
use crate::encode::{AluOp, ShiftOp, UnaryOp};
use crate::faults;
use synth_validator::domain::Symbol;
use synth_validator::trap::TrapKind;

/// A register: virtual before allocation, the number of a core register after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(pub u32);

/// How an instruction uses a register operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read before anything is written.
    Use,
    /// Read, in this core register.
    UseIn(u8),
    /// Read after something is written: shares no register with definitions.
    UseLate,
    /// Written after everything is read.
    Def,
    /// Written while operands are still to be read: shares no register with them.
    DefEarly,
    /// Written, in this core register.
    DefIn(u8),
    /// Written after everything is read, in the register of the operand with this number in visiting order.
    DefTied(usize),
}

impl Role {
    /// Whether the register is written.
    pub fn is_def(self) -> bool {
        matches!(self, Role::Def | Role::DefEarly | Role::DefIn(_) | Role::DefTied(_))
    }
}

/// The flexible second operand. An immediate fits the instruction that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Src {
    /// A constant.
    Imm(u32),
    /// A register.
    Reg(Reg),
    /// A register shifted by `1..=31`.
    Shifted(Reg, ShiftOp, u32),
}

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Register plus `0..=4095`.
    Offset(Reg, u32),
    /// Register plus register shifted left by `0..=3`.
    Indexed(Reg, Reg, u32),
}

/// How flags are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `cmp`.
    Cmp(Reg, Src),
    /// `cmn`.
    Cmn(Reg, Src),
    /// `tst`.
    Tst(Reg, Src),
    /// `cmp` of the low words, `sbcs` of the high words: (low, high) pairs.
    Pair(Reg, Reg, Src, Src),
}

/// A condition on words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// How flags are computed.
    pub compare: Compare,
    /// The condition on the flags.
    pub condition: Condition,
}

/// A choice: `yes` if a test holds (if it does not, where the choice is negated), else `no`. `yes` is as in [`Inst::Select`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "explained above")]
pub struct Choice {
    pub rd: Reg,
    pub no: Reg,
    pub yes: Src,
    pub negated: bool,
}

/// Whom a call calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The function with this index.
    Function(u32),
    /// A run-time helper.
    Helper(&'static str),
    /// The function at the address in a register, of this canonical type.
    Register(Reg, u32),
}

/// A machine instruction.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "fields are named as in the manual")]
pub enum Inst {
    /// Function entry: arguments in core registers.
    Entry { args: Vec<(Reg, u8)> },
    /// Loads a stack argument, `offset` bytes above the stack pointer at entry.
    LoadIncoming { rd: Reg, offset: u32 },
    /// Any constant.
    Const { rd: Reg, value: u32 },
    /// Address of a symbol plus an addend.
    SymbolAddress { rd: Reg, symbol: Symbol, addend: i16 },
    /// Moves.
    Move { rd: Reg, rm: Reg },
    /// Bitwise not of a register, which may be shifted.
    Not { rd: Reg, src: Src },
    /// Data processing.
    Alu { op: AluOp, rd: Reg, rn: Reg, src: Src },
    /// Shift by `1..=31`.
    ShiftImm { op: ShiftOp, rd: Reg, rm: Reg, amount: u32 },
    /// Shift by the low byte of a register.
    ShiftReg { op: ShiftOp, rd: Reg, rn: Reg, rm: Reg },
    /// One-operand operations.
    Unary { op: UnaryOp, rd: Reg, rm: Reg },
    /// The `width` bits from bit `lsb` up, extended by zeros or copies of the highest.
    Extract { signed: bool, rd: Reg, rn: Reg, lsb: u32, width: u32 },
    /// The byte or halfword of `rm`, rotated right by 0, 8, 16 or 24 bits, extended and added to `rn` if there is one.
    Extend { op: Extension, rd: Reg, rn: Option<Reg>, rm: Reg, rotation: u32 },
    /// `old` with the `width` bits from bit `lsb` up replaced by the lowest of `rn`, or by zeros.
    Insert { rd: Reg, old: Reg, rn: Option<Reg>, lsb: u32, width: u32 },
    /// The nearest signed or unsigned number of `bits` bits. The operand may be shifted by `lsl` or `asr`.
    Saturate { signed: bool, bits: u32, rd: Reg, src: Src },
    /// Product.
    Mul { rd: Reg, rn: Reg, rm: Reg },
    /// `ra + rn * rm`, or `ra - rn * rm`.
    MulAdd { subtract: bool, rd: Reg, rn: Reg, rm: Reg, ra: Reg },
    /// Long product.
    MulLong { signed: bool, lo: Reg, hi: Reg, rn: Reg, rm: Reg },
    /// Sum of a pair and a long product.
    MulAddLong { signed: bool, lo: Reg, hi: Reg, al: Reg, ah: Reg, rn: Reg, rm: Reg },
    /// Quotient.
    Div { signed: bool, rd: Reg, rn: Reg, rm: Reg },
    /// Sum or difference of pairs.
    Pair { subtract: bool, lo: Reg, hi: Reg, al: Reg, ah: Reg, bl: Src, bh: Src },
    /// 1 if the test holds, else 0.
    SetIf { rd: Reg, test: Test },
    /// `yes` if the test holds, else `no`. An immediate `yes` is `0..=255` or a modified immediate.
    Select { rd: Reg, no: Reg, yes: Src, test: Test },
    /// Two to four choices under one test.
    SelectMany { choices: Vec<Choice>, test: Test },
    /// Traps if the test holds.
    TrapIf { test: Test, kind: TrapKind },
    /// Load or store.
    Memory { access: Access, rt: Reg, address: Address },
    /// Stores an argument word `offset` bytes above the stack pointer.
    StoreOutgoing { rt: Reg, offset: u32 },
    /// Call.
    Call { target: Target, args: Vec<(Reg, u8)>, results: Vec<(Reg, u8)> },
    /// To the only successor.
    Jump,
    /// To the first successor if the test holds, else to the second.
    Branch { test: Test },
    /// To the successor with the index's number, else to the last.
    Switch { index: Reg },
    /// Return.
    Return { results: Vec<(Reg, u8)> },
    /// Trap.
    Trap { kind: TrapKind },
}

impl Src {
    fn constants(&mut self, f: &mut impl FnMut(&mut u32)) {
        match self {
            Src::Imm(k) | Src::Shifted(_, _, k) => f(k),
            Src::Reg(_) => {}
        }
    }
    fn visit(&mut self, f: &mut impl FnMut(&mut Reg, Role)) {
        self.visit_as(Role::Use, f);
    }
    fn visit_as(&mut self, role: Role, f: &mut impl FnMut(&mut Reg, Role)) {
        match self {
            Src::Imm(_) => {}
            Src::Reg(r) | Src::Shifted(r, ..) => f(r, role),
        }
    }
}

impl Test {
    fn visit(&mut self, f: &mut impl FnMut(&mut Reg, Role)) {
        match &mut self.compare {
            Compare::Cmp(n, src) | Compare::Cmn(n, src) | Compare::Tst(n, src) => {
                f(n, Role::Use);
                src.visit(f);
            }
            Compare::Pair(al, ah, bl, bh) => {
                [al, ah].into_iter().for_each(|r| f(r, Role::Use));
                [bl, bh].into_iter().for_each(|s| s.visit(f));
            }
        }
    }
}

impl Inst {
    /// Visits the register operands in a fixed order: the only statement of their roles.
    pub fn operands(&mut self, f: &mut impl FnMut(&mut Reg, Role)) {
        match self {
            Inst::Entry { args } => args.iter_mut().for_each(|(r, n)| f(r, Role::DefIn(*n))),
            Inst::LoadIncoming { rd, .. } | Inst::Const { rd, .. } | Inst::SymbolAddress { rd, .. } => f(rd, Role::Def),
            Inst::Move { rd, rm }
            | Inst::ShiftImm { rd, rm, .. }
            | Inst::Unary { rd, rm, .. }
            | Inst::Extract { rd, rn: rm, .. } => {
                f(rm, Role::Use);
                f(rd, Role::Def);
            }
            Inst::Alu { rd, rn, src, .. } => {
                f(rn, Role::Use);
                src.visit(f);
                f(rd, Role::Def);
            }
            Inst::ShiftReg { rd, rn, rm, .. } | Inst::Mul { rd, rn, rm } | Inst::Div { rd, rn, rm, .. } => {
                f(rn, Role::Use);
                f(rm, Role::Use);
                f(rd, Role::Def);
            }
            Inst::MulAdd { rd, rn, rm, ra, .. } => {
                [rn, rm, ra].into_iter().for_each(|r| f(r, Role::Use));
                f(rd, Role::Def);
            }
            Inst::MulLong { lo, hi, rn, rm, .. } => {
                [rn, rm].into_iter().for_each(|r| f(r, Role::Use));
                [lo, hi].into_iter().for_each(|r| f(r, Role::Def));
            }
            Inst::MulAddLong { lo, hi, al, ah, rn, rm, .. } => {
                [al, ah, rn, rm].into_iter().for_each(|r| f(r, Role::Use));
                f(lo, if faults::on("roles-accumulator") { Role::Def } else { Role::DefTied(0) });
                f(hi, Role::DefTied(1));
            }
            Inst::Pair { lo, hi, al, ah, bl, bh, .. } => {
                [al, ah].into_iter().for_each(|r| f(r, Role::Use));
                [bl, bh].into_iter().for_each(|s| s.visit(f));
                f(lo, if faults::on("roles-pair-early") { Role::Def } else { Role::DefEarly });
                f(hi, Role::Def);
            }
            Inst::SetIf { rd, test } => {
                test.visit(f);
                f(rd, Role::Def);
            }
            Inst::Extend { rd, rn, rm, .. } => {
                rn.iter_mut().for_each(|r| f(r, Role::Use));
                f(rm, Role::Use);
                f(rd, Role::Def);
            }
            Inst::Insert { rd, old, rn, .. } => {
                f(old, Role::Use);
                rn.iter_mut().for_each(|r| f(r, Role::Use));
                f(rd, Role::DefTied(0));
            }
            Inst::Not { rd, src } | Inst::Saturate { rd, src, .. } => {
                src.visit(f);
                f(rd, Role::Def);
            }
            Inst::SelectMany { choices, test } => {
                choices.iter_mut().for_each(|c| f(&mut c.no, Role::Use));
                for (n, choice) in choices.iter_mut().enumerate() {
                    choice
                        .yes
                        .visit_as(if n == 0 || faults::on("roles-choice-late") { Role::Use } else { Role::UseLate }, f);
                }
                test.visit(f);
                choices.iter_mut().enumerate().for_each(|(n, c)| f(&mut c.rd, Role::DefTied(n)));
            }
            Inst::Select { rd, no, yes, test } => {
                f(no, Role::Use);
                yes.visit(f);
                test.visit(f);
                f(rd, if faults::on("roles-select-tied") { Role::Def } else { Role::DefTied(0) });
            }
            Inst::TrapIf { test, .. } => test.visit(f),
            Inst::Memory { access, rt, address } => {
                match address {
                    Address::Offset(n, _) => f(n, Role::Use),
                    Address::Indexed(n, m, _) => [n, m].into_iter().for_each(|r| f(r, Role::Use)),
                }
                f(rt, if access.is_load() { Role::Def } else { Role::Use });
            }
            Inst::StoreOutgoing { rt, .. } => f(rt, Role::Use),
            Inst::Call { target, args, results } => {
                if let Target::Register(r, _) = target {
                    f(r, Role::Use);
                }
                args.iter_mut().for_each(|(r, n)| f(r, Role::UseIn(*n)));
                results.iter_mut().for_each(|(r, n)| f(r, Role::DefIn(*n)));
            }
            Inst::Branch { test } => test.visit(f),
            Inst::Switch { index } => f(index, Role::Use),
            Inst::Return { results } => results.iter_mut().for_each(|(r, n)| f(r, Role::UseIn(*n))),
            Inst::Jump | Inst::Trap { .. } => {}
        }
    }
    /// Visits the constants of an instruction that only computes, in a fixed order.
    pub fn constants(&mut self, f: &mut impl FnMut(&mut u32)) {
        match self {
            Inst::Const { value: k, .. } | Inst::ShiftImm { amount: k, .. } | Inst::Extend { rotation: k, .. } => f(k),
            Inst::Extract { lsb, width, .. } | Inst::Insert { lsb, width, .. } => {
                f(lsb);
                f(width);
            }
            Inst::Alu { src, .. } | Inst::Not { src, .. } => src.constants(f),
            Inst::Pair { bl, bh, .. } => [bl, bh].into_iter().for_each(|s| s.constants(f)),
            Inst::SetIf { test, .. } => match &mut test.compare {
                Compare::Cmp(_, src) | Compare::Cmn(_, src) | Compare::Tst(_, src) => src.constants(f),
                Compare::Pair(_, _, bl, bh) => [bl, bh].into_iter().for_each(|s| s.constants(f)),
            },
            _ => {}
        }
    }
    /// Whether it makes a word from nothing that changes: a constant, an address, or an argument on the stack, which nobody writes.
    pub fn is_remade(&self) -> bool {
        matches!(self, Inst::Const { .. } | Inst::SymbolAddress { .. } | Inst::LoadIncoming { .. })
    }
    /// Whether it ends a block.
    pub fn is_terminator(&self) -> bool {
        self.is_branch() || self.is_exit()
    }
    /// Whether it ends a block with successors.
    pub fn is_branch(&self) -> bool {
        matches!(self, Inst::Jump | Inst::Branch { .. } | Inst::Switch { .. })
    }
    /// Whether it ends the function.
    pub fn is_exit(&self) -> bool {
        matches!(self, Inst::Return { .. } | Inst::Trap { .. })
    }
    /// Whether it is a call, which changes r0 to r3, r12, lr and flags.
    pub fn is_call(&self) -> bool {
        matches!(self, Inst::Call { .. })
    }
}

/// A block of machine instructions.
#[derive(Clone, Debug, Default)]
pub struct MachineBlock {
    /// Its instructions, as a range of [`MachineFunc::insts`].
    pub range: std::ops::Range<usize>,
    /// Parameters.
    pub params: Vec<Reg>,
    /// Successors in the terminator's order; for a `Switch` each once.
    pub succs: Vec<usize>,
    /// For a `Switch`: the position in `succs` of each target, the default last.
    pub entries: Vec<usize>,
    /// Arguments for each successor.
    pub args: Vec<Vec<Reg>>,
    /// Predecessors.
    pub preds: Vec<usize>,
    /// The IR block that it starts, if it starts one.
    pub ir: Option<u32>,
    /// Whether it exists only to hold moves of a `Switch` edge.
    pub switch_edge: bool,
    /// Loops around it.
    pub depth: u32,
}

impl MachineBlock {
    /// How often it is likely to be executed: eight times as often in each loop.
    pub fn frequency(&self) -> u64 {
        1 << (3 * self.depth.min(6))
    }
}

/// A function of machine instructions with virtual registers. Blocks stand in layout order; 0 is the entry.
#[derive(Clone, Debug, Default)]
pub struct MachineFunc {
    /// Instructions of all blocks, block after block.
    pub insts: Vec<Inst>,
    /// For each instruction, the module offset that it comes from.
    pub origins: Vec<u32>,
    /// Blocks.
    pub blocks: Vec<MachineBlock>,
    /// Number of virtual registers.
    pub vregs: u32,
    /// Bytes of outgoing stack arguments.
    pub outgoing_bytes: u32,
}
