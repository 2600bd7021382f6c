//! Modelled cycles, and which instructions are spills.
//!
//! The model adds up what the technical reference manuals give for each instruction, with memory that never waits. Where they give a
//! range, the table has one value: a refill of the pipeline (1 to 3 cycles) counts 2, a division (2 to 12) 7, and on the Cortex-M3 a
//! long multiplication (3 to 5) 4, with accumulation (4 to 7) 5. A load directly behind a load is pipelined, unless it uses the
//! loaded register in its address. What an IT block skips counts as if it were executed; an IT instruction counts 1.

use super::execution::Count;
use super::image::Instruction;
use std::collections::BTreeMap;

/// Cycles by class of instruction. `refill` comes on top wherever execution goes on elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// The core.
    pub core: &'static str,
    /// The document.
    pub source: &'static str,
    /// Refilling the pipeline: `P` of the manuals.
    pub refill: u64,
    /// Data processing, multiplication with a 32-bit result, branches, hints.
    pub plain: u64,
    /// `MLA`, `MLS`.
    pub multiply_add: u64,
    /// `UMULL`, `SMULL`.
    pub multiply_long: u64,
    /// `UMLAL`, `SMLAL`, `UMAAL`.
    pub multiply_long_add: u64,
    /// `UDIV`, `SDIV`.
    pub divide: u64,
    /// A load of one register.
    pub load: u64,
    /// The same behind another load.
    pub load_pipelined: u64,
    /// A store of one register, immediate offset.
    pub store: u64,
    /// A store of one register, register offset.
    pub store_indexed: u64,
    /// Several registers, `LDRD` and `STRD`: this, and one for each register.
    pub several: u64,
    /// `TBB`, `TBH`.
    pub table_branch: u64,
}

/// Cortex-M3. Source: DDI 0337 (r2p0), section 3.3: table 3-1, and 3.3.3 for pairs of loads and stores.
pub const CORTEX_M3: Timings = Timings {
    core: "Cortex-M3",
    source: "DDI 0337, section 3.3",
    refill: 2,
    plain: 1,
    multiply_add: 2,
    multiply_long: 4,
    multiply_long_add: 5,
    divide: 7,
    load: 2,
    load_pipelined: 1,
    store: 1,
    store_indexed: 2,
    several: 1,
    table_branch: 2,
};

/// Cortex-M4. Source: DDI 0439 (100166), section 3.3: table 3-1, and 3.3.2 for pairs of loads and stores.
pub const CORTEX_M4: Timings = Timings {
    core: "Cortex-M4",
    source: "DDI 0439, section 3.3",
    multiply_add: 1,
    multiply_long: 1,
    multiply_long_add: 1,
    ..CORTEX_M3
};

const CONDITIONS: [&str; 16] =
    ["eq", "ne", "hs", "cs", "lo", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];
const LOADS: [&str; 5] = ["ldr", "ldrb", "ldrh", "ldrsb", "ldrsh"];
const STORES: [&str; 3] = ["str", "strb", "strh"];

/// Whether the mnemonic is one of these, maybe with a condition and a width.
fn is(instruction: &Instruction, names: &[&str]) -> bool {
    let head = instruction.mnemonic.split('.').next().unwrap_or_default();
    let matches =
        |name: &&str| head.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || CONDITIONS.contains(&rest));
    names.iter().any(|name| matches(name))
}

/// How many registers an operand list names in braces.
fn listed(instruction: &Instruction) -> u64 {
    let list = instruction.operands.split('{').nth(1).unwrap_or_default();
    list.split('}').next().unwrap_or_default().split(',').filter(|r| !r.trim().is_empty()).count() as u64
}

/// The register loaded, and the text of the address.
fn load(instruction: &Instruction) -> Option<(&str, &str)> {
    let (register, address) = instruction.operands.split_once(", [")?;
    is(instruction, &LOADS).then_some((register, address))
}

impl Timings {
    /// Cycles of one execution that goes on behind the instruction. Operand `before`: what stands directly before it.
    pub fn cycles(&self, instruction: &Instruction, before: Option<&Instruction>) -> u64 {
        if let Some((_, address)) = load(instruction) {
            let pipelined = before.and_then(load).is_some_and(|(register, _)| {
                !address.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == register)
            });
            return if pipelined { self.load_pipelined } else { self.load };
        }
        if is(instruction, &STORES) {
            let indexed =
                instruction.operands.split_once('[').is_some_and(|(_, a)| a.contains(',') && !a.contains('#'));
            let shifted = instruction.operands.contains("lsl");
            return if indexed || shifted { self.store_indexed } else { self.store };
        }
        match () {
            () if is(instruction, &["push", "pop", "ldm", "stm", "ldmdb", "stmdb"]) => {
                self.several + listed(instruction)
            }
            () if is(instruction, &["ldrd", "strd"]) => self.several + 2,
            () if is(instruction, &["tbb", "tbh"]) => self.table_branch,
            () if is(instruction, &["mla", "mls"]) => self.multiply_add,
            () if is(instruction, &["umull", "smull"]) => self.multiply_long,
            () if is(instruction, &["umlal", "smlal", "umaal"]) => self.multiply_long_add,
            () if is(instruction, &["udiv", "sdiv"]) => self.divide,
            () => self.plain,
        }
    }

    /// Cycles of all executions of the instructions at these addresses.
    pub fn total<'i>(
        &self,
        code: impl Iterator<Item = (&'i u32, &'i Instruction)>,
        counts: &BTreeMap<u32, Count>,
    ) -> u64 {
        let mut before: Option<(u32, &Instruction)> = None;
        let mut cycles = 0;
        for (at, instruction) in code {
            let adjacent = before.filter(|(place, i)| place + i.bytes == *at).map(|(_, i)| i);
            let count = counts.get(at).copied().unwrap_or_default();
            cycles += count.executed * self.cycles(instruction, adjacent) + count.left * self.refill;
            before = Some((*at, instruction));
        }
        cycles
    }
}

/// Whether an instruction moves one or two registers between the core and the stack frame, saving and restoring by push and pop
/// aside. In native code these are not only spills, but also accesses to local arrays and to arguments on the stack.
pub fn is_spill(instruction: &Instruction) -> bool {
    let moves = is(instruction, &LOADS) || is(instruction, &STORES) || is(instruction, &["ldrd", "strd"]);
    moves && instruction.operands.contains("[sp")
}
