//! The concrete domain: words are numbers, and a semantics over it is an interpreter.
//!
//! Linear memory lives in the domain itself (`M` is a token): execution only moves forward, so there is one memory.
//! It is dense for running whole modules, or sparse over pseudo-random contents for comparing single functions.
//!
//! The addresses below are memory of the board that conformance tests run on (`mps2-an386`; Arm DAI 0386, table 3-1), so that a
//! state of this domain can be set up there as it is.

use crate::domain::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Address at which the concrete domain places linear memory.
pub const MEMORY_BASE: u32 = 0x2100_0000;
/// Address of the cell with the memory size.
pub const MEMORY_BYTES_ADDRESS: u32 = 0x2008_0000;
/// Address of the results after the fourth word.
pub const RESULTS_ADDRESS: u32 = 0x2009_0000;
/// Address of the global cells.
pub const GLOBALS_ADDRESS: u32 = 0x2010_0000;
/// Address of host data.
pub const HOST_DATA_ADDRESS: u32 = 0x2000_1000;
/// Stack pointer from which frame offsets count.
pub const STACK_ANCHOR: u32 = 0x203f_0000;
/// Link register at entry: an address that no code has.
pub const RETURN_ADDRESS: u32 = 0x003f_fff1;
const STACK_BYTES: u32 = 0x0020_0000;
const STACK_ARGUMENTS_BYTES: u32 = 0x0001_0000;
const TABLES_ADDRESS: u32 = 0x1000_0000;
const DATA_ADDRESS: u32 = 0x1800_0000;
const FUNCTIONS_ADDRESS: u32 = 0x0010_0001;
/// Addresses for all tables, and for all data segments.
const AREA_BYTES: u32 = 0x0800_0000;

/// Contents of linear memory.
#[derive(Clone, Debug)]
pub enum Bytes {
    /// Every byte stands here; bytes past the end read as zero and are not written.
    Dense(Vec<u8>),
    /// Bytes that differ from what `seed` generates.
    Sparse {
        /// Seed of the contents.
        seed: u32,
        /// Bytes written.
        written: FxHashMap<u32, u8>,
    },
}

impl Bytes {
    /// The byte at an offset.
    pub fn get(&self, at: u32) -> u8 {
        match self {
            Bytes::Dense(bytes) => bytes.get(at as usize).copied().unwrap_or(0),
            Bytes::Sparse { seed, written } => written.get(&at).copied().unwrap_or_else(|| default_byte(*seed, at)),
        }
    }
    /// Writes the byte at an offset.
    pub fn set(&mut self, at: u32, value: u8) {
        match self {
            Bytes::Dense(bytes) => {
                if let Some(b) = bytes.get_mut(at as usize) {
                    *b = value;
                }
            }
            Bytes::Sparse { seed, written } => {
                if default_byte(*seed, at) == value {
                    written.remove(&at);
                } else {
                    written.insert(at, value);
                }
            }
        }
    }
}

/// Contents of a sparse memory: half of the words are small numbers, the rest random.
fn default_byte(seed: u32, at: u32) -> u8 {
    let word = mix(seed ^ (at >> 2).wrapping_mul(0x9e37_79b9));
    let word = if word & 0x100 == 0 { word & 0xff } else { word };
    (word >> (8 * (at & 3))) as u8
}

/// A 32-bit mixing function (the finaliser of MurmurHash3, A. Appleby, public domain constants).
pub fn mix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// The concrete domain.
#[derive(Clone, Debug)]
pub struct Concrete {
    /// Linear memory.
    pub memory: Bytes,
    /// Tables: (type word, function word) by entry. Runs share them.
    pub tables: Arc<Vec<Vec<(u32, u32)>>>,
    /// Contents of the data segments.
    pub segments: Arc<Vec<Vec<u8>>>,
    /// Addresses of host data by index of the imported global; [`HOST_DATA_ADDRESS`] where there is none.
    pub host_data: Arc<BTreeMap<u32, u32>>,
    /// Whether linear memory is a part of the host's, so that what the host lets a module access is there too.
    pub memory_is_host: bool,
    /// State of [`Domain::havoc`].
    pub havoc_seed: u32,
    /// Bytes that fills and copies were asked to write so far.
    pub bulk_bytes: u64,
    /// A fill or copy that would take [`Self::bulk_bytes`] past this is not done; whoever sets it looks afterwards.
    pub bulk_bytes_max: u64,
    /// Offsets of the bytes loaded so far, if they are to be recorded.
    pub loaded: Option<BTreeSet<u32>>,
}

