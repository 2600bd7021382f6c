//! Start states: registers and flags, and for each operation operands that it makes something of.

use super::case::{Case, FUNCTIONS};
use super::model::{CELLS, MEMORY_BYTES};
use super::values::Random;
use synth_validator::arm::insn::{Address, Alu, Op, Reg, Source};
use synth_validator::concrete::{Concrete, GLOBALS_ADDRESS, MEMORY_BASE, RETURN_ADDRESS, STACK_ANCHOR};
use synth_validator::domain::Width;

/// Bytes below sp in which the board keeps exception frames.
const EXCEPTION_BYTES: i32 = 64;
const BELOW_SP: &str = "access just below sp, where exceptions write";

/// A result, or why the random choices do not fit the instruction.
pub type Fit<T> = Result<T, &'static str>;

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

/// Gives the operands values that the instruction makes something of.
pub fn operands(random: &mut Random, op: &Op, case: &mut Case) -> Fit<()> {
    match *op {
        Op::Alu { op, rd, rn, src, .. } => {
            if let Source::Reg(rm, _) = src {
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
        Op::Saturate { bits, rn, .. } if random.one_in(2) => {
            // Just around the upper bound of one of the instructions, and of its negative.
            let bound = (1u32 << (bits & 31)) >> random.below(2);
            let near = bound.wrapping_add(random.below(4)).wrapping_sub(2);
            case.regs[usize::from(rn.0)] = if random.one_in(2) { near } else { near.wrapping_neg() };
        }
        Op::Cbz { rn, .. } if random.one_in(2) => case.regs[usize::from(rn.0)] = 0,
        Op::Bx { rm: Reg::SP, .. } | Op::Blx { rm: Reg::SP } => return Err("sp is never the address of Thumb code"),
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
    Ok(())
}

/// Where a function may leave to: mostly to its caller.
fn leave(random: &mut Random) -> u32 {
    if random.one_in(2) { RETURN_ADDRESS } else { Concrete::function_word(1 + random.below(FUNCTIONS - 1)) }
}

/// A register that moves sp or is added to it: the result stays in the frame, also if it is shifted by up to 3.
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
) -> Fit<()> {
    let bytes = width.bytes() * words;
    let aligned = to_pc || words > 1 && !random.one_in(4);
    let at = match address {
        Address::Literal(_) => return Ok(()),
        Address::Offset(Reg::SP, offset) => stack_offset(random, case, offset, width, bytes)?,
        Address::Pre(Reg::SP, offset) | Address::Post(Reg::SP, offset) => {
            let at = if matches!(address, Address::Pre(..)) { offset } else { 0 };
            if load && at < 0 {
                return Err(BELOW_SP);
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
        return Err("pc loaded from an unaligned address");
    }
    fill(random, case, at, bytes)?;
    if to_pc {
        case.memory.insert(at + bytes - 4, leave(random));
    }
    Ok(())
}

/// sp stays in the frame for aligned words above it, and is put into linear memory for any other access.
fn stack_offset(random: &mut Random, case: &mut Case, offset: i32, width: Width, bytes: u32) -> Fit<u32> {
    if (-EXCEPTION_BYTES - bytes as i32..0).contains(&offset) {
        return Err(BELOW_SP);
    }
    if offset < 0 || width != Width::Word || offset % 4 != 0 {
        case.regs[13] = MEMORY_BASE + 0x2000 + 4 * random.below(0x2000);
    }
    Ok(case.regs[13].wrapping_add(offset as u32))
}

fn indexed(
    random: &mut Random,
    case: &mut Case,
    (rn, rm, n): (Reg, Reg, u8),
    width: Width,
    bytes: u32,
    aligned: bool,
) -> Fit<u32> {
    let mut at = target(random, case, width, bytes, aligned);
    if rn == rm {
        // rn + (rn << n) = at: 1 + 2^n has an inverse modulo 2^32, except for n = 0.
        const INVERSES: [u32; 4] = [0, 0xaaaa_aaab, 0xcccc_cccd, 0x38e3_8e39];
        let aligned_at = at & !1;
        case.regs[usize::from(rn.0)] = match n {
            0 => aligned_at / 2 | random.below(2) << 31,
            n => at.wrapping_mul(INVERSES[usize::from(n)]),
        };
        return Ok(if n == 0 { aligned_at } else { at });
    }
    if rn == Reg::SP {
        let lost = at.wrapping_sub(case.regs[13]) & ((1 << n) - 1);
        at -= lost;
        let high = if n == 0 { 0 } else { random.word() << (32 - n) };
        case.regs[usize::from(rm.0)] = at.wrapping_sub(case.regs[13]) >> n | high;
        return Ok(at);
    }
    let index = case.regs[usize::from(rm.0)];
    case.regs[usize::from(rn.0)] = at.wrapping_sub(index << n);
    Ok(at)
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

/// Contents for an access and the words beside it; an error if the access leaves its area.
fn fill(random: &mut Random, case: &mut Case, at: u32, bytes: u32) -> Fit<()> {
    let areas = [
        (MEMORY_BASE, MEMORY_BASE + MEMORY_BYTES),
        (GLOBALS_ADDRESS, GLOBALS_ADDRESS + 4 * CELLS),
        (STACK_ANCHOR - 0x2000, STACK_ANCHOR),
    ];
    let (start, end) =
        areas.into_iter().find(|(start, end)| at >= *start && at + bytes <= *end).ok_or("outside all memory")?;
    let (low, high) = ((at & !3) - 4, (at + bytes).next_multiple_of(4) + 4);
    for address in (low.max(start)..high.min(end)).step_by(4) {
        let word = random.value();
        case.memory.entry(address).or_insert(word);
    }
    Ok(())
}
