//! Layout of code: branch sizes, label addresses and the literal pool.
//!
//! Every branch starts in its shortest form and grows while its target is out of reach. Sizes only grow, so this
//! ends; the result is a fixpoint in which every branch reaches its target. Words that are loaded stand once each behind the code, in
//! the order of their first use; a load that does not reach them becomes `movw` and `movt`.

use crate::encode::bits::Code;
use crate::encode::branch::{b_cond_narrow, b_cond_wide, b_narrow, b_wide, cbz, nop, tbh};
use crate::encode::memory::{ldr_literal_narrow, ldr_literal_wide};
use crate::encode::operand::{Condition, ForwardOffset, Gpr, Imm12, Imm16, ModifiedImm, Offset, WordOffset};
use crate::encode::{cmp_imm, movt, movw};
use crate::faults;
use synth_validator::domain::Symbol;

/// A place in the code, index into the addresses of [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(pub u32);

/// What a relocation refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelocTarget {
    /// A symbol of the module.
    Symbol(Symbol),
    /// A run-time helper.
    Helper(&'static str),
}

/// Kinds of relocations. Source: IHI 0044 (ELF for the Arm Architecture), table of static relocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocKind {
    /// `R_ARM_THM_CALL`.
    Call,
    /// `R_ARM_THM_JUMP24`.
    Jump,
    /// `R_ARM_THM_MOVW_ABS_NC`.
    MovwLow,
    /// `R_ARM_THM_MOVT_ABS`.
    MovtHigh,
    /// `R_ARM_ABS32`.
    Word,
}

/// A word that code loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A constant.
    Word(u32),
    /// The address of a symbol plus an addend.
    Address(Symbol, i16),
}

/// A relocation; the addend is in the instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// Offset in bytes from the function's start.
    pub offset: u32,
    /// Kind.
    pub kind: RelocKind,
    /// Target.
    pub target: RelocTarget,
}

/// A piece of code.
#[derive(Clone, Debug)]
pub enum Item {
    /// An instruction.
    Code(Code),
    /// An instruction with a relocation.
    Relocated(Code, RelocKind, RelocTarget),
    /// Loads a word.
    Load(Gpr, Literal),
    /// Defines a label.
    Label(Label),
    /// Defines a label at an address at which no other such label is, and which is not 0.
    CutLabel(Label),
    /// A branch.
    Branch(Option<Condition>, Label),
    /// `cmp rn, #0` and a branch if zero, or if not zero; `cbz` or `cbnz` if in reach.
    BranchZero(bool, Gpr, Label),
    /// `tbh` and its table.
    Table(Gpr, Vec<Label>),
    /// Code from here on comes from this module offset.
    Origin(u32),
    /// An indirect call of this canonical type stands here.
    IndirectCall(u32),
    /// From here on, and before anything else is said, the caller's frame is there.
    Unwind(Unwind),
}

/// Where a caller's frame is, seen from an instruction of the callee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwind {
    /// Bytes from the stack pointer up to where it was at entry.
    pub cfa_bytes: u32,
    /// Whether the registers that the function pushes are in its frame; else they are where they were at entry.
    pub is_saved: bool,
}

/// Finished code.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Bytes.
    pub bytes: Vec<u8>,
    /// Relocations in ascending order.
    pub relocations: Vec<Reloc>,
    /// Offset of each label.
    pub labels: Vec<u32>,
    /// (code offset, module offset), ascending.
    pub lines: Vec<(u32, u32)>,
    /// (code offset, canonical type) of indirect calls, ascending.
    pub indirect: Vec<(u32, u32)>,
    /// (code offset, the caller's frame from there on), ascending; at the start it is the default.
    pub unwind: Vec<(u32, Unwind)>,
    /// Byte ranges that are tables or literals, ascending.
    pub data: Vec<(u32, u32)>,
}

/// A branch is out of the architecture's reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach;

/// Smallest size in bytes of an item.
fn size_min(item: &Item) -> u32 {
    match item {
        Item::Code(code) | Item::Relocated(code, ..) => code.bytes(),
        Item::Branch(..) => 2,
        Item::BranchZero(_, rn, _) => {
            if rn.is_low() {
                2
            } else {
                6
            }
        }
        Item::Load(rd, _) if rd.is_low() => 2,
        Item::Load(..) => 4,
        Item::Table(_, targets) => 4 + 2 * targets.len() as u32,
        Item::Label(_) | Item::CutLabel(_) | Item::Origin(_) | Item::IndirectCall(_) | Item::Unwind(_) => 0,
    }
}

