//! What an access to linear memory or to the host's must satisfy, in the IR and in machine code alike.
//!
//! Requirement TOR-CONTRACT-BOUNDS: Under each bounds mode out-of-range accesses shall be dealt with as the contract says: checked,
//! assumed to fault, masked, or assumed away.

use crate::contract::{Bounds, Contract, MASK_SPARE_BYTES};
use crate::domain::{BinOp, CmpOp, Domain, Space, Width};
use crate::program::Fact;

/// Text of the obligation.
const INSIDE: &str = "access inside linear memory";

/// Whether `bytes` bytes (1, 2 or 4) at an index lie in what the contract gives to linear memory: its present size, or
/// under `--bounds mask` the reserve, which has 8 bytes more than the capacity (docs/abi.md).
pub fn inside<D: Domain>(d: &mut D, contract: &Contract, memory_bytes: &D::W, index: &D::W, bytes: u32) -> D::B {
    match contract.bounds {
        Bounds::Software | Bounds::Mpu | Bounds::None => {
            let limit = d.bin_const(BinOp::Sub, memory_bytes, bytes);
            let width = d.word(bytes);
            let empty = d.cmp(CmpOp::Ult, memory_bytes, &width);
            let past = d.cmp(CmpOp::Ult, &limit, index);
            let bad = d.or(&empty, &past);
            d.not(&bad)
        }
        Bounds::Mask => d.cmp_const(CmpOp::Ult, index, contract.capacity_bytes + MASK_SPARE_BYTES + 1 - bytes),
    }
}

/// The fact that an access is permitted. Where the module's accesses are checked or masked, the code's own path shows that it is inside;
/// else it rests on the module making the same access (assumption `A-BOUNDS`), as it does with host addresses (`A-NATIVE`).
pub fn fact<D: Domain>(contract: &Contract, space: Space, permitted: D::B) -> Fact<D> {
    match (space, contract.bounds) {
        (Space::Host, _) => Fact::LateAccess(permitted, "access to what the host lets the module access"),
        (_, Bounds::Software | Bounds::Mask) => Fact::Access(permitted, INSIDE),
        (_, Bounds::Mpu | Bounds::None) => Fact::LateAccess(permitted, INSIDE),
    }
}

/// What must hold for a read or write of `bytes` bytes (1, 2, 4 or 8) at the host's address `address + offset`, word by word.
pub fn host<D: Domain>(
    d: &mut D,
    memory: &D::M,
    address: &D::W,
    offset: u32,
    (bytes, writes): (u32, bool),
) -> Vec<D::B> {
    let words = (0..bytes.div_ceil(Width::Word.bytes())).map(|i| offset.wrapping_add(Width::Word.bytes() * i));
    words
        .map(|offset| {
            let address = d.bin_const(BinOp::Add, address, offset);
            let index = d.host_index(&address);
            d.is_host(memory, &index, bytes.min(Width::Word.bytes()), writes)
        })
        .collect()
}

/// Whether a table with this many entries has one with this index, and that it must: the type and the function of an entry are read
/// where the module has found its index in range.
pub fn entry<D: Domain>(d: &mut D, entries: u32, index: &D::W) -> (D::B, &'static str) {
    (d.cmp_const(CmpOp::Ult, index, entries), "access outside the table")
}

/// The fact that a 64-bit divisor is not zero: what the run-time library does with zero is not said (A-RT). Whoever divides has found
/// it not to be zero, on whatever path that was.
pub fn divisor<D: Domain>(d: &mut D, low: &D::W, high: &D::W) -> Option<Fact<D>> {
    let any = d.bin(BinOp::Or, low, high);
    let divides = d.nonzero(&any);
    (d.as_bool(&divides) != Some(true)).then_some(Fact::LateAccess(divides, "64-bit division by zero"))
}

/// Whether `len` bytes at an offset lie in `size` bytes.
pub fn range_inside<D: Domain>(d: &mut D, size: &D::W, offset: &D::W, len: &D::W) -> D::B {
    let too_long = d.cmp(CmpOp::Ult, size, len);
    let limit = d.bin(BinOp::Sub, size, len);
    let past = d.cmp(CmpOp::Ult, &limit, offset);
    let bad = d.or(&too_long, &past);
    d.not(&bad)
}
