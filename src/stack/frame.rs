//! How deep the stack pointer goes in one function, and where it calls: read from its decoded instructions.
//!
//! All paths are followed from the entry with the distance of the stack pointer from its value there. An instruction that may move it
//! in any way but by a constant, or two paths that meet with different distances, are errors: nothing is guessed.

use std::collections::BTreeMap;
use synth_validator::arm::decode::{Code, Target};
use synth_validator::arm::insn::{Address, Alu, Cond, Insn, Op, Reg, Shift, Source};
use synth_validator::domain::Width;

/// Whom an instruction calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Called {
    /// A symbol: a function of the module or the host, or a helper.
    Direct(Target),
    /// What a register holds, of this canonical type.
    Indirect(u32),
}

/// What a function does to the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameUse {
    /// Bytes below the stack pointer at entry, at every instruction that can be reached, before it.
    pub depths: BTreeMap<u32, u32>,
    /// The most of them.
    pub bytes: u32,
    /// Calls: offset, bytes below the stack pointer at entry, whom.
    pub calls: Vec<(u32, u32, Called)>,
}

/// Before an instruction: the stack pointer from its value at entry, and a constant that the instruction before has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    sp: i64,
    constant: Option<(Reg, u32)>,
}

/// The registers that an instruction may write itself, as a bit each; a callee may write more.
pub fn written(op: &Op) -> u32 {
    let bit = |r: Reg| 1u32 << (r.0 & 15);
    let base = |address: Address| address.written_base().map_or(0, bit);
    match *op {
        Op::Alu { op, rd, .. } => {
            if op.compares() {
                0
            } else {
                bit(rd)
            }
        }
        Op::MovHalf { rd, .. }
        | Op::ShiftReg { rd, .. }
        | Op::Multiply { rd, .. }
        | Op::Divide { rd, .. }
        | Op::Unary { rd, .. }
        | Op::Extend { rd, .. }
        | Op::Extract { rd, .. }
        | Op::Insert { rd, .. }
        | Op::Saturate { rd, .. }
        | Op::Adr { rd, .. } => bit(rd),
        Op::MultiplyLong { lo, hi, .. } => bit(lo) | bit(hi),
        Op::Load { rt, address, .. } => bit(rt) | base(address),
        Op::Store { address, .. } => base(address),
        Op::Dual { load, rt, rt2, address } => base(address) | if load { bit(rt) | bit(rt2) } else { 0 },
        Op::Multiple { load, writeback, rn, list, .. } => {
            (if load { u32::from(list) } else { 0 }) | if writeback { bit(rn) } else { 0 }
        }
        Op::B { .. }
        | Op::Cbz { .. }
        | Op::It { .. }
        | Op::TableBranch { .. }
        | Op::Nop
        | Op::Udf(_)
        | Op::Bx { .. } => 0,
        // What a callee may change; the stack pointer is as before.
        Op::Bl { .. } | Op::Blx { .. } => bit(Reg::LR),
    }
}

/// How an instruction moves the stack pointer.
fn moved(insn: &Insn, constant: Option<(Reg, u32)>) -> Result<i64, String> {
    let sp = 1 << Reg::SP.0;
    if written(&insn.op) & sp == 0 {
        return Ok(0);
    }
    let by = match insn.op {
        Op::Alu { op: op @ (Alu::Add | Alu::Sub), rd: Reg::SP, rn: Reg::SP, src, .. } => {
            let value = match src {
                Source::Imm { value, .. } => Some(value),
                Source::Reg(rm, Shift::Lsl(0)) => {
                    constant.filter(|(register, _)| *register == rm).map(|(_, value)| value)
                }
                Source::Reg(..) => None,
            };
            value.map(|value| if op == Alu::Add { i64::from(value) } else { -i64::from(value) })
        }
        Op::Multiple { load, before, writeback: true, rn: Reg::SP, list } if list & sp as u16 == 0 => {
            let bytes = 4 * i64::from(list.count_ones());
            match (load, before) {
                (false, true) => Some(-bytes),
                (true, false) => Some(bytes),
                _ => None,
            }
        }
        Op::Load { rt, address: Address::Pre(Reg::SP, by) | Address::Post(Reg::SP, by), .. } if rt != Reg::SP => {
            Some(i64::from(by))
        }
        Op::Store { address: Address::Pre(Reg::SP, by) | Address::Post(Reg::SP, by), .. } => Some(i64::from(by)),
        Op::Dual { address: Address::Pre(Reg::SP, by) | Address::Post(Reg::SP, by), load, rt, rt2 }
            if !load || rt != Reg::SP && rt2 != Reg::SP =>
        {
            Some(i64::from(by))
        }
        _ => None,
    };
    match by.filter(|_| !insn.in_it) {
        Some(by) => Ok(by),
        None => Err(format!("{:#x}: {}: moves the stack pointer by no constant", insn.offset, insn.text)),
    }
}