impl Concrete {
    /// A domain with this memory and no tables or segments.
    pub fn new(memory: Bytes) -> Self {
        Concrete {
            memory,
            tables: Arc::default(),
            segments: Arc::default(),
            host_data: Arc::default(),
            memory_is_host: false,
            havoc_seed: 1,
            bulk_bytes: 0,
            bulk_bytes_max: u64::MAX,
            loaded: None,
        }
    }
    /// Counts a fill or copy. Result: whether it is to be done.
    fn begin_bulk(&mut self, len: u32) -> bool {
        self.bulk_bytes = self.bulk_bytes.saturating_add(u64::from(len));
        self.bulk_bytes <= self.bulk_bytes_max
    }
    /// Whether all tables and segments find room at addresses of their own.
    pub fn has_room(&self) -> bool {
        gap_bytes(self.table_sizes()).is_some() && gap_bytes(self.segment_sizes()).is_some()
    }
    fn table_sizes(&self) -> impl Iterator<Item = u64> + Clone {
        self.tables.iter().map(|t| 8 * t.len() as u64)
    }
    fn segment_sizes(&self) -> impl Iterator<Item = u64> + Clone {
        self.segments.iter().map(|s| s.len().next_multiple_of(8) as u64)
    }
    /// The function word of a function.
    pub fn function_word(index: u32) -> u32 {
        FUNCTIONS_ADDRESS + 4 * index
    }
    /// The function with this function word.
    pub fn function_of(word: u32) -> Option<u32> {
        let offset = word.wrapping_sub(FUNCTIONS_ADDRESS);
        (offset % 4 == 0 && word < TABLES_ADDRESS).then_some(offset / 4)
    }
}

/// Bytes behind each object of an area, if objects of these sizes leave any: what is left, in equal parts.
fn gap_bytes(sizes: impl Iterator<Item = u64> + Clone) -> Option<u64> {
    let left = u64::from(AREA_BYTES).checked_sub(sizes.clone().sum())?;
    Some(left / (sizes.count().max(1) as u64) & !7).filter(|gap| *gap > 0)
}

/// Bytes from each object of an area to the next.
fn extents(sizes: impl Iterator<Item = u64> + Clone) -> impl Iterator<Item = u32> {
    let gap = gap_bytes(sizes.clone()).unwrap_or(0);
    sizes.map(move |size| (size + gap) as u32)
}

/// The address of an object in an area that begins at `base`.
fn address_of(index: u32, base: u32, sizes: impl Iterator<Item = u64> + Clone) -> u32 {
    extents(sizes).take(index as usize).fold(base, u32::wrapping_add)
}

/// `(object index, offset)` of an address in an area that begins at `base`; its end belongs to the last object.
fn object_at(address: u32, base: u32, sizes: impl Iterator<Item = u64> + Clone) -> Option<(u32, u32)> {
    let mut offset = address.checked_sub(base).filter(|offset| *offset < AREA_BYTES)?;
    let mut index = 0;
    for extent in extents(sizes.clone()).take(sizes.count().saturating_sub(1)) {
        if offset < extent {
            break;
        }
        (index, offset) = (index + 1, offset - extent);
    }
    Some((index, offset))
}

impl Domain for Concrete {
    type W = u32;
    type B = bool;
    type M = ();