/// The instructions of a branch with room for `size` bytes, or `None` if the target is out of their reach.
fn branch(condition: Option<Condition>, offset: i32, size: u32) -> Option<Vec<Code>> {
    Some(match (size, condition) {
        (2, None) => vec![b_narrow(Offset::new(offset)?)],
        (2, Some(c)) => vec![b_cond_narrow(c, Offset::new(offset)?)],
        (4, None) => vec![b_wide(Offset::new(offset)?)],
        (4, Some(c)) => vec![b_cond_wide(c, Offset::new(offset)?)],
        (_, Some(c)) => vec![b_cond_narrow(c.negated(), Offset::new(6)?), b_wide(Offset::new(offset - 2)?)],
        (_, None) => return None,
    })
}

/// As [`branch`], for a comparison with zero.
fn branch_zero(nonzero: bool, rn: Gpr, offset: i32, size: u32) -> Option<Vec<Code>> {
    if size == 2 {
        return Some(vec![cbz(nonzero, rn.low()?, ForwardOffset::new(offset)?)]);
    }
    let compare = cmp_imm(rn, ModifiedImm::ZERO);
    let condition = if nonzero { Condition::Ne } else { Condition::Eq };
    let mut code = vec![compare];
    let bytes = compare.bytes();
    code.extend(branch(Some(condition), offset - bytes as i32, size - bytes)?);
    Some(code)
}

/// The instruction that loads a literal, with room for 2 or 4 bytes, or `None` if the literal is out of its reach.
fn load(rd: Gpr, at: u32, literal_at: u32, size: u32) -> Option<Code> {
    let distance = literal_at.checked_sub(if faults::on("layout-literal-base") { at + 4 } else { (at + 4) & !3 })?;
    match size {
        2 => Some(ldr_literal_narrow(rd.low()?, WordOffset::new(distance)?)),
        _ => Some(ldr_literal_wide(rd, Imm12::new(distance)?)),
    }
}

/// The size of a load that has become `movw` and `movt`.
const MOVES_BYTES: u32 = 8;

/// Words in the pool, in order.
#[derive(Default)]
struct Pool {
    at: u32,
    words: Vec<Literal>,
}

