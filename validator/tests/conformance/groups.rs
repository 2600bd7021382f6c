//! Cases of several instructions: IT blocks of every mask, carry chains, straight lines with memory accesses.

use super::case::{Case, END, load_constant};
use super::encodings::Encodings;
use super::operands::{Fit, blank, operands};
use super::values::Random;
use synth_validator::arm::encoding::decode;
use synth_validator::arm::insn::{Address, Alu, Op, Reg, Shift, Source};

/// Instructions by 16 or 32 bits that groups are made of.
pub struct Members {
    /// Data processing of ordinary registers.
    data: Vec<(u32, bool)>,
    /// Those of them that write or read the carry flag.
    carry: Vec<(u32, bool)>,
    /// Loads and stores with ordinary registers as base.
    memory: Vec<(u32, bool)>,
}

impl Members {
    /// Some of every form.
    pub fn new(encodings: &Encodings) -> Self {
        Members {
            data: encodings.members(24, computes),
            carry: encodings.members(60, |op| computes(op) && carries(op)),
            memory: encodings.members(24, accesses),
        }
    }
}

/// Whether an operation computes ordinary registers and flags from such.
fn computes(op: &Op) -> bool {
    match *op {
        Op::Alu { rd, rn, src, .. } => {
            let source = matches!(src, Source::Reg(Reg::SP, _));
            rd != Reg::SP && rn != Reg::SP && !source
        }
        Op::MovHalf { .. }
        | Op::ShiftReg { .. }
        | Op::Multiply { .. }
        | Op::MultiplyLong { .. }
        | Op::Divide { .. }
        | Op::Unary { .. }
        | Op::Extend { .. }
        | Op::Extract { .. }
        | Op::Insert { .. }
        | Op::Saturate { .. } => true,
        _ => false,
    }
}

fn carries(op: &Op) -> bool {
    match *op {
        Op::Alu { op: Alu::Adc | Alu::Sbc, .. } | Op::Alu { src: Source::Reg(_, Shift::Rrx), .. } => true,
        Op::Alu { s, op, .. } => s || op.compares(),
        Op::ShiftReg { s, .. } => s,
        _ => false,
    }
}

fn accesses(op: &Op) -> bool {
    let ordinary = |address: Address| match address {
        Address::Offset(rn, _) | Address::Pre(rn, _) | Address::Post(rn, _) => rn != Reg::SP,
        Address::Index(rn, rm, _) => rn != Reg::SP && rn != rm,
        Address::Literal(_) => false,
    };
    match *op {
        Op::Load { rt, address, .. } => rt != Reg::PC && ordinary(address),
        Op::Store { rt, address, .. } => rt != Reg::SP && ordinary(address),
        Op::Dual { address, .. } => ordinary(address),
        Op::Multiple { rn, list, .. } => rn != Reg::SP && list >> 15 == 0,
        _ => false,
    }
}

/// An IT block, given by its `it`, of members allowed in it.
pub fn it_block(random: &mut Random, members: &Members, it: u32, address: u32) -> Case {
    let mut case = blank(random, address);
    case.in_it = true;
    // Bytes before the block, so that it also stands at the other alignment.
    for _ in 0..random.below(2) {
        case.half(0xbf00);
    }
    case.insn(it, false);
    let count = 4 - it.trailing_zeros();
    for _ in 0..count {
        data(random, &members.data, &mut case, true);
    }
    case.half(END);
    case
}

/// Appends a member. In an IT block only what is allowed there.
fn data(random: &mut Random, from: &[(u32, bool)], case: &mut Case, in_it: bool) {
    loop {
        let (code, wide) = random.pick(from);
        if let Some(op) = decode(code, wide, 0, in_it) {
            if let Op::ShiftReg { rm, .. } = op
                && !in_it
                && random.one_in(2)
            {
                constant(case, rm, random.amount());
            }
            case.insn(code, wide);
            return;
        }
    }
}

fn constant(case: &mut Case, rd: Reg, value: u32) {
    for code in load_constant(rd.0, value) {
        case.insn(code, true);
    }
}

/// 2 to 6 instructions that hand the carry flag on.
pub fn carry_chain(random: &mut Random, members: &Members, address: u32) -> Case {
    let mut case = blank(random, address);
    for _ in 0..2 + random.below(5) {
        data(random, &members.carry, &mut case, false);
    }
    case.half(END);
    case
}

/// 3 to 10 instructions: data processing, IT blocks, and loads and stores whose base is set just before.
pub fn sequence(random: &mut Random, members: &Members, address: u32) -> Fit<Case> {
    let mut case = blank(random, address);
    for _ in 0..3 + random.below(8) {
        match random.below(8) {
            0 => {
                let (first, length) = (random.below(14), random.below(4));
                let mask = (random.below(8) << 1 | 1) << (3 - length) & 0xf;
                case.half((0xbf00 | first << 4 | mask) as u16);
                case.in_it = true;
                (0..=length).for_each(|_| data(random, &members.data, &mut case, true));
            }
            1..=3 => access(random, members, &mut case)?,
            _ => data(random, &members.data, &mut case, false),
        }
    }
    case.half(END);
    Ok(case)
}

/// Appends a load or store and the constants for its address.
fn access(random: &mut Random, members: &Members, case: &mut Case) -> Fit<()> {
    let (code, wide) = random.pick(&members.memory);
    let op = decode(code, wide, 0, false).ok_or("not an instruction")?;
    // The address is chosen as for a single instruction, on a copy of the registers.
    let before = case.regs;
    operands(random, &op, case)?;
    let chosen = case.regs;
    case.regs = before;
    let (base, index) = match op {
        Op::Load { address, .. } | Op::Store { address, .. } | Op::Dual { address, .. } => match address {
            Address::Offset(rn, _) | Address::Pre(rn, _) | Address::Post(rn, _) => (rn, None),
            Address::Index(rn, rm, _) => (rn, Some(rm)),
            Address::Literal(_) => return Err("a literal"),
        },
        Op::Multiple { rn, .. } => (rn, None),
        _ => return Err("not a load or store"),
    };
    for register in [Some(base), index].into_iter().flatten() {
        constant(case, register, chosen[usize::from(register.0)]);
    }
    case.insn(code, wide);
    Ok(())
}