    fn word(&mut self, value: u32) -> u32 {
        value
    }
    fn as_word(&self, w: &u32) -> Option<u32> {
        Some(*w)
    }
    fn bool(&mut self, value: bool) -> bool {
        value
    }
    fn as_bool(&self, b: &bool) -> Option<bool> {
        Some(*b)
    }
    fn bin(&mut self, op: BinOp, a: &u32, b: &u32) -> u32 {
        eval_bin(op, *a, *b)
    }
    fn un(&mut self, op: UnOp, a: &u32) -> u32 {
        eval_un(op, *a)
    }
    fn div64(&mut self, op: DivOp, high: bool, a: [&u32; 2], b: [&u32; 2]) -> u32 {
        eval_div64(op, high, [*a[0], *a[1]], [*b[0], *b[1]])
    }
    fn cmp(&mut self, op: CmpOp, a: &u32, b: &u32) -> bool {
        eval_cmp(op, *a, *b)
    }
    fn add_overflow(&mut self, a: &u32, b: &u32, carry: &bool) -> bool {
        let exact = i64::from(*a as i32) + i64::from(*b as i32) + i64::from(*carry);
        exact != i64::from(exact as i32)
    }
    fn sub_overflow(&mut self, a: &u32, b: &u32, carry: &bool) -> bool {
        let exact = i64::from(*a as i32) - i64::from(*b as i32) - i64::from(!*carry);
        exact != i64::from(exact as i32)
    }
    fn not(&mut self, a: &bool) -> bool {
        !a
    }
    fn and(&mut self, a: &bool, b: &bool) -> bool {
        *a && *b
    }
    fn xor(&mut self, a: &bool, b: &bool) -> bool {
        a != b
    }
    fn ite(&mut self, c: &bool, a: &u32, b: &u32) -> u32 {
        if *c { *a } else { *b }
    }
    fn ite_bool(&mut self, c: &bool, a: &bool, b: &bool) -> bool {
        if *c { *a } else { *b }
    }
    fn load(&mut self, _m: &(), width: Width, index: &u32) -> u32 {
        if let Some(loaded) = &mut self.loaded {
            loaded.extend((0..width.bytes()).map(|i| index.wrapping_add(i)));
        }
        (0..width.bytes()).fold(0, |v, i| v | u32::from(self.memory.get(index.wrapping_add(i))) << (8 * i))
    }
    fn store(&mut self, _m: &(), width: Width, index: &u32, value: &u32) {
        for i in 0..width.bytes() {
            self.memory.set(index.wrapping_add(i), (value >> (8 * i)) as u8);
        }
    }
    fn fill(&mut self, _m: &(), dst: &u32, value: &u32, len: &u32) {
        if !self.begin_bulk(*len) {
            return;
        }
        for i in 0..*len {
            self.memory.set(dst.wrapping_add(i), *value as u8);
        }
    }
    fn copy(&mut self, _m: &(), dst: &u32, src: &u32, len: &u32) {
        if !self.begin_bulk(*len) {
            return;
        }
        let bytes: Vec<u8> = (0..*len).map(|i| self.memory.get(src.wrapping_add(i))).collect();
        for (i, byte) in bytes.into_iter().enumerate() {
            self.memory.set(dst.wrapping_add(i as u32), byte);
        }
    }
    fn init(&mut self, _m: &(), segment: u32, dst: &u32, src: &u32, len: &u32) {
        if !self.begin_bulk(*len) {
            return;
        }
        for i in 0..*len {
            let byte = self.segments.get(segment as usize).and_then(|s| s.get(src.wrapping_add(i) as usize));
            let byte = byte.copied().unwrap_or(0);
            self.memory.set(dst.wrapping_add(i), byte);
        }
    }
    fn table_type(&mut self, table: u32, index: &u32) -> u32 {
        let entry = self.tables.get(table as usize).and_then(|t| t.get(*index as usize));
        entry.map_or(0, |e| e.0)
    }
    fn table_function(&mut self, table: u32, index: &u32) -> u32 {
        let entry = self.tables.get(table as usize).and_then(|t| t.get(*index as usize));
        entry.map_or(0, |e| e.1)
    }
    fn symbol(&mut self, symbol: Symbol) -> u32 {
        match symbol {
            Symbol::Memory => MEMORY_BASE,
            Symbol::MemoryBytes => MEMORY_BYTES_ADDRESS,
            Symbol::Globals => GLOBALS_ADDRESS,
            Symbol::Results => RESULTS_ADDRESS,
            Symbol::Table(t) => address_of(t, TABLES_ADDRESS, self.table_sizes()),
            Symbol::Data(k) => address_of(k, DATA_ADDRESS, self.segment_sizes()),
            Symbol::HostData(global) => self.host_data.get(&global).copied().unwrap_or(HOST_DATA_ADDRESS),
            Symbol::Function(f) => Self::function_word(f),
        }
    }
    fn entry_register(&mut self, n: u8) -> u32 {
        match n {
            13 => STACK_ANCHOR,
            14 => RETURN_ADDRESS,
            n => 0xc0de_0000 + u32::from(n),
        }
    }
    fn havoc(&mut self) -> u32 {
        self.havoc_seed = self.havoc_seed.wrapping_add(0x9e37_79b9);
        mix(self.havoc_seed)
    }
    fn split_stride(&mut self, offset: &u32, stride: u32) -> Option<(u32, u32)> {
        Some((offset / stride, offset % stride))
    }
    fn locate(&mut self, address: &u32) -> Place<u32> {
        let a = *address;
        if let Some((t, offset)) = object_at(a, TABLES_ADDRESS, self.table_sizes()) {
            return Place::Symbol(Symbol::Table(t), offset);
        }
        if let Some((k, offset)) = object_at(a, DATA_ADDRESS, self.segment_sizes()) {
            return Place::Symbol(Symbol::Data(k), offset);
        }
        match a {
            MEMORY_BASE.. => Place::Symbol(Symbol::Memory, a - MEMORY_BASE),
            _ if a >= STACK_ANCHOR - STACK_BYTES && a < STACK_ANCHOR + STACK_ARGUMENTS_BYTES => {
                Place::Frame(a.wrapping_sub(STACK_ANCHOR) as i32)
            }
            GLOBALS_ADDRESS.. => Place::Symbol(Symbol::Globals, a - GLOBALS_ADDRESS),
            RESULTS_ADDRESS.. => Place::Symbol(Symbol::Results, a - RESULTS_ADDRESS),
            MEMORY_BYTES_ADDRESS.. => Place::Symbol(Symbol::MemoryBytes, a - MEMORY_BYTES_ADDRESS),
            HOST_DATA_ADDRESS.. => Place::Symbol(Symbol::HostData(0), a - HOST_DATA_ADDRESS),
            _ => Place::Unknown,
        }
    }
    /// Addresses of nothing else that this domain places, but perhaps of linear memory. Around a dense memory there are no others.
    fn is_host(&mut self, (): &(), index: &u32, bytes: u32, _: bool) -> bool {
        let is_linear = self.memory_is_host;
        if let Bytes::Dense(held) = &self.memory {
            return is_linear && u64::from(*index) + u64::from(bytes) <= held.len() as u64;
        }
        let first = index.wrapping_add(MEMORY_BASE);
        let mut host = |a: u32| match self.locate(&a) {
            Place::Unknown | Place::Symbol(Symbol::HostData(_), _) => true,
            Place::Symbol(Symbol::Memory, _) => is_linear,
            _ => false,
        };
        host(first) && host(first.wrapping_add(bytes - 1))
    }
}

