//! What an access to linear memory must satisfy, in the IR and in machine code alike.

use crate::contract::{Bounds, Contract, MASK_SPARE_BYTES};
use crate::domain::{BinOp, CmpOp, Domain};
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

/// The fact that an access is inside. Where the module's accesses are checked or masked, the code's own path shows it; else it
/// rests on the module making the same access (assumption `A-BOUNDS`).
pub fn fact<D: Domain>(contract: &Contract, inside: D::B) -> Fact<D> {
    match contract.bounds {
        Bounds::Software | Bounds::Mask => Fact::Access(inside, INSIDE),
        Bounds::Mpu | Bounds::None => Fact::LateAccess(inside, INSIDE),
    }
}

/// Whether `len` bytes at an offset lie in `size` bytes.
pub fn range_inside<D: Domain>(d: &mut D, size: &D::W, offset: &D::W, len: &D::W) -> D::B {
    let too_long = d.cmp(CmpOp::Ult, size, len);
    let limit = d.bin(BinOp::Sub, size, len);
    let past = d.cmp(CmpOp::Ult, &limit, offset);
    let bad = d.or(&too_long, &past);
    d.not(&bad)
}
