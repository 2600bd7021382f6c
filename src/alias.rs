//! Which part of linear memory or of the globals an instruction reads or writes, and which parts may overlap.
//!
//! A place in memory is a base, a word that some value is, and a constant offset, in linear memory or the host's. Places with one base are
//! compared by their offsets, which wrap modulo 2^32 like addresses; places with different bases, and linear memory and the host's, may
//! overlap, whatever they are.

use crate::prune::{Known, is_pure, known_values};
use synth_validator::domain::{BinOp, Space};
use synth_validator::ir::{Func, Inst, Op, Type, Value};

/// Sums that an address is looked for behind.
const SUMS_MAX: usize = 4;

/// A part of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Bytes of memory from `base + offset` (modulo 2^32) on.
    Memory {
        /// Whose address it is.
        space: Space,
        /// The base; the address 0 if absent.
        base: Option<Value>,
        /// Added to the base.
        offset: u32,
        /// Number of bytes.
        bytes: u32,
    },
    /// Cells of globals.
    Cells {
        /// The first.
        first: u32,
        /// How many.
        count: u32,
    },
}

impl Place {
    /// Whether a write of one may change the other.
    pub fn may_overlap(self, other: Place) -> bool {
        match (self, other) {
            (
                Place::Memory { space, base, offset, bytes },
                Place::Memory { space: s, base: b, offset: o, bytes: n },
            ) => (space, base) != (s, b) || offset.wrapping_sub(o) < n || o.wrapping_sub(offset) < bytes,
            (Place::Cells { first, count }, Place::Cells { first: f, count: n }) => first < f + n && f < first + count,
            _ => false,
        }
    }
    /// Whether a write of this one replaces all of the other.
    pub fn covers(self, other: Place) -> bool {
        match (self, other) {
            (
                Place::Memory { space, base, offset, bytes },
                Place::Memory { space: s, base: b, offset: o, bytes: n },
            ) => {
                let distance = o.wrapping_sub(offset);
                (space, base) == (s, b) && distance < bytes && n <= bytes - distance
            }
            (Place::Cells { first, count }, Place::Cells { first: f, count: n }) => {
                first <= f && f + n <= first + count
            }
            _ => false,
        }
    }
    /// Whether it is in memory.
    pub fn is_memory(self) -> bool {
        matches!(self, Place::Memory { .. })
    }
}

/// What an instruction does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, and it sees nothing that changes.
    None,
    /// Reads a place.
    Read(Place),
    /// Writes a place.
    Write(Place),
    /// May trap.
    Trap,
    /// Reads or writes anywhere in linear memory.
    Memory,
    /// Anything.
    Call,
}

/// Finds the places of a function's accesses.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    func: &'a Func,
    /// By value: what is known of it.
    pub known: Vec<Option<Known>>,
    /// By value: a value that it equals.
    pub root: Vec<Value>,
    /// By value: the instruction that computes it.
    definition: Vec<Option<&'a Inst>>,
}

