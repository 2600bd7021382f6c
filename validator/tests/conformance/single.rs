//! Cases of one instruction, alone or in an IT block: where its operands point, and what stands around it.

use super::case::{Case, END, FUNCTIONS, TARGET, branch_conditional, branch_wide};
use super::model::{CELLS, MEMORY_BYTES};
use super::values::Random;
use synth_validator::arm::encoding::decode;
use synth_validator::arm::insn::{Address, Alu, Cond, Op, Reg};
use synth_validator::concrete::{Concrete, GLOBALS_ADDRESS, MEMORY_BASE, RETURN_ADDRESS, STACK_ANCHOR};
use synth_validator::domain::Width;
use synth_validator::trap::TrapKind;

/// Bytes below sp in which the board keeps exception frames.
const EXCEPTION_BYTES: i32 = 64;

/// A case without code, with random registers and flags, and sp in the frame with room above and below.
pub fn blank(random: &mut Random, address: u32) -> Case {
    let mut regs: [u32; 15] = std::array::from_fn(|_| random.value());
    regs[13] = STACK_ANCHOR - 0x1080 - 4 * random.below(0x200);
    Case {
        address,
        bytes: Vec::new(),
        relocations: Default::default(),
        indirect_types: Default::default(),
        regs,
        nzcv: random.below(16),
        memory: Default::default(),
        in_it: false,
        text: String::new(),
    }
}

/// A case of this instruction at this address; `None` if the random choices do not fit the instruction.
pub fn make(random: &mut Random, (code, wide): (u32, bool), address: u32, in_it: bool) -> Option<Case> {
    let mut case = blank(random, address);
    let code = nearer(random, code, wide);
    let op = decode(code, wide, 0, in_it)?;
    let back = reach_back(&op);
    if back > 0 {
        // Room for what lies before the instruction, which execution jumps over. 16 bytes for the IT block.
        let room = (back + 16 + 2 * random.below(4)).next_multiple_of(4);
        case.insn(branch_wide(room as i32 - 4, false), true);
        while case.end() < room {
            case.half(super::case::FILLER);
        }
    }
    case.in_it = in_it;
    let (before, after) = if in_it { it_block(random, &op, &mut case) } else { (0, 0) };
    for _ in 0..before {
        companion(random, &mut case);
    }
    let at = match op {
        Op::Bl { .. } => case.call(1 + random.below(FUNCTIONS - 1), false),
        _ => case.insn(code, wide),
    };
    let op = decode(code, wide, at, in_it)?;
    for _ in 0..after {
        companion(random, &mut case);
    }
    operands(random, &op, &mut case)?;
    around(random, &op, &mut case, at)?;
    Some(case)
}

/// Branches over the whole reach of 32 bits would need as much code: most targets are taken near, some far.
fn nearer(random: &mut Random, code: u32, wide: bool) -> u32 {
    let span = match random.below(100) {
        0 => 0x8000,
        1..=8 => 0x800,
        _ => 0x40,
    };
    let offset = 2 * random.below(2 * span) as i32 - 2 * span as i32;
    match decode(code, wide, 0, false) {
        Some(Op::B { cond: Cond::Al, .. }) if wide => branch_wide(offset, false),
        Some(Op::B { cond, .. }) if wide => branch_conditional(offset, cond as u32),
        _ => code,
    }
}

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

/// Gives the operands values that the instruction makes something of.
pub fn operands(random: &mut Random, op: &Op, case: &mut Case) -> Option<()> {
    match *op {
        Op::Alu { op, rd, rn, src, .. } => {
            if let synth_validator::arm::insn::Source::Reg(rm, _) = src {
                if rm != Reg::SP && random.one_in(4) && rn != Reg::SP {
                    case.regs[usize::from(rm.0)] = case.regs[usize::from(rn.0)];
                }
                if rd == Reg::SP {
                    stack_operand(random, op, rm, case);
                }
            }
        }
        Op::ShiftReg { rm, .. } => case.regs[usize::from(rm.0)] = random.amount(),
        Op::Divide { rn, rm, .. } if random.one_in(2) => {
            case.regs[usize::from(rn.0)] = random.pick(&[0, 1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX]);
            case.regs[usize::from(rm.0)] = random.pick(&[0, 1, 2, 0x7fff_ffff, 0x8000_0000, u32::MAX]);
        }
        Op::Cbz { rn, .. } if random.one_in(2) => case.regs[usize::from(rn.0)] = 0,
        // sp is a multiple of 4, so it never holds the address of Thumb code.
        Op::Bx { rm: Reg::SP, .. } | Op::Blx { rm: Reg::SP } => return None,
        Op::Bx { rm, .. } => case.regs[usize::from(rm.0)] = leave(random),
        Op::Blx { rm } => case.regs[usize::from(rm.0)] = Concrete::function_word(1 + random.below(FUNCTIONS - 1)),
        Op::Load { width, rt, address, .. } => transfer(random, case, address, width, 1, rt == Reg::PC, true)?,
        Op::Store { width, address, .. } => transfer(random, case, address, width, 1, false, false)?,
        Op::Dual { load, address, .. } => transfer(random, case, address, Width::Word, 2, false, load)?,
        Op::Multiple { load, before, writeback, rn, list } => {
            let words = list.count_ones();
            let offset = if before { -4 * words as i32 } else { 0 };
            let address = if writeback { Address::Pre(rn, offset) } else { Address::Offset(rn, offset) };
            transfer(random, case, address, Width::Word, words, list >> 15 == 1, load)?;
        }
        _ => {}
    }
    Some(())
}

