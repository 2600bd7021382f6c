//! Layout of code: branch sizes and label addresses.
//!
//! Every branch starts in its shortest form and grows while its target is out of reach. Sizes only grow, so this
//! ends; the result is a fixpoint in which every branch reaches its target.

use crate::encode::bits::Code;
use crate::encode::branch::{b_cond_narrow, b_cond_wide, b_narrow, b_wide, cbz, nop, tbh};
use crate::encode::cmp_imm;
use crate::encode::operand::{Condition, ForwardOffset, Gpr, ModifiedImm, Offset};
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
    /// Byte ranges that are tables, ascending.
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
        Item::Table(_, targets) => 4 + 2 * targets.len() as u32,
        Item::Label(_) | Item::CutLabel(_) | Item::Origin(_) | Item::IndirectCall(_) => 0,
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

/// Lays out code.
///
/// # Errors
/// [`OutOfReach`] if the function is too long for its branches.
pub fn layout(items: &[Item], label_count: usize) -> Result<Layout, OutOfReach> {
    let mut sizes: Vec<u32> = items.iter().map(size_min).collect();
    let mut labels = vec![0u32; label_count];
    let offset = |labels: &[u32], label: &Label, at: u32| labels[label.0 as usize] as i32 - at as i32;
    loop {
        let starts = addresses(items, &mut sizes, &mut labels);
        let mut grown = false;
        for (n, item) in items.iter().enumerate() {
            let fits = match item {
                Item::Branch(c, label) => branch(*c, offset(&labels, label, starts[n]), sizes[n]).is_some(),
                Item::BranchZero(nz, rn, label) => {
                    branch_zero(*nz, *rn, offset(&labels, label, starts[n]), sizes[n]).is_some()
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
            return write(items, &starts, &sizes, labels);
        }
    }
}

fn write(items: &[Item], starts: &[u32], sizes: &[u32], labels: Vec<u32>) -> Result<Layout, OutOfReach> {
    let mut out = Layout { labels, ..Layout::default() };
    for ((item, &at), &size) in items.iter().zip(starts).zip(sizes) {
        let to = |label: &Label| out.labels[label.0 as usize] as i32 - at as i32;
        match item {
            Item::Code(code) => code.append_to(&mut out.bytes),
            Item::Relocated(code, kind, target) => {
                code.append_to(&mut out.bytes);
                out.relocations.push(Reloc { offset: at, kind: *kind, target: target.clone() });
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
                    let distance = u32::try_from(to(target) - 4).map_err(|_| OutOfReach)?;
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
        }
    }
    Ok(out)
}
