//! From the bytes of one function to its instructions.
//!
//! Reachable code is walked from the entry. Each instruction is decoded by [`super::encoding`] and by capstone, and
//! their texts must agree. Every byte must be an instruction, a literal that an instruction reads, a branch table, or
//! padding; every relocation must belong to a field that can carry it.
//!
//! Requirement TOR-CLAUSE-CODE: Only bytes of the function itself shall be executed: code that falls off its end, jumps out of it or
//! into an instruction, or has bytes that are neither reachable code nor data, shall be refused.
//!
//! Requirement TOR-ARM-DECODE: Every instruction shall be decoded by the validator's table and by capstone; where they differ the
//! function shall be `Unsupported`.
//!
//! Requirement TOR-ARM-UNDECODABLE: Bytes that are no instruction of the table shall be `Unsupported`, system instructions,
//! floating-point arithmetic and what DDI 0403E calls UNPREDICTABLE among them.

use super::encoding;
use super::insn::*;
use crate::domain::Symbol;
use crate::program::Unsupported;
use capstone::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run-time helper of the Arm EABI. Source: IHI 0043, 4.2 and 4.3.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Helper {
    /// `__aeabi_uldivmod`.
    Uldivmod,
    /// `__aeabi_ldivmod`.
    Ldivmod,
    /// `__aeabi_memmove`.
    Memmove,
    /// `__aeabi_memset`.
    Memset,
}

impl Helper {
    /// All helpers.
    pub const ALL: [Helper; 4] = [Helper::Uldivmod, Helper::Ldivmod, Helper::Memmove, Helper::Memset];
    /// Its symbol.
    pub fn name(self) -> &'static str {
        match self {
            Helper::Uldivmod => "__aeabi_uldivmod",
            Helper::Ldivmod => "__aeabi_ldivmod",
            Helper::Memmove => "__aeabi_memmove",
            Helper::Memset => "__aeabi_memset",
        }
    }
}

/// What a relocation points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// A symbol of the contract.
    Symbol(Symbol),
    /// A run-time helper.
    Helper(Helper),
}

/// How a relocation changes its field. Source: IHI 0044, table 4-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelocationKind {
    /// `R_ARM_ABS32` (2): a word.
    Abs32,
    /// `R_ARM_THM_CALL` (10): `bl`.
    ThmCall,
    /// `R_ARM_THM_JUMP24` (30): `b.w`.
    ThmJump24,
    /// `R_ARM_THM_MOVW_ABS_NC` (47): `movw`.
    ThmMovw,
    /// `R_ARM_THM_MOVT_ABS` (48): `movt`.
    ThmMovt,
}

/// A relocation; its addend stands in the field (REL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relocation {
    /// How.
    pub kind: RelocationKind,
    /// To what.
    pub target: Target,
}

/// A word of a literal pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The word, or the addend if there is a symbol.
    pub word: u32,
    /// The symbol whose address is added.
    pub symbol: Option<Symbol>,
}

/// The bytes of a function as an object holds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionBytes {
    /// Offset in its section (4-aligned in memory), or its address in a linked image; pc-relative loads depend on its low bits.
    pub address: u32,
    /// Bytes.
    pub bytes: Vec<u8>,
    /// Relocations by offset from the start of the function.
    pub relocations: BTreeMap<u32, Relocation>,
    /// Offsets at which `$t` mapping symbols stand: more places where code starts.
    pub code_starts: Vec<u32>,
}

/// A decoded function.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Instructions by offset.
    pub insns: BTreeMap<u32, Insn>,
    /// Literal words by offset.
    pub literals: BTreeMap<u32, Literal>,
    /// Branch tables: targets, by offset of the branch.
    pub tables: BTreeMap<u32, Vec<u32>>,
    /// Offset in the section.
    pub address: u32,
}