/// Where a function may leave to: mostly to its caller.
fn leave(random: &mut Random) -> u32 {
    if random.one_in(2) { RETURN_ADDRESS } else { Concrete::function_word(1 + random.below(FUNCTIONS - 1)) }
}

/// A register that moves sp or is added to it: the result stays in the frame. Shifts are undone by clearing bits.
fn stack_operand(random: &mut Random, op: Alu, rm: Reg, case: &mut Case) {
    let step = 32 * random.below(16);
    let value = match op {
        Alu::Mov => case.regs[13] - step,
        Alu::Sub => step,
        _ => step.wrapping_neg(),
    };
    if rm != Reg::SP {
        case.regs[usize::from(rm.0)] = value;
    }
}

/// Points an address at memory of its own choice and gives that memory contents.
fn transfer(
    random: &mut Random,
    case: &mut Case,
    address: Address,
    width: Width,
    words: u32,
    to_pc: bool,
    load: bool,
) -> Option<()> {
    let bytes = width.bytes() * words;
    let aligned = to_pc || words > 1 && !random.one_in(4);
    let at = match address {
        Address::Literal(_) => return Some(()),
        Address::Offset(Reg::SP, offset) => stack_offset(random, case, offset, width, bytes)?,
        Address::Pre(Reg::SP, offset) | Address::Post(Reg::SP, offset) => {
            let at = if matches!(address, Address::Pre(..)) { offset } else { 0 };
            // Memory below sp is not to be read: exceptions write there.
            if load && at < 0 || width != Width::Word || offset % 4 != 0 {
                return None;
            }
            case.regs[13].wrapping_add(at as u32)
        }
        Address::Offset(rn, offset) | Address::Pre(rn, offset) => {
            let at = target(random, case, width, bytes, aligned);
            case.regs[usize::from(rn.0)] = at.wrapping_sub(offset as u32);
            at
        }
        Address::Post(rn, _) => {
            let at = target(random, case, width, bytes, aligned);
            case.regs[usize::from(rn.0)] = at;
            at
        }
        Address::Index(rn, rm, n) => indexed(random, case, (rn, rm, n), width, bytes, aligned)?,
    };
    // A load of pc from an unaligned address is UNPREDICTABLE. Source: DDI 0403E, LDR (immediate).
    if to_pc && at % 4 != 0 {
        return None;
    }
    fill(random, case, at, bytes)?;
    if to_pc {
        case.memory.insert(at + bytes - 4, leave(random));
    }
    Some(())
}

/// sp stays in the frame for aligned words above it, and is put into linear memory for any other access.
fn stack_offset(random: &mut Random, case: &mut Case, offset: i32, width: Width, bytes: u32) -> Option<u32> {
    if (-EXCEPTION_BYTES - bytes as i32..0).contains(&offset) {
        return None;
    }
    if offset < 0 || width != Width::Word || offset % 4 != 0 {
        case.regs[13] = MEMORY_BASE + 0x2000 + 4 * random.below(0x2000);
    }
    Some(case.regs[13].wrapping_add(offset as u32))
}