impl Pool {
    /// The pool of the loads that are loads, behind code of so many bytes.
    fn new(items: &[Item], sizes: &[u32], end: u32) -> Pool {
        let mut words = Vec::new();
        for (item, size) in items.iter().zip(sizes) {
            if let (Item::Load(_, literal), true) = (item, *size < MOVES_BYTES)
                && !words.contains(literal)
            {
                words.push(*literal);
            }
        }
        Pool { at: if faults::on("layout-pool-alignment") { end } else { end.next_multiple_of(4) }, words }
    }
    fn place(&self, literal: Literal) -> Option<u32> {
        let is_it = |l: &Literal| {
            *l == literal
                || faults::on("layout-literal-shared")
                    && matches!((l, literal), (Literal::Address(a, _), Literal::Address(b, _)) if *a == b)
        };
        let number = self.words.iter().position(is_it)?;
        Some(self.at + 4 * number as u32)
    }
    fn write(&self, out: &mut Layout) {
        if self.words.is_empty() {
            return;
        }
        if out.bytes.len() as u32 != self.at {
            nop().append_to(&mut out.bytes);
        }
        out.data.push((self.at, self.at + 4 * self.words.len() as u32));
        for literal in &self.words {
            let word = match literal {
                Literal::Word(word) => *word,
                Literal::Address(symbol, addend) => {
                    let offset = out.bytes.len() as u32;
                    out.relocations.push(Reloc { offset, kind: RelocKind::Word, target: RelocTarget::Symbol(*symbol) });
                    if faults::on("relocation-addend-lost") { 0 } else { i32::from(*addend) as u32 }
                }
            };
            out.bytes.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// `movw` and `movt` of a literal that is out of reach.
fn moves(rd: Gpr, literal: Literal, out: &mut Layout) {
    let [low, high] = match literal {
        Literal::Word(word) => Imm16::halves(word),
        // The addend of both halves is the same 16 bits, sign-extended by the linker. Source: IHI 0044, REL addends.
        Literal::Address(_, addend) => [Imm16::from(addend as u16); 2],
    };
    for (code, kind) in [(movw(rd, low), RelocKind::MovwLow), (movt(rd, high), RelocKind::MovtHigh)] {
        if let Literal::Address(symbol, _) = literal {
            let offset = out.bytes.len() as u32;
            out.relocations.push(Reloc { offset, kind, target: RelocTarget::Symbol(symbol) });
        }
        code.append_to(&mut out.bytes);
    }
}

fn addresses(items: &[Item], sizes: &mut [u32], labels: &mut [u32]) -> Vec<u32> {
    let (mut at, mut last_cut) = (0, 0);
    let mut starts = Vec::with_capacity(items.len());
    for (item, size) in items.iter().zip(sizes.iter_mut()) {
        starts.push(at);
        match item {
            Item::CutLabel(label) => {
                if *size == 0 && at == last_cut {
                    *size = 2;
                }
                at += *size;
                labels[label.0 as usize] = at;
                last_cut = at;
                continue;
            }
            Item::Label(label) => labels[label.0 as usize] = at,
            _ => {}
        }
        at += *size;
    }
    starts
}

/// Lays out code. Without `pools` no word is loaded.
///
/// # Errors
/// [`OutOfReach`] if the function is too long for its branches.
pub fn layout(items: &[Item], label_count: usize, pools: bool) -> Result<Layout, OutOfReach> {
    let mut sizes: Vec<u32> = items.iter().map(size_min).collect();
    if !pools {
        let loads = items.iter().zip(&mut sizes).filter(|(item, _)| matches!(item, Item::Load(..)));
        loads.for_each(|(_, size)| *size = MOVES_BYTES);
    }
    let mut labels = vec![0u32; label_count];
    let offset = |labels: &[u32], label: &Label, at: u32| labels[label.0 as usize] as i32 - at as i32;
    loop {
        let starts = addresses(items, &mut sizes, &mut labels);
        let end = starts.last().zip(sizes.last()).map_or(0, |(start, size)| start + size);
        let pool = Pool::new(items, &sizes, end);
        let mut grown = false;
        for (n, item) in items.iter().enumerate() {
            let fits = match item {
                Item::Branch(c, label) => branch(*c, offset(&labels, label, starts[n]), sizes[n]).is_some(),
                Item::BranchZero(nz, rn, label) => {
                    branch_zero(*nz, *rn, offset(&labels, label, starts[n]), sizes[n]).is_some()
                }
                Item::Load(rd, literal) if sizes[n] < MOVES_BYTES => {
                    let place = pool.place(*literal).expect("invariant: the pool has what is loaded");
                    let fits = load(*rd, starts[n], place, sizes[n]).is_some();
                    if !fits && sizes[n] == 4 {
                        // Grows to the size of both moves at once.
                        sizes[n] = MOVES_BYTES - 2;
                    }
                    fits
                }
                _ => true,
            };
            if !fits {
                sizes[n] += 2;
                grown = true;
                if sizes[n] > 10 {
                    return Err(OutOfReach);
                }
            }
        }
        if !grown {
            return write(items, &starts, &sizes, labels, &pool);
        }
    }
}

fn write(items: &[Item], starts: &[u32], sizes: &[u32], labels: Vec<u32>, pool: &Pool) -> Result<Layout, OutOfReach> {
    let mut out = Layout { labels, ..Layout::default() };
    for ((item, &at), &size) in items.iter().zip(starts).zip(sizes) {
        let to = |label: &Label| out.labels[label.0 as usize] as i32 - at as i32;
        match item {
            Item::Code(code) => code.append_to(&mut out.bytes),
            Item::Relocated(code, kind, target) => {
                code.append_to(&mut out.bytes);
                out.relocations.push(Reloc { offset: at, kind: *kind, target: target.clone() });
            }
            Item::Load(rd, literal) if size == MOVES_BYTES => moves(*rd, *literal, &mut out),
            Item::Load(rd, literal) => {
                let place = pool.place(*literal).ok_or(OutOfReach)?;
                load(*rd, at, place, size).ok_or(OutOfReach)?.append_to(&mut out.bytes);
            }
            Item::Label(_) => {}
            Item::CutLabel(_) => (0..size / 2).for_each(|_| nop().append_to(&mut out.bytes)),
            Item::Branch(c, label) => {
                let codes = branch(*c, to(label), size).ok_or(OutOfReach)?;
                codes.iter().for_each(|code| code.append_to(&mut out.bytes));
            }
            Item::BranchZero(nonzero, rn, label) => {
                let codes = branch_zero(*nonzero, *rn, to(label), size).ok_or(OutOfReach)?;
                codes.iter().for_each(|code| code.append_to(&mut out.bytes));
            }
            Item::Table(rn, targets) => {
                tbh(*rn).append_to(&mut out.bytes);
                out.data.push((at + 4, at + size));
                for target in targets {
                    let ahead = if faults::on("layout-table-base") { 2 } else { 4 };
                    let distance = u32::try_from(to(target) - ahead).map_err(|_| OutOfReach)?;
                    let entry = u16::try_from(distance / 2).map_err(|_| OutOfReach)?;
                    out.bytes.extend_from_slice(&entry.to_le_bytes());
                }
            }
            Item::Origin(origin) => {
                if out.lines.last().is_none_or(|(_, o)| o != origin) {
                    out.lines.push((at, *origin));
                }
            }
            Item::IndirectCall(type_index) => out.indirect.push((at, *type_index)),
            Item::Unwind(unwind) => {
                out.unwind.pop_if(|(from, _)| *from == at);
                if out.unwind.last().map_or(Unwind::default(), |(_, before)| *before) != *unwind {
                    out.unwind.push((at, *unwind));
                }
            }
        }
    }
    pool.write(&mut out);
    Ok(out)
}