impl Code {
    /// `Align(pc, 4) + imm` for an instruction, as an offset from the start of the function.
    pub fn pc_relative(&self, insn: &Insn, imm: i32) -> i64 {
        let pc = i64::from(self.address) + i64::from(insn.offset) + 4;
        (pc & !3) + i64::from(imm) - i64::from(self.address)
    }
    /// Helpers that the function calls.
    pub fn helpers_used(&self) -> Vec<Helper> {
        let used = |h: &Helper| {
            let is = |i: &Insn| i.relocation.is_some_and(|r| r.target == Target::Helper(*h));
            self.insns.values().any(is)
        };
        Helper::ALL.into_iter().filter(used).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Nothing,
    /// First byte of an instruction.
    Insn,
    /// Byte of an instruction, not the first.
    Inside,
    Literal,
    Table,
}

struct Walk<'a> {
    function: &'a FunctionBytes,
    capstone: Capstone,
    code: Code,
    uses: Vec<Use>,
    /// Offsets yet to be walked, with the instruction that leads there.
    pending: Vec<(u32, u32)>,
    relocations_used: usize,
}

/// Decodes a function.
///
/// # Errors
/// The first byte or instruction that has no modelled meaning, with its offset.
pub fn decode(function: &FunctionBytes) -> Result<Code, Unsupported> {
    let capstone = Capstone::new()
        .arm()
        .mode(arch::arm::ArchMode::Thumb)
        .extra_mode([arch::arm::ArchExtraMode::MClass].into_iter())
        .endian(capstone::Endian::Little)
        .build()
        .map_err(|e| Unsupported(format!("capstone: {e}")))?;
    let code = Code { address: function.address, ..Code::default() };
    let uses = vec![Use::Nothing; function.bytes.len()];
    let mut walk = Walk { function, capstone, code, uses, pending: vec![(0, 0)], relocations_used: 0 };
    if function.address % 2 != 0 {
        return Err(Unsupported("function at an odd address".to_string()));
    }
    walk.reach()?;
    for start in &function.code_starts {
        if walk.uses.get(*start as usize) == Some(&Use::Nothing) {
            walk.pending.push((*start, *start));
            walk.reach()?;
        }
    }
    walk.account()?;
    Ok(walk.code)
}

/// capstone's operands with numbers in decimal, as signed words.
fn normal_text(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive([' ', ',', ']', '}', '!']) {
        let digits = part.trim_end_matches([' ', ',', ']', '}', '!']);
        let rest = &part[digits.len()..];
        let hex = digits.strip_prefix("#0x").map(|h| ("", h)).or(digits.strip_prefix("#-0x").map(|h| ("-", h)));
        match hex.and_then(|(sign, h)| Some((sign, u32::from_str_radix(h, 16).ok()?))) {
            Some((sign, value)) => {
                let value = if sign.is_empty() { value } else { value.wrapping_neg() };
                out.push_str(&format!("#{}{rest}", value as i32));
            }
            None => out.push_str(part),
        }
    }
    out
}

/// Whether capstone's mnemonic and operands say what `expected` says.
fn agrees(mnemonic: &str, operands: &str, op: &Op, expected: &str) -> bool {
    let stem = mnemonic.strip_suffix(".w").unwrap_or(mnemonic);
    let text = format!("{stem} {}", normal_text(operands));
    let text = text.trim_end();
    let (name, rest) = expected.split_once(' ').unwrap_or((expected, ""));
    let short = rest.split_once(", ").and_then(|(first, more)| {
        let more = more.strip_prefix(first)?.strip_prefix(", ")?;
        Some(format!("{name} {first}, {more}"))
    });
    let renamed = match *op {
        Op::Alu { op: Alu::Add, s: false, rd, rn, src: Source::Reg(Reg::SP, _) } if rd == rn => {
            Some(format!("add {rd}, sp, {rd}"))
        }
        Op::Alu { op: Alu::Add | Alu::Sub, s: false, .. } => Some(expected.replacen(' ', "w ", 1)),
        Op::Adr { rd, imm } if imm > 0 || !operands.contains("#-") => {
            let (name, size) = if stem == "subw" { ("subw", imm.wrapping_neg()) } else { ("addw", imm) };
            Some(format!("{name} {rd}, pc, #{size}"))
        }
        Op::Alu { op: Alu::Mov, s: true, rd, src: Source::Reg(rm, Shift::Lsl(0)), .. } => {
            Some(format!("lsls {rd}, {rm}, #0"))
        }
        _ => None,
    };
    text == expected || Some(text) == short.as_deref() || Some(text) == renamed.as_deref()
}

