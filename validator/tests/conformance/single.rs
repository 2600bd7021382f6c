//! Cases of one instruction, alone or in an IT block: what stands around it.

use super::case::{Case, END, FILLER, FUNCTIONS, TARGET, branch_conditional, branch_wide};
use super::operands::{Fit, blank, operands};
use super::values::Random;
use synth_validator::arm::encoding::decode;
use synth_validator::arm::insn::{Address, Cond, Op, Reg};
use synth_validator::concrete::Concrete;
use synth_validator::trap::TrapKind;

/// How a case is to be made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    /// Address of the code.
    pub address: u32,
    /// Whether the instruction is to stand in an IT block.
    pub in_it: bool,
    /// Whether a 32-bit branch is to have a far target.
    pub far: bool,
}

/// A case of this instruction.
///
/// # Errors
/// Why the random choices do not fit it.
pub fn make(random: &mut Random, (code, wide): (u32, bool), setting: Setting) -> Fit<Case> {
    const NOT_HERE: &str = "not an instruction here";
    let Setting { address, in_it, far } = setting;
    let mut case = blank(random, address);
    let code = nearer(random, code, wide, far);
    let op = decode(code, wide, 0, in_it).ok_or(NOT_HERE)?;
    let tail_call = wide && !far && matches!(op, Op::B { cond: Cond::Al, .. }) && random.one_in(8);
    let back = if tail_call { 0 } else { reach_back(&op) };
    if back > 0 {
        // Room for what lies before the instruction, which execution jumps over. 16 bytes for the IT block.
        let room = (back + 16 + 2 * random.below(4)).next_multiple_of(4);
        case.insn(branch_wide(room as i32 - 4, false), true);
        while case.end() < room {
            case.half(FILLER);
        }
    }
    case.in_it = in_it;
    let (before, after) = if in_it { it_block(random, &op, &mut case) } else { (0, 0) };
    (0..before).for_each(|_| companion(random, &mut case));
    let at = match op {
        Op::Bl { .. } => case.call(1 + random.below(FUNCTIONS - 1), false),
        Op::B { .. } if tail_call => case.call(1 + random.below(FUNCTIONS - 1), true),
        _ => case.insn(code, wide),
    };
    let op = decode(code, wide, at, in_it).ok_or(NOT_HERE)?;
    (0..after).for_each(|_| companion(random, &mut case));
    operands(random, &op, &mut case)?;
    around(random, &op, &mut case, at)?;
    Ok(case)
}

/// Branches and literals that the validator takes: most targets are near, and literals are at multiples of 4.
fn nearer(random: &mut Random, code: u32, wide: bool, far: bool) -> u32 {
    let span = match random.below(100) {
        _ if far => 0x4_0000,
        0 => 0x4000,
        1..=8 => 0x400,
        _ => 0x20,
    };
    let offset = 4 * random.below(2 * span) as i32 - 4 * span as i32 + 2 * random.below(2) as i32;
    match decode(code, wide, 0, false) {
        Some(Op::B { cond: Cond::Al, .. }) if wide => branch_wide(offset, false),
        Some(Op::B { cond, .. }) if wide => branch_conditional(offset, cond as u32),
        Some(Op::Load { address: Address::Literal(_), .. }) if wide => code & !3,
        _ => code,
    }
}

const OCCUPIED: &str = "target or literal in the code around the instruction";

/// How many bytes before the instruction its target or literal may lie.
fn reach_back(op: &Op) -> u32 {
    let low = match *op {
        Op::B { target, .. } | Op::Cbz { target, .. } => target,
        Op::Load { address: Address::Literal(imm), .. } | Op::Dual { address: Address::Literal(imm), .. } => imm.into(),
        _ => 0,
    };
    (-low).max(0) as u32
}