impl<'a> Places<'a> {
    /// For a function; each value stands for itself.
    pub fn new(func: &'a Func) -> Places<'a> {
        let mut definition = vec![None; func.values.len()];
        for inst in func.blocks.iter().flat_map(|b| &b.insts) {
            inst.results.iter().for_each(|r| definition[r.0 as usize] = Some(inst));
        }
        let root = (0..func.values.len() as u32).map(Value).collect();
        Places { func, known: known_values(func), root, definition }
    }

    /// What an instruction does.
    pub fn effect(&self, inst: &Inst) -> Effect {
        match inst.op {
            Op::Load { space, width, offset, .. } => {
                Effect::Read(self.memory(space, inst.args[0], offset, width.bytes()))
            }
            Op::Load64 { space, offset } => Effect::Read(self.memory(space, inst.args[0], offset, 8)),
            Op::Store { space, width, offset } => {
                Effect::Write(self.memory(space, inst.args[0], offset, width.bytes()))
            }
            Op::Store64 { space, offset } => Effect::Write(self.memory(space, inst.args[0], offset, 8)),
            Op::GlobalGet { cell } => Effect::Read(self.cells(cell, inst.results[0])),
            Op::GlobalSet { cell } => Effect::Write(self.cells(cell, inst.args[0])),
            Op::BoundsCheck { .. } | Op::TrapIf(_) => Effect::Trap,
            Op::MemoryCopy | Op::MemoryFill | Op::MemoryInit { .. } | Op::SetMemoryBytes => Effect::Memory,
            _ if is_pure(&inst.op) => Effect::None,
            _ => Effect::Call,
        }
    }
    fn cells(&self, first: u32, v: Value) -> Place {
        Place::Cells { first, count: self.func.type_of(v).words() as u32 }
    }
    fn memory(&self, space: Space, index: Value, mut offset: u32, bytes: u32) -> Place {
        let mut base = self.root[index.0 as usize];
        for (_, next, k) in self.sums(index) {
            offset = offset.wrapping_add(k);
            base = next;
        }
        match self.constant(base) {
            Some(k) => Place::Memory { space, base: None, offset: offset.wrapping_add(k), bytes },
            None => Place::Memory { space, base: Some(base), offset, bytes },
        }
    }
    /// The sums that an address is: each with the value and the constant that it is the sum of.
    pub fn sums(&self, index: Value) -> impl Iterator<Item = (Value, Value, u32)> {
        let mut at = self.root[index.0 as usize];
        let next = move || {
            let Inst { op: Op::Bin(BinOp::Add), args, .. } = self.definition[at.0 as usize]? else { return None };
            let (sum, k) = (at, self.constant(args[1])?);
            at = self.root[args[0].0 as usize];
            Some((sum, at, k))
        };
        std::iter::from_fn(next).take(SUMS_MAX)
    }
    /// The constant that an `I32` is.
    pub fn constant(&self, v: Value) -> Option<u32> {
        match self.known[v.0 as usize] {
            Some(Known::Const(Type::I32, k)) => Some(k as u32),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: Option<u32>, offset: u32, bytes: u32) -> Place {
        Place::Memory { space: Space::Linear, base: base.map(Value), offset, bytes }
    }

    #[test]
    fn places_with_one_base_overlap_by_offset_and_wrap() {
        assert!(at(Some(1), 4, 4).may_overlap(at(Some(1), 7, 1)));
        assert!(!at(Some(1), 4, 4).may_overlap(at(Some(1), 8, 4)));
        assert!(at(Some(1), u32::MAX, 4).may_overlap(at(Some(1), 0, 1)));
        assert!(!at(Some(1), u32::MAX, 1).may_overlap(at(Some(1), 0, 1)));
        assert!(at(Some(1), 4, 4).may_overlap(at(Some(2), 100, 1)));
        assert!(at(None, 4, 4).may_overlap(at(Some(2), 100, 1)));
        assert!(!at(None, 4, 4).may_overlap(at(None, 100, 1)));
        let host = Place::Memory { space: Space::Host, base: Some(Value(1)), offset: 8, bytes: 4 };
        assert!(at(Some(1), 4, 4).may_overlap(host) && !at(Some(1), 8, 4).covers(host));
    }

    #[test]
    fn a_write_covers_what_lies_within_it() {
        assert!(at(Some(1), 4, 4).covers(at(Some(1), 6, 2)));
        assert!(!at(Some(1), 4, 4).covers(at(Some(1), 6, 4)));
        assert!(!at(Some(1), 6, 2).covers(at(Some(1), 4, 4)));
        assert!(!at(Some(1), 4, 4).covers(at(Some(2), 4, 4)));
        assert!(at(Some(1), u32::MAX, 4).covers(at(Some(1), 0, 2)));
        let cells = |first, count| Place::Cells { first, count };
        assert!(cells(2, 2).covers(cells(3, 1)) && !cells(3, 1).covers(cells(2, 2)));
        assert!(cells(2, 2).may_overlap(cells(3, 1)) && !cells(2, 2).may_overlap(cells(4, 1)));
        assert!(!cells(0, 1).may_overlap(at(None, 0, 4)));
    }
}
