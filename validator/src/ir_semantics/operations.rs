//! What each IR operation computes and changes, given the words of its operands.

use super::{IrProgram, unsupported};
use crate::bounds;
use crate::contract::{Bounds, Contract};
use crate::domain::*;
use crate::ir::*;
use crate::pair;
use crate::program::*;

pub(super) fn word<W>(args: &[W], n: usize) -> Result<&W, Unsupported> {
    match args.get(n) {
        Some(w) => Ok(w),
        None => unsupported("IR operation with too few operands"),
    }
}

/// The index of the byte at `address + offset`.
fn index<D: Domain>(d: &mut D, space: Space, address: &D::W, offset: u32) -> D::W {
    let sum = d.bin_const(BinOp::Add, address, offset);
    match space {
        Space::Linear => sum,
        Space::Host => d.host_index(&sum),
    }
}

/// The result words of an operation that changes nothing; absent for all others. Operands are words, `I64` as low, high.
/// Of a global all words from its cell on are given.
///
/// # Errors
/// Operands that do not fit the operation.
pub fn compute<D: Domain>(
    d: &mut D,
    op: &Op,
    args: &[D::W],
    world: &World<D>,
) -> Result<Option<Vec<D::W>>, Unsupported> {
    let w = |n: usize| word(args, n);
    let two = |n: usize| Ok::<_, Unsupported>((w(n)?.clone(), w(n + 1)?.clone()));
    let both = |p: pair::Pair<D>| vec![p.0, p.1];
    Ok(Some(match op {
        Op::Const(c) => vec![d.word(*c)],
        Op::Const64(c) => both(pair::constant(d, *c)),
        Op::Address(symbol) => vec![d.symbol(*symbol)],
        Op::Bin(op @ (BinOp::Shl | BinOp::Lshr | BinOp::Ashr)) => vec![pair::shift_by_byte(d, *op, w(0)?, w(1)?)],
        Op::Bin(op) => vec![d.bin(*op, w(0)?, w(1)?)],
        Op::Un(op) => vec![d.un(*op, w(0)?)],
        Op::Cmp(cond) => {
            let holds = compare(d, *cond, w(0)?, w(1)?);
            vec![d.bit(&holds)]
        }
        Op::Select => {
            let c = d.nonzero(w(0)?);
            let half = args.len() / 2;
            (1..=half).map(|i| Ok(d.ite(&c, w(i)?, w(i + half)?))).collect::<Result<_, Unsupported>>()?
        }
        Op::Bin64(op) => both(pair::bin(d, *op, &two(0)?, &two(2)?)),
        Op::Un64(op) => both(pair::un(d, *op, &two(0)?)),
        Op::Cmp64(cond) | Op::CmpPair(cond) => {
            let holds = pair::compare(d, *cond, &two(0)?, &two(2)?);
            vec![d.bit(&holds)]
        }
        Op::Join | Op::Split => both(two(0)?),
        Op::AddPair => both(pair::add(d, &two(0)?, &two(2)?)),
        Op::SubPair => both(pair::sub(d, &two(0)?, &two(2)?)),
        Op::MulWide => both(pair::mul_wide(d, w(0)?, w(1)?)),
        Op::DivPair(op) => both(pair::div(d, *op, &two(0)?, &two(2)?)),
        Op::Load { space, width, signed, offset } => {
            let index = index(d, *space, w(0)?, *offset);
            let value = d.load(&world.memory, *width, &index);
            vec![if *signed { sign_extend(d, *width, value) } else { value }]
        }
        Op::Load64 { space, offset } => {
            let index = index(d, *space, w(0)?, *offset);
            let low = d.load(&world.memory, Width::Word, &index);
            let index = d.bin_const(BinOp::Add, &index, 4);
            vec![low, d.load(&world.memory, Width::Word, &index)]
        }
        Op::GlobalGet { cell } => match world.cells.get(*cell as usize..) {
            Some(cells) => cells.to_vec(),
            None => return unsupported("IR global outside the globals"),
        },
        Op::MemoryBytes => vec![world.memory_bytes.clone()],
        Op::TableType { table } => vec![d.table_type(*table, w(0)?)],
        Op::TableFunction { table } => vec![d.table_function(*table, w(0)?)],
        Op::BoundsCheck { .. }
        | Op::Store { .. }
        | Op::Store64 { .. }
        | Op::TrapIf(_)
        | Op::GlobalSet { .. }
        | Op::SetMemoryBytes
        | Op::MemoryCopy
        | Op::MemoryFill
        | Op::MemoryInit { .. }
        | Op::Call { .. }
        | Op::CallIndirect { .. } => return Ok(None),
    }))
}