/// The constant that an instruction makes. Operand `before`: a register whose word is known before it.
pub fn constant(code: &Code, insn: &Insn, before: Option<(Reg, u32)>) -> Option<(Reg, u32)> {
    if insn.in_it {
        return None;
    }
    match insn.op {
        Op::MovHalf { top: false, rd, imm } => Some((rd, u32::from(imm))),
        Op::MovHalf { top: true, rd, imm } => {
            let low = before.filter(|(register, _)| *register == rd)?.1 & 0xffff;
            Some((rd, low | u32::from(imm) << 16))
        }
        Op::Alu { op: Alu::Mov, rd, src: Source::Imm { value, .. }, .. } => Some((rd, value)),
        Op::Alu { op: Alu::Mvn, rd, src: Source::Imm { value, .. }, .. } => Some((rd, !value)),
        Op::Load { width: Width::Word, signed: false, rt, address: Address::Literal(imm) } => {
            let at = u32::try_from(code.pc_relative(insn, imm)).ok()?;
            code.literals.get(&at).filter(|literal| literal.symbol.is_none()).map(|literal| (rt, literal.word))
        }
        _ => None,
    }
}

/// Where an instruction leads, and whom it calls.
///
/// # Errors
/// It calls something unknown.
pub fn next(code: &Code, insn: &Insn, types: &BTreeMap<u32, u32>) -> Result<(Vec<u32>, Option<Called>), String> {
    let place = |target: i64| u32::try_from(target).map_err(|_| format!("{:#x}: {}", insn.offset, insn.text));
    let indirect = || types.get(&insn.offset).copied().map(Called::Indirect);
    let direct = insn.relocation.map(|relocation| Called::Direct(relocation.target));
    let unknown = || Err(format!("{:#x}: {}: calls something unknown", insn.offset, insn.text));
    let pc = 1 << Reg::PC.0;
    let (mut to, called) = match insn.op {
        // A branch to a symbol is a call that does not come back.
        Op::B { .. } if insn.relocation.is_some() => (vec![], direct),
        Op::B { cond: Cond::Al, target } => (vec![place(target)?], None),
        Op::B { target, .. } | Op::Cbz { target, .. } => (vec![place(target)?, insn.end()], None),
        Op::TableBranch { .. } => (code.tables.get(&insn.offset).cloned().unwrap_or_default(), None),
        Op::Bl { .. } if direct.is_none() => return unknown(),
        Op::Bl { .. } => (vec![insn.end()], direct),
        Op::Blx { .. } => match indirect() {
            Some(called) => (vec![insn.end()], Some(called)),
            None => return unknown(),
        },
        Op::Bx { .. } => (vec![], indirect()),
        Op::Udf(_) => (vec![], None),
        _ if written(&insn.op) & pc != 0 => (vec![], None),
        _ => (vec![insn.end()], None),
    };
    // What is conditional may be skipped.
    if insn.in_it && !to.contains(&insn.end()) {
        to.push(insn.end());
    }
    Ok((to, called))
}

/// Reads a function. Operand `types`: canonical type of each indirect call, by offset.
///
/// # Errors
/// The instruction at which the stack pointer is not known any more, or that calls something unknown.
pub fn frame_use(code: &Code, types: &BTreeMap<u32, u32>) -> Result<FrameUse, String> {
    let mut states = BTreeMap::from([(0, State { sp: 0, constant: None })]);
    let mut open = vec![0];
    let mut out = FrameUse::default();
    let mut calls = BTreeMap::new();
    while let Some(at) = open.pop() {
        let before = states[&at];
        let insn = code.insns.get(&at).ok_or_else(|| format!("{at:#x}: no instruction"))?;
        let sp = before.sp + moved(insn, before.constant)?;
        if sp > 0 {
            return Err(format!("{at:#x}: {}: the stack pointer is above where it was at entry", insn.text));
        }
        out.bytes = out.bytes.max(depth(sp)?);
        let after = State { sp, constant: constant(code, insn, before.constant) };
        let (to, called) = next(code, insn, types)?;
        if let Some(called) = called {
            calls.insert(at, (depth(before.sp)?, called));
        }
        for to in to {
            let new = match states.get(&to) {
                None => after,
                Some(old) if old.sp != sp => return Err(format!("{to:#x}: the stack pointer depends on the way here")),
                Some(old) if old.constant == after.constant => continue,
                Some(State { constant: None, .. }) => continue,
                Some(_) => State { sp, constant: None },
            };
            states.insert(to, new);
            open.push(to);
        }
    }
    for (at, state) in &states {
        out.depths.insert(*at, depth(state.sp)?);
    }
    out.calls = calls.into_iter().map(|(at, (depth, called))| (at, depth, called)).collect();
    Ok(out)
}

fn depth(sp: i64) -> Result<u32, String> {
    u32::try_from(-sp).map_err(|_| "the frame is larger than the address space".to_string())
}