fn indexed(
    random: &mut Random,
    case: &mut Case,
    (rn, rm, n): (Reg, Reg, u8),
    width: Width,
    bytes: u32,
    aligned: bool,
) -> Option<u32> {
    let mut at = target(random, case, width, bytes, aligned);
    if rn == rm {
        // rn + (rn << n) = at: 1 + 2^n has an inverse modulo 2^32, except for n = 0.
        const INVERSES: [u32; 4] = [0, 0xaaaa_aaab, 0xcccc_cccd, 0x38e3_8e39];
        let aligned_at = at & !1;
        case.regs[usize::from(rn.0)] = match n {
            0 => aligned_at / 2 | random.below(2) << 31,
            n => at.wrapping_mul(INVERSES[usize::from(n)]),
        };
        return Some(if n == 0 { aligned_at } else { at });
    }
    if rn == Reg::SP {
        let lost = at.wrapping_sub(case.regs[13]) & ((1 << n) - 1);
        at -= lost;
        let high = if n == 0 { 0 } else { random.word() << (32 - n) };
        case.regs[usize::from(rm.0)] = at.wrapping_sub(case.regs[13]) >> n | high;
        return Some(at);
    }
    let index = case.regs[usize::from(rm.0)];
    case.regs[usize::from(rn.0)] = at.wrapping_sub(index << n);
    Some(at)
}

/// An address for an access: linear memory at any alignment (unless `aligned`), or for words the frame or the globals.
fn target(random: &mut Random, case: &Case, width: Width, bytes: u32, aligned: bool) -> u32 {
    let alignment = if aligned || random.one_in(3) { !3 } else { u32::MAX };
    match random.below(8) {
        0 if width == Width::Word && aligned => case.regs[13] + 4 * random.below(0x300),
        1 if width == Width::Word && aligned && bytes <= 4 * CELLS => {
            GLOBALS_ADDRESS + 4 * random.below(CELLS - bytes / 4 + 1)
        }
        0 if width == Width::Word && alignment == !3 && bytes == 4 => case.regs[13] + 4 * random.below(0x300),
        1 if width == Width::Word && alignment == !3 && bytes == 4 => GLOBALS_ADDRESS + 4 * random.below(CELLS),
        2 => MEMORY_BASE,
        3 => MEMORY_BASE + (MEMORY_BYTES - bytes & alignment),
        _ => MEMORY_BASE + (random.below(MEMORY_BYTES - bytes) & alignment),
    }
}

/// Contents for an access and the words beside it; `None` if the access leaves its area.
fn fill(random: &mut Random, case: &mut Case, at: u32, bytes: u32) -> Option<()> {
    let areas = [
        (MEMORY_BASE, MEMORY_BASE + MEMORY_BYTES),
        (GLOBALS_ADDRESS, GLOBALS_ADDRESS + 4 * CELLS),
        (STACK_ANCHOR - 0x2000, STACK_ANCHOR),
    ];
    let (start, end) = areas.into_iter().find(|(start, end)| at >= *start && at + bytes <= *end)?;
    let (low, high) = ((at & !3) - 4, (at + bytes).next_multiple_of(4) + 4);
    for address in (low.max(start)..high.min(end)).step_by(4) {
        let word = random.value();
        case.memory.entry(address).or_insert(word);
    }
    Some(())
}

/// What stands after the straight line: its end, targets, literals, tables.
fn around(random: &mut Random, op: &Op, case: &mut Case, at: u32) -> Option<()> {
    match *op {
        Op::TableBranch { half, rm } => return table(random, case, half, rm),
        Op::Udf(code) if TrapKind::from_code(code).is_none() => return None,
        _ => {}
    }
    let line_end = case.half(END);
    match *op {
        Op::B { target, .. } | Op::Cbz { target, .. } => {
            let target = u32::try_from(target).ok()?;
            if target != line_end {
                case.put(target, TARGET)?;
            }
        }
        Op::Load { address: Address::Literal(imm), .. } => literals(random, case, at, imm, 1)?,
        Op::Dual { address: Address::Literal(imm), .. } => literals(random, case, at, imm, 2)?,
        Op::Blx { .. } => {
            case.indirect_types.insert(at, 1);
        }
        _ => {}
    }
    Some(())
}

fn literals(random: &mut Random, case: &mut Case, at: u32, imm: i32, words: u32) -> Option<()> {
    let pc = (case.address + at + 4) & !3;
    for i in 0..words {
        let place = pc.wrapping_add(imm as u32).wrapping_add(4 * i).checked_sub(case.address)?;
        let word = random.value();
        case.put(place, word as u16)?;
        case.put(place + 2, (word >> 16) as u16)?;
    }
    Some(())
}

/// A branch table of 1 to 8 entries whose index is in range, and its targets. One entry leads to the first
/// halfword after the table, which ends it.
fn table(random: &mut Random, case: &mut Case, half: bool, rm: Reg) -> Option<()> {
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
    Some(())
}
