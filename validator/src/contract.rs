//! The object contract: what compiler, validator and host agree on about an object, besides the module itself.
//! It is part of every verdict. Symbol names are fixed here and nowhere else.
//!
//! Requirement TOR-CONTRACT-CORE: Code with an instruction that the contract's core does not have, or that erratum 602117 of
//! Cortex-M3 is about, shall not be proved.
//!
//! Requirement TOR-CONTRACT-FITS: A contract whose capacity, masked memory or host addresses do not fit the module shall be refused.
//!
//! Requirement TOR-CONTRACT-ASKED: `synth compile --validate` shall accept a proof only under the contract that its options ask for.
//!
//! Requirement TOR-CONTRACT-NAMES: Imports, exports and data shall be found under the names that the contract gives them, names that no
//! symbol can have among them.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Bytes in a WebAssembly page. Source: WebAssembly Core 2.0, 4.2.8.
pub const PAGE_BYTES: u32 = 65536;
/// Bytes of the reserve behind a masked memory: an access of 8 bytes may begin at the last masked address.
pub const MASK_SPARE_BYTES: u32 = 8;
/// First byte of linear memory.
pub const SYM_MEMORY: &str = "__linear_memory_base";
/// Current size of linear memory in bytes, a 32-bit cell.
pub const SYM_MEMORY_BYTES: &str = "__synth_memory_bytes";
/// The global cells: one word per `i32` global, two (low first) per `i64` global, in index order of defined globals.
pub const SYM_GLOBALS: &str = "__synth_globals";
/// Result words after the fourth of functions with several results.
pub const SYM_RESULTS: &str = "__synth_results";
/// Prefix of a table's symbol; the table index follows. Entry `i` is 8 bytes: type word, function address.
pub const SYM_TABLE: &str = "__synth_table";
/// Prefix of the local symbol that every defined function has; the function index (imports first) follows.
pub const SYM_FUNCTION: &str = "__synth_f";
/// Start-up function: present if the module has a start function or if linear memory is the host's.
pub const SYM_INIT: &str = "__synth_instance_init";
/// Prefix of a data segment's read-only copy (`--memory extern` and passive segments); the segment index follows.
pub const SYM_DATA: &str = "__synth_data";
/// Prefix of the symbol of an exported function whose name no symbol can have; see [`export_symbol`].
pub const SYM_EXPORT: &str = "__synth_export_";
/// The section that carries the witness, not loaded on the target.
pub const WITNESS_SECTION: &str = ".synth.witness";

/// Prefix of the symbol of an exported function that a trampoline calls, which has the export's own name.
pub const SYM_MARSHALLED: &str = "__synth_marshalled_";

/// Whether a symbol can have this name: it is not empty, does not start with `$` and holds neither a zero byte nor `@`, behind which
/// linkers read a version of the name before it.
pub fn is_symbol(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('$') && !name.contains(['\0', '@'])
}

/// Whether names in C may begin with this text: letters, digits and `_`, and no digit first.
pub fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// A name as it stands in lists: as a string, unless it is a name in C, so that no two can be confused and none with what stands beside it.
pub fn quoted(name: &str) -> Cow<'_, str> {
    if is_plain(name) && !name.is_empty() { Cow::Borrowed(name) } else { Cow::Owned(format!("{name:?}")) }
}

/// The symbol of an exported function: its name. A name that [no symbol can have](is_symbol) is written
/// as the bytes of its UTF-8 form in hexadecimal, after [`SYM_EXPORT`].
/// Source: ELF (TIS 1.2), string table; IHI 0044, mapping symbols.
pub fn export_symbol(name: &str) -> Cow<'_, str> {
    if is_symbol(name) {
        return Cow::Borrowed(name);
    }
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    Cow::Owned(format!("{SYM_EXPORT}{digits}"))
}

/// How out-of-range accesses to linear memory are dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bounds {
    /// A compare before each access; out of range traps.
    Software,
    /// The memory protection unit faults; the proof assumes `A-BOUNDS`.
    Mpu,
    /// Addresses are masked to a power-of-two memory; the proof assumes `A-BOUNDS` for equality with the module.
    Mask,
    /// No checks; the proof assumes `A-BOUNDS`.
    None,
}

/// Who defines linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MemoryOwner {
    /// The object does, with its initial image.
    Own,
    /// The host does; `__synth_instance_init` writes the initial image.
    Extern,
}

/// The parameters of an object that are not in the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Bounds mode.
    pub bounds: Bounds,
    /// Owner of linear memory.
    pub memory: MemoryOwner,
    /// Bytes to which `memory.grow` may extend linear memory; at least the initial size, a multiple of
    /// [`PAGE_BYTES`], at most 2^31. With [`Bounds::Mask`] a power of two.
    pub capacity_bytes: u32,
    /// What the symbols of imports begin with.
    pub import_prefix: String,
    /// Symbols of exported functions that are not called by [`export_symbol`], by name of the export.
    pub export_symbols: BTreeMap<String, String>,
    /// Words of functions' borders that are host addresses; see [`crate::wasm::provenance`].
    pub native: BTreeSet<Native>,
    /// Whether the core has the DSP extension (Armv7E-M: Cortex-M4, Cortex-M7). Source: DDI 0403E, A1.3.
    pub dsp: bool,
}

/// In words, but for host addresses, which are named among the assumptions.
impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = format!("{:?}", self.bounds).to_lowercase();
        let owner = match self.memory {
            MemoryOwner::Own => "own",
            MemoryOwner::Extern => "the host's",
        };
        let dsp = if self.dsp { "with" } else { "without" };
        write!(f, "bounds {bounds}, {owner} memory of up to {} bytes, {dsp} the DSP extension", self.capacity_bytes)?;
        if !self.import_prefix.is_empty() {
            write!(f, ", imports begin with {}", self.import_prefix)?;
        }
        if !self.export_symbols.is_empty() {
            let names: Vec<Cow<'_, str>> = self.export_symbols.keys().map(|name| quoted(name)).collect();
            write!(f, ", behind trampolines: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// A word at a function's border that is a host address, or all words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Native {
    /// Function index, number of the parameter; an `i32`.
    Param(u32, u32),
    /// Function index, number of the result; an `i32`.
    Result(u32, u32),
    /// Every address that the module computes: linear memory is a part of the host's memory; see [`crate::wasm::relocations`].
    Everything,
}

impl Contract {
    /// A contract without prefix and host addresses, for a core with the DSP extension.
    pub const fn new(bounds: Bounds, memory: MemoryOwner, capacity_bytes: u32) -> Contract {
        Contract {
            bounds,
            memory,
            capacity_bytes,
            import_prefix: String::new(),
            export_symbols: BTreeMap::new(),
            native: BTreeSet::new(),
            dsp: true,
        }
    }
}