/// Evaluates a binary operation.
pub fn eval_bin(op: BinOp, a: u32, b: u32) -> u32 {
    match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::UMulHi => ((u64::from(a) * u64::from(b)) >> 32) as u32,
        BinOp::SMulHi => ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32,
        BinOp::UDiv => a.checked_div(b).unwrap_or(0),
        BinOp::SDiv => match b {
            0 => 0,
            _ => (a as i32).wrapping_div(b as i32) as u32,
        },
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a.checked_shl(b).unwrap_or(0),
        BinOp::Lshr => a.checked_shr(b).unwrap_or(0),
        BinOp::Ashr => ((a as i32) >> b.min(31)) as u32,
        BinOp::Ror => a.rotate_right(b % 32),
    }
}

/// Evaluates a unary operation.
pub fn eval_un(op: UnOp, a: u32) -> u32 {
    match op {
        UnOp::Clz => a.leading_zeros(),
        UnOp::Rbit => a.reverse_bits(),
        UnOp::Rev => a.swap_bytes(),
        UnOp::Rev16 => a.swap_bytes().rotate_left(16),
        UnOp::Popcnt => a.count_ones(),
        UnOp::Sext8 => i32::from(a as i8) as u32,
        UnOp::Sext16 => i32::from(a as i16) as u32,
    }
}

/// Evaluates a comparison.
pub fn eval_cmp(op: CmpOp, a: u32, b: u32) -> bool {
    match op {
        CmpOp::Eq => a == b,
        CmpOp::Ult => a < b,
        CmpOp::Slt => (a as i32) < (b as i32),
    }
}

/// Evaluates one word of a 64-bit division.
pub fn eval_div64(op: DivOp, high: bool, a: [u32; 2], b: [u32; 2]) -> u32 {
    let join = |p: [u32; 2]| u64::from(p[0]) | u64::from(p[1]) << 32;
    let (a, b) = (join(a), join(b));
    let (sa, sb) = (a as i64, b as i64);
    let result = match op {
        DivOp::UQuot => a.checked_div(b).unwrap_or(0),
        DivOp::URem => a.checked_rem(b).unwrap_or(a),
        DivOp::SQuot if b == 0 => 0,
        DivOp::SQuot => sa.wrapping_div(sb) as u64,
        DivOp::SRem if b == 0 => a,
        DivOp::SRem => sa.wrapping_rem(sb) as u64,
    };
    (if high { result >> 32 } else { result }) as u32
}
