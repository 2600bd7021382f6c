//! Constructors of memory: store chains sorted by constant offset, loads forwarded from stores.

use super::{Graph, Node, T};
use crate::domain::*;

/// Stores that a load or a store looks past.
const CHAIN_MAX: u32 = 512;

/// Where an access lies relative to another.
enum Overlap {
    /// No byte in common.
    Disjoint,
    /// Begins this many bytes (0 to 3) after the other begins.
    Offset(u32),
    /// Not known, or partial.
    Unknown,
}

impl Graph {
    /// How an access at `index` lies to one at `other`. Offsets wrap modulo 2^32, so both distances count.
    fn overlap(&mut self, index: T, width: Width, other: T, other_width: Width) -> Overlap {
        let distance = self.word_bin(BinOp::Sub, index, other);
        let Some(distance) = self.constant(distance) else {
            return Overlap::Unknown;
        };
        if distance >= other_width.bytes() && distance.wrapping_neg() >= width.bytes() {
            return Overlap::Disjoint;
        }
        match distance {
            0..4 => Overlap::Offset(distance),
            _ => Overlap::Unknown,
        }
    }

    pub(super) fn memory_load(&mut self, memory: T, width: Width, index: T) -> T {
        let mut at = memory;
        for _ in 0..CHAIN_MAX {
            let Node::Store(store_width, before, store_index, value) = *self.node(at) else {
                break;
            };
            match self.overlap(index, width, store_index, store_width) {
                Overlap::Disjoint => at = before,
                Overlap::Offset(bytes) if bytes + width.bytes() <= store_width.bytes() => {
                    let shift = self.word(8 * bytes);
                    let shifted = self.word_bin(BinOp::Lshr, value, shift);
                    let mask = self.word(width.mask());
                    return self.word_bin(BinOp::And, shifted, mask);
                }
                _ => break,
            }
        }
        self.intern(Node::Load(width, at, index))
    }

    pub(super) fn memory_store(&mut self, memory: T, width: Width, index: T, value: T) -> T {
        let value = match width {
            Width::Word => value,
            _ => self.low_bits(value, width.mask()),
        };
        self.insert_store(memory, width, index, value, CHAIN_MAX)
    }

    /// Stores at constant distance ascend along the chain; a store that covers its predecessor replaces it.
    fn insert_store(&mut self, memory: T, width: Width, index: T, value: T, depth: u32) -> T {
        if depth > 0
            && let Node::Store(other_width, before, other_index, other_value) = *self.node(memory)
        {
            match self.overlap(index, width, other_index, other_width) {
                Overlap::Offset(0) if other_width <= width => {
                    return self.insert_store(before, width, index, value, depth - 1);
                }
                Overlap::Disjoint => {
                    let offset = |g: &Graph, t: T| g.linear(t).0;
                    if offset(self, index) < offset(self, other_index) {
                        let inner = self.insert_store(before, width, index, value, depth - 1);
                        return self.intern(Node::Store(other_width, inner, other_index, other_value));
                    }
                }
                _ => {}
            }
        }
        self.intern(Node::Store(width, memory, index, value))
    }
}