/// What must hold for the accesses that an operation makes, and whose addresses they have.
pub(super) fn accesses<D: Domain>(
    d: &mut D,
    op: &Op,
    args: &[D::W],
    program: &IrProgram<'_>,
    world: &World<D>,
) -> Result<(Space, Vec<D::B>), Unsupported> {
    let (contract, min, memory_bytes) = (program.contract, program.memory_bytes_min, &world.memory_bytes);
    let writes = matches!(op, Op::Store { .. } | Op::Store64 { .. });
    let single = |d: &mut D, space: Space, offset: u32, bytes: u32| -> Result<(Space, Vec<D::B>), Unsupported> {
        let index = word(args, 0)?;
        if space == Space::Host {
            return Ok((space, bounds::host(d, &world.memory, index, offset, (bytes, writes))));
        }
        if contract.bounds == Bounds::Mask {
            let halves = (0..bytes.div_ceil(4)).map(|half| offset.wrapping_add(4 * half));
            let inside = halves.map(|offset| {
                let index = d.bin_const(BinOp::Add, index, offset);
                bounds::inside(d, contract, memory_bytes, &index, bytes.min(4))
            });
            return Ok((space, inside.collect()));
        }
        // As a check states it, without wrapping, so that a check just made decides it.
        let outside = out_of_bounds(d, (contract, min), memory_bytes, index, offset, bytes);
        Ok((space, vec![d.not(&outside)]))
    };
    let w = |n: usize| word(args, n);
    match op {
        Op::Load { space, width, offset, .. } | Op::Store { space, width, offset } => {
            single(d, *space, *offset, width.bytes())
        }
        Op::Load64 { space, offset } | Op::Store64 { space, offset } => single(d, *space, *offset, 8),
        Op::MemoryCopy => {
            let to = bounds::range_inside(d, memory_bytes, w(0)?, w(2)?);
            Ok((Space::Linear, vec![to, bounds::range_inside(d, memory_bytes, w(1)?, w(2)?)]))
        }
        Op::MemoryFill => Ok((Space::Linear, vec![bounds::range_inside(d, memory_bytes, w(0)?, w(2)?)])),
        Op::MemoryInit { segment } => {
            let Some(bytes) = program.signatures.bytes_of(*segment) else {
                return unsupported("IR initialisation from a missing segment");
            };
            let to = bounds::range_inside(d, memory_bytes, w(0)?, w(2)?);
            let bytes = d.word(bytes);
            Ok((Space::Linear, vec![to, bounds::range_inside(d, &bytes, w(1)?, w(2)?)]))
        }
        _ => Ok((Space::Linear, Vec::new())),
    }
}

/// Executes an operation that changes the world and has no results.
pub(super) fn change<D: Domain>(d: &mut D, op: &Op, args: &[D::W], world: &mut World<D>) -> Result<(), Unsupported> {
    let w = |n: usize| word(args, n);
    match op {
        Op::Store { space, width, offset } => {
            let index = index(d, *space, w(0)?, *offset);
            world.memory = d.store(&world.memory, *width, &index, w(1)?);
        }
        Op::Store64 { space, offset } => {
            let index = index(d, *space, w(0)?, *offset);
            world.memory = d.store(&world.memory, Width::Word, &index, w(1)?);
            let index = d.bin_const(BinOp::Add, &index, 4);
            world.memory = d.store(&world.memory, Width::Word, &index, w(2)?);
        }
        Op::GlobalSet { cell } => match world.cells.get_mut(*cell as usize..*cell as usize + args.len()) {
            Some(cells) => cells.clone_from_slice(args),
            None => return unsupported("IR global outside the globals"),
        },
        Op::SetMemoryBytes => world.memory_bytes = w(0)?.clone(),
        Op::MemoryCopy => world.memory = d.copy(&world.memory, w(0)?, w(1)?, w(2)?),
        Op::MemoryFill => world.memory = d.fill(&world.memory, w(0)?, w(1)?, w(2)?),
        Op::MemoryInit { segment } => world.memory = d.init(&world.memory, *segment, w(0)?, w(1)?, w(2)?),
        _ => return unsupported("IR operation without a meaning here"),
    }
    Ok(())
}

/// Whether `index + offset .. + bytes` (no wrap) leaves linear memory: `size < k` or `size - k < index`, where
/// `k = offset + bytes`.
pub(super) fn out_of_bounds<D: Domain>(
    d: &mut D,
    (contract, memory_bytes_min): (&Contract, u32),
    size: &D::W,
    index: &D::W,
    offset: u32,
    bytes: u32,
) -> D::B {
    let end = u64::from(offset) + u64::from(bytes);
    if end > u64::from(contract.capacity_bytes) {
        return d.bool(true);
    }
    let last = d.bin_const(BinOp::Sub, size, end as u32);
    let past = d.cmp(CmpOp::Ult, &last, index);
    if end <= u64::from(memory_bytes_min) {
        return past;
    }
    let small = d.cmp_const(CmpOp::Ult, size, end as u32);
    d.or(&small, &past)
}

/// Whether the condition holds for two words.
fn compare<D: Domain>(d: &mut D, cond: Cond, a: &D::W, b: &D::W) -> D::B {
    let (op, exchanged, negated) = cond.parts();
    let holds = if exchanged { d.cmp(op, b, a) } else { d.cmp(op, a, b) };
    if negated { d.not(&holds) } else { holds }
}

/// The sign extension of a loaded value.
fn sign_extend<D: Domain>(d: &mut D, width: Width, value: D::W) -> D::W {
    match width {
        Width::Byte => d.un(UnOp::Sext8, &value),
        Width::Half => d.un(UnOp::Sext16, &value),
        Width::Word => value,
    }
}