/// Whether a field may add this to the address of a symbol. Linkers compute `(S + A) | T`, with T = 1 if S is a function (IHI 0044, table
/// 4-9), which any symbol of the host's may be: with an odd addend, that is not its address plus the addend.
fn takes_addend(symbol: Symbol, addend: u32) -> bool {
    match symbol {
        Symbol::Function(_) => addend == 0,
        Symbol::HostData(_) => addend % 2 == 0,
        _ => true,
    }
}

impl Walk<'_> {
    fn fail<T>(&self, at: u32, why: &str) -> Result<T, Unsupported> {
        let bytes = self.function.bytes.get(at as usize..).unwrap_or(&[]);
        let bytes: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
        Err(Unsupported(format!("offset {at:#x}: {why}, bytes {}", bytes.join(" "))))
    }

    fn half(&self, at: u32) -> Result<u16, Unsupported> {
        match self.function.bytes.get(at as usize..at as usize + 2) {
            Some(b) => Ok(u16::from_le_bytes([b[0], b[1]])),
            None => self.fail(at, "execution runs past the end of the function"),
        }
    }

    /// Decodes the instruction at an offset, both ways.
    fn insn(&mut self, at: u32, cond: Cond, in_it: bool) -> Result<Insn, Unsupported> {
        let first = u32::from(self.half(at)?);
        // Source: DDI 0403E, A5.1.
        let wide = first >> 11 >= 0b11101;
        let code = if wide { first << 16 | u32::from(self.half(at + 2)?) } else { first };
        let size = if wide { 4 } else { 2 };
        // Capstone sees the instruction outside its IT block; so does the operation compared with it.
        let plain = encoding::decode(code, wide, at, false);
        let op = encoding::decode(code, wide, at, in_it);
        let bytes = &self.function.bytes[at as usize..at as usize + size];
        let text = {
            let list = self.capstone.disasm_count(bytes, u64::from(at), 1);
            let list = list.map_err(|e| Unsupported(format!("capstone: {e}")))?;
            list.iter()
                .next()
                .filter(|i| i.bytes().len() == size)
                .map(|i| (i.mnemonic().unwrap_or("").to_string(), i.op_str().unwrap_or("").to_string()))
        };
        let (Some(plain), Some(op)) = (plain, op) else {
            let text = text.map_or("not an instruction".to_string(), |(m, o)| format!("{m} {o}"));
            return self.fail(at, &format!("`{}` is not modelled", text.trim_end()));
        };
        let Some((mnemonic, operands)) = text else {
            return self.fail(at, "capstone does not decode it");
        };
        let expected = render(&plain);
        if !agrees(&mnemonic, &operands, &plain, &expected) {
            return self.fail(at, &format!("capstone reads `{mnemonic} {operands}`, not `{expected}`"));
        }
        self.claim(at, size as u32)?;
        let text = format!("{mnemonic} {operands}").trim_end().to_string();
        let mut insn = Insn { offset: at, size: size as u8, cond, in_it, op, text, relocation: None };
        self.relocate(&mut insn)?;
        Ok(insn)
    }

    fn claim(&mut self, at: u32, size: u32) -> Result<(), Unsupported> {
        for i in at..at + size {
            if self.uses[i as usize] != Use::Nothing {
                return self.fail(at, "instruction overlaps an instruction or data");
            }
            self.uses[i as usize] = if i == at { Use::Insn } else { Use::Inside };
        }
        Ok(())
    }

    fn relocate(&mut self, insn: &mut Insn) -> Result<(), Unsupported> {
        let Some(r) = self.function.relocations.get(&insn.offset).copied() else {
            return Ok(());
        };
        let own = i64::from(insn.offset);
        let function = matches!(r.target, Target::Symbol(Symbol::Function(_)) | Target::Helper(_));
        let fits = match (r.kind, insn.op) {
            // The addend of a branch to a symbol is -4: the field reads as a branch to itself.
            (RelocationKind::ThmCall, Op::Bl { target }) => target == own && function,
            (RelocationKind::ThmJump24, Op::B { cond: Cond::Al, target }) => {
                target == own && function && insn.size == 4
            }
            (RelocationKind::ThmMovw, Op::MovHalf { top: false, imm, .. })
            | (RelocationKind::ThmMovt, Op::MovHalf { top: true, imm, .. }) => match r.target {
                Target::Symbol(symbol) => takes_addend(symbol, imm.into()),
                Target::Helper(_) => false,
            },
            _ => false,
        };
        if !fits {
            return self.fail(insn.offset, &format!("relocation {r:?} does not fit"));
        }
        insn.relocation = Some(r);
        self.relocations_used += 1;
        Ok(())
    }

    /// Walks all code reachable from the pending offsets.
    fn reach(&mut self) -> Result<(), Unsupported> {
        while let Some((at, from)) = self.pending.pop() {
            match self.uses.get(at as usize) {
                Some(Use::Insn) if self.code.insns.get(&at).is_some_and(|i| i.in_it) => {
                    return self.fail(from, "jump into an IT block");
                }
                Some(Use::Insn) => {}
                Some(Use::Nothing) if at % 2 == 0 => self.line(at)?,
                Some(_) => return self.fail(from, "jump to data or into an instruction"),
                None => return self.fail(from, "jump or fall-through out of the function"),
            }
        }
        Ok(())
    }

    /// Decodes from an offset to the end of the straight line.
    fn line(&mut self, mut at: u32) -> Result<(), Unsupported> {
        loop {
            if self.uses.get(at as usize) == Some(&Use::Insn) {
                self.pending.push((at, at));
                return Ok(());
            }
            let insn = self.insn(at, Cond::Al, false)?;
            at = insn.end();
            let goes_on = if let Op::It { first, mask } = insn.op {
                self.code.insns.insert(insn.offset, insn);
                self.it_block(&mut at, first, mask)?
            } else {
                self.finish(insn)?
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// The instructions of an IT block. Source: DDI 0403E, A7.3.2 (ITSTATE) and IT, ITAdvance.
    fn it_block(&mut self, at: &mut u32, first: Cond, mask: u8) -> Result<bool, Unsupported> {
        let count = 4 - mask.trailing_zeros();
        let mut state = (first as u32) << 4 | u32::from(mask);
        for i in 0..count {
            if self.uses.get(*at as usize) == Some(&Use::Insn) {
                return self.fail(*at, "jump into an IT block");
            }
            let Some(cond) = Cond::from_code(state >> 4) else {
                return self.fail(*at, "condition 15 in an IT block");
            };
            let insn = self.insn(*at, cond, true)?;
            *at = insn.end();
            let jumps = match insn.op {
                Op::It { .. } | Op::Cbz { .. } => {
                    return self.fail(insn.offset, "not allowed in an IT block");
                }
                Op::B { cond, .. } if cond != Cond::Al => {
                    return self.fail(insn.offset, "not allowed in an IT block");
                }
                Op::B { .. } | Op::Bl { .. } | Op::Bx { .. } | Op::Blx { .. } | Op::TableBranch { .. } => true,
                Op::Load { rt: Reg::PC, .. } => true,
                Op::Multiple { load: true, list, .. } => list >> 15 == 1,
                _ => false,
            };
            if jumps && i + 1 != count {
                return self.fail(insn.offset, "branch inside an IT block, not at its end");
            }
            let conditional = cond != Cond::Al;
            let goes_on = self.finish(insn)?;
            if !goes_on && i + 1 == count {
                return Ok(conditional);
            }
            state = state & 0xe0 | state << 1 & 0x1f;
        }
        Ok(true)
    }

    /// Records an instruction, what it reads and where it goes. Result: whether the next one follows.
    fn finish(&mut self, insn: Insn) -> Result<bool, Unsupported> {
        let at = insn.offset;
        let jump = |walk: &mut Self, target: i64| match u32::try_from(target) {
            Ok(t) => {
                walk.pending.push((t, at));
                Ok(())
            }
            Err(_) => walk.fail(at, "jump out of the function"),
        };
        let goes_on = match insn.op {
            Op::B { .. } if insn.relocation.is_some() => false,
            Op::B { cond, target } => {
                jump(self, target)?;
                cond != Cond::Al
            }
            Op::Cbz { target, .. } => {
                jump(self, target)?;
                true
            }
            Op::Bl { .. } if insn.relocation.is_none() => {
                return self.fail(at, "call without relocation");
            }
            Op::TableBranch { half, .. } => {
                self.table(&insn, half)?;
                false
            }
            Op::Load { rt, address: Address::Literal(imm), .. } => {
                self.literal(&insn, imm, 1)?;
                rt != Reg::PC
            }
            Op::Dual { address: Address::Literal(imm), .. } => {
                // Unlike `ldr`, it does not align the pc (DDI 0403E, A7.7.51).
                if (self.function.address + at) % 4 != 0 {
                    return self.fail(at, "ldrd from a literal, not at a multiple of 4: UNPREDICTABLE");
                }
                self.literal(&insn, imm, 2)?;
                true
            }
            Op::Load { rt: Reg::PC, .. } | Op::Bx { .. } | Op::Udf(_) => false,
            Op::Multiple { load: true, list, .. } if list >> 15 == 1 => false,
            _ => true,
        };
        self.code.insns.insert(at, insn);
        Ok(goes_on)
    }

    fn literal(&mut self, insn: &Insn, imm: i32, words: u32) -> Result<(), Unsupported> {
        for i in 0..words {
            let place = self.code.pc_relative(insn, imm) + 4 * i64::from(i);
            let aligned = (place + i64::from(self.function.address)) % 4 == 0;
            let at = u32::try_from(place).ok().filter(|p| *p as usize + 4 <= self.uses.len());
            let Some(at) = at.filter(|_| aligned) else {
                return self.fail(insn.offset, "literal outside the function or unaligned");
            };
            let range = at as usize..at as usize + 4;
            if !(self.uses[range.clone()].iter().all(|u| *u == Use::Nothing) || self.code.literals.contains_key(&at)) {
                return self.fail(insn.offset, "literal overlaps code");
            }
            if self.code.literals.contains_key(&at) {
                continue;
            }
            self.uses[range.clone()].fill(Use::Literal);
            let bytes: [u8; 4] = self.function.bytes[range].try_into().expect("invariant: four bytes");
            let word = u32::from_le_bytes(bytes);
            let symbol = match self.function.relocations.get(&at) {
                None => None,
                Some(Relocation { kind: RelocationKind::Abs32, target: Target::Symbol(s) })
                    if takes_addend(*s, word) =>
                {
                    self.relocations_used += 1;
                    Some(*s)
                }
                Some(r) => {
                    return self.fail(at, &format!("relocation {r:?} does not fit a literal"));
                }
            };
            self.code.literals.insert(at, Literal { word, symbol });
        }
        Ok(())
    }

    /// Reads a branch table: it ends where its first target starts. A zero byte before that target is padding.
    fn table(&mut self, insn: &Insn, half: bool) -> Result<(), Unsupported> {
        let (start, size) = (insn.end(), if half { 2 } else { 1 });
        let mut targets = Vec::new();
        let (mut at, mut end) = (start, self.uses.len() as u32);
        while at + size <= end {
            let entry = if half { u32::from(self.half(at)?) } else { u32::from(self.function.bytes[at as usize]) };
            let target = start + 2 * entry;
            if target < at + size {
                let padding = !half && entry == 0 && at + 1 == end && targets.len() % 2 == 1;
                if padding {
                    break;
                }
                return self.fail(insn.offset, "branch table entry leads into the table");
            }
            end = end.min(target);
            targets.push(target);
            self.pending.push((target, insn.offset));
            at += size;
        }
        for i in start..end {
            if self.uses[i as usize] != Use::Nothing {
                return self.fail(insn.offset, "branch table overlaps code");
            }
            self.uses[i as usize] = Use::Table;
        }
        self.code.tables.insert(insn.offset, targets);
        Ok(())
    }

    /// Every byte has a use or is padding, and every relocation was met.
    fn account(&self) -> Result<(), Unsupported> {
        let mut at = 0;
        while at < self.uses.len() {
            let rest = &self.function.bytes[at..];
            at += match self.uses[at] {
                Use::Nothing if rest.starts_with(&[0x00, 0xbf]) => 2,
                Use::Nothing if rest.starts_with(&[0xaf, 0xf3, 0x00, 0x80]) => 4,
                // `udf`, which nothing reaches.
                Use::Nothing if rest.len() > 1 && rest[1] == 0xde => 2,
                Use::Nothing if rest[0] == 0 => 1,
                Use::Nothing => {
                    return self.fail(at as u32, "bytes that are neither reachable code nor data");
                }
                Use::Insn | Use::Inside | Use::Literal | Use::Table => 1,
            };
        }
        if self.relocations_used != self.function.relocations.len() {
            return self.fail(0, "a relocation belongs to no instruction or literal");
        }
        Ok(())
    }
}