/// Appends an `it` of 1 to 4 instructions. Result: how many stand before and after the one under test.
fn it_block(random: &mut Random, op: &Op, case: &mut Case) -> (u32, u32) {
    let count = 1 + random.below(4);
    let jumps = match op {
        Op::B { .. } | Op::Bl { .. } | Op::Bx { .. } | Op::Blx { .. } | Op::TableBranch { .. } => true,
        Op::Load { rt: Reg::PC, .. } => true,
        Op::Multiple { load: true, list, .. } => list >> 15 == 1,
        _ => false,
    };
    let before = if jumps { count - 1 } else { random.below(count) };
    let first = random.below(15);
    // Bit 0 of the condition for then, its inverse for else; `al` has no inverse. A 1 ends the mask.
    let choices = if first == 14 { 0 } else { random.below(8) };
    let mask = (choices << 1 | 1) << (4 - count) & 0xf;
    let mask = if first == 14 { 1 << (4 - count) } else { mask };
    case.half((0xbf00 | first << 4 | mask) as u16);
    (before, count - 1 - before)
}

/// A member of an IT block besides the instruction under test: nothing, or new flags for the conditions that follow.
fn companion(random: &mut Random, case: &mut Case) {
    let registers = random.below(64);
    let half = match random.below(6) {
        0 => 0x4200 | registers, // tst
        1 => 0x4280 | registers, // cmp
        2 => 0x42c0 | registers, // cmn
        _ => 0xbf00,
    };
    case.half(half as u16);
}

/// What stands after the straight line: its end, targets, literals, tables.
fn around(random: &mut Random, op: &Op, case: &mut Case, at: u32) -> Fit<()> {
    match *op {
        Op::TableBranch { half, rm } => return table(random, case, half, rm),
        Op::Udf(code) if TrapKind::from_code(code).is_none() => return Err("a number that is no trap kind"),
        _ => {}
    }
    let line_end = case.half(END);
    if case.relocations.contains_key(&at) {
        return Ok(());
    }
    match *op {
        Op::B { target, .. } | Op::Cbz { target, .. } => {
            let target = u32::try_from(target).map_err(|_| OCCUPIED)?;
            if target != line_end {
                case.put(target, TARGET).ok_or(OCCUPIED)?;
            }
        }
        Op::Load { address: Address::Literal(imm), .. } => literals(random, case, at, imm, 1)?,
        Op::Dual { address: Address::Literal(_), .. } if (case.address + at) % 4 != 0 => {
            return Err("not at a multiple of 4");
        }
        Op::Dual { address: Address::Literal(imm), .. } => literals(random, case, at, imm, 2)?,
        Op::Blx { .. } => drop(case.indirect_types.insert(at, 1)),
        // A tail call by address.
        Op::Bx { rm } if random.one_in(4) => {
            case.regs[usize::from(rm.0)] = Concrete::function_word(1 + random.below(FUNCTIONS - 1));
            case.indirect_types.insert(at, 1);
        }
        _ => {}
    }
    Ok(())
}

fn literals(random: &mut Random, case: &mut Case, at: u32, imm: i32, words: u32) -> Fit<()> {
    let pc = (case.address + at + 4) & !3;
    for i in 0..words {
        let place = pc.wrapping_add(imm as u32).wrapping_add(4 * i).checked_sub(case.address).ok_or(OCCUPIED)?;
        let word = random.value();
        case.put(place, word as u16).ok_or(OCCUPIED)?;
        case.put(place + 2, (word >> 16) as u16).ok_or(OCCUPIED)?;
    }
    Ok(())
}

/// A branch table of 1 to 8 entries whose index is in range, and its targets. One entry leads to the first
/// halfword after the table, which ends it.
fn table(random: &mut Random, case: &mut Case, half: bool, rm: Reg) -> Fit<()> {
    let entries = 1 + random.below(8);
    let halves = if half { entries } else { entries.div_ceil(2) };
    let nearest = random.below(entries);
    let mut offsets: Vec<u32> = (0..entries).map(|i| halves + if i == nearest { 0 } else { random.below(8) }).collect();
    case.regs[usize::from(rm.0)] = random.below(entries);
    if !half && entries % 2 == 1 {
        offsets.push(0);
    }
    for entries in offsets.chunks(if half { 1 } else { 2 }) {
        let high = entries.get(1).copied().unwrap_or(0);
        case.half((entries[0] | high << 8) as u16);
    }
    for _ in 0..8 {
        case.half(TARGET);
    }
    Ok(())
}
