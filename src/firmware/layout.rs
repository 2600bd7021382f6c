//! Where an image's sections lie, and the linker script that says so. It is written for GNU ld and LLD.
//!
//! In the first memory for data lie the stack (at its start, so that an overflow leaves it and faults; or at its end), the handlers'
//! stack, initial data, zeroed data and, if there is room, linear memory; else that goes to the first memory that has room for it.

use super::startup::RESET;
use crate::board::{Board, FLASH};
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Object, ObjectSection, SectionFlags, elf};
use std::fmt::{self, Write};
use synth_validator::certificate::sha256;

/// The stack's lowest address.
pub const STACK_LIMIT: &str = "__stack_limit";
/// The address behind the stack.
pub const STACK_TOP: &str = "__stack_top";
/// The address behind the stack of exception handlers.
pub const HANDLER_STACK_TOP: &str = "__handler_stack_top";
/// First row of the table of areas to copy, and behind its last: from, to, bytes.
pub const COPY_TABLE: (&str, &str) = ("__copy_table_start", "__copy_table_end");
/// First row of the table of areas to zero, and behind its last: from, bytes.
pub const ZERO_TABLE: (&str, &str) = ("__zero_table_start", "__zero_table_end");
/// Functions to call before the module's start-up function.
pub const INIT_ARRAY: (&str, &str) = ("__init_array_start", "__init_array_end");
/// All symbols that the script defines.
pub const SCRIPT_SYMBOLS: [&str; 11] = [
    STACK_LIMIT,
    STACK_TOP,
    HANDLER_STACK_TOP,
    COPY_TABLE.0,
    COPY_TABLE.1,
    ZERO_TABLE.0,
    ZERO_TABLE.1,
    INIT_ARRAY.0,
    INIT_ARRAY.1,
    "__exidx_start",
    "__exidx_end",
];

/// Sections of the image.
const STACK_SECTION: &str = ".stack";
const MEMORY_SECTIONS: [&str; 2] = [".memory_data", ".memory_zero"];
/// Multiple of all origins and sizes in memories for data.
const ALIGN: u64 = 8;

/// What a user chooses of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stacks {
    /// Whether the stack lies below the data.
    pub below: bool,
    /// Bytes of the stack.
    pub bytes: u32,
    /// Bytes of the handlers' stack.
    pub handler_bytes: u32,
}

impl Stacks {
    fn total(self) -> u64 {
        u64::from(self.bytes) + u64::from(self.handler_bytes)
    }
}

/// What linear memory is for the linker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// None, or part of the host's data.
    None,
    /// It starts as zeros.
    Zero(u64),
    /// It has initial data.
    Data(u64),
}

impl Memory {
    /// Its size.
    pub fn bytes(self) -> u64 {
        match self {
            Memory::None => 0,
            Memory::Zero(bytes) | Memory::Data(bytes) => bytes.next_multiple_of(ALIGN),
        }
    }
}

/// Bytes of an image's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// In flash.
    pub flash: u64,
    /// Data that changes, without stacks and linear memory.
    pub data: u64,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The memory, by its place in [`Board::regions`].
    pub region: usize,
    /// How many bytes too many.
    pub over: u64,
    /// Bytes of linear memory that would fit beside the rest, in the best case.
    pub memory_max: u64,
    /// What there is: for people.
    pub parts: String,
}

/// The largest area that a guard takes.
const GUARD_BYTES_MAX: u32 = 1 << 20;
/// The smallest area that a memory protection unit guards. Source: DDI 0403E, B3.5.3.
const GUARD_BYTES_MIN: u32 = 32;

/// The area below the stack, address and size, in which no memory of the board lies: an access there is an overflow. Boards often do not
/// fault there by themselves.
pub fn guard(board: &Board, stacks: Stacks) -> Option<(u32, u32)> {
    let origin = board.ram[0].origin;
    let sizes = (GUARD_BYTES_MIN.ilog2()..=GUARD_BYTES_MAX.ilog2()).rev().map(|n| 1 << n);
    let is_free = |bytes: &u32| {
        let base = origin.checked_sub(*bytes).filter(|_| origin % *bytes == 0);
        let apart = |base: u32| board.regions().iter().all(|(_, o, n)| *o >= origin || o.saturating_add(*n) <= base);
        base.is_some_and(apart)
    };
    sizes.filter(|_| stacks.below).find(is_free).map(|bytes| (origin - bytes, bytes))
}

/// Finds a place for linear memory, by the memory's place in [`Board::ram`].
///
/// # Errors
/// What does not fit.
pub fn place(board: &Board, stacks: Stacks, memory: Memory, sizes: Sizes) -> Result<usize, Overflow> {
    let flash = u64::from(board.flash.bytes);
    let room = |n: usize| u64::from(board.ram[n].bytes);
    let others = stacks.total() + sizes.data;
    let beside = room(0).saturating_sub(others);
    let mut memory_max = (1..board.ram.len()).map(room).chain([beside]).max().unwrap_or(0);
    if let Memory::Data(_) = memory {
        memory_max = memory_max.min(flash.saturating_sub(sizes.flash.saturating_sub(memory.bytes())));
    }
    let overflow = |region, over, parts| Err(Overflow { region, over, memory_max, parts });
    let data = if sizes.data == 0 { String::new() } else { format!(", data {}", sizes.data) };
    let listed = format!("the stack takes {} bytes, that of handlers {}{data}", stacks.bytes, stacks.handler_bytes);
    if others > room(0) {
        return overflow(1, others - room(0), listed);
    }
    let home = match memory.bytes() <= beside {
        true => Some(0),
        false => (1..board.ram.len()).find(|n| memory.bytes() <= room(*n)),
    };
    let Some(home) = home else {
        let shortfall = |n: usize| memory.bytes() - if n == 0 { beside } else { room(n) };
        let best = (0..board.ram.len()).min_by_key(|n| shortfall(*n)).unwrap_or(0);
        let beside = if best == 0 { format!(", {listed}") } else { String::new() };
        return overflow(1 + best, shortfall(best), format!("linear memory takes {} bytes{beside}", memory.bytes()));
    };
    if sizes.flash > flash {
        let memory = match memory {
            Memory::Data(_) => format!(", the initial contents of linear memory {} of them", memory.bytes()),
            Memory::None | Memory::Zero(_) => String::new(),
        };
        let parts = format!("code, constants and initial data take {} bytes{memory}", sizes.flash);
        return overflow(0, sizes.flash - flash, parts);
    }
    Ok(home)
}

/// Where sizes are measured: code below, data above, both with more room than an image takes.
const TRIAL_DATA: u32 = 0x8000_0000;

/// The linker script. Operand `place`: where linear memory goes, by its place in [`Board::ram`].
pub fn script(board: &Board, stacks: Stacks, memory: Memory, place: usize) -> String {
    let (first, home) = (&board.ram[0].name, &board.ram[place].name);
    whole(&board.regions(), stacks, memory, first, home)
}

/// A script to measure [`Sizes`] with: nothing is where it will be, but all has room.
pub fn trial(stacks: Stacks, memory: Memory) -> String {
    let first = "RAM";
    let regions = [(FLASH, 0, TRIAL_DATA), (first, TRIAL_DATA, (u32::MAX - TRIAL_DATA) & !7)];
    whole(&regions, stacks, memory, first, first)
}

fn whole(regions: &[(&str, u32, u32)], stacks: Stacks, memory: Memory, first: &str, home: &str) -> String {
    let mut s = String::new();
    write_memories(&mut s, regions).expect("invariant: writing to a text does not fail");
    write_sections(&mut s, stacks, memory, first, home).expect("invariant: writing to a text does not fail");
    s
}

fn write_memories(s: &mut String, regions: &[(&str, u32, u32)]) -> fmt::Result {
    writeln!(s, "ENTRY({RESET})\nMEMORY {{")?;
    for (name, origin, bytes) in regions {
        let access = if *name == FLASH { "rx" } else { "rw" };
        writeln!(s, "  {name} ({access}) : ORIGIN = {origin:#010x}, LENGTH = {bytes:#010x}")?;
    }
    s.push_str("}\n/* Only what has contents is loaded; start-up code zeroes the rest. */\n");
    s.push_str("PHDRS {\n  code PT_LOAD FLAGS(5);\n  memory PT_LOAD FLAGS(6);\n  data PT_LOAD FLAGS(6);\n}\n");
    Ok(())
}

fn write_sections(s: &mut String, stacks: Stacks, memory: Memory, first: &str, home: &str) -> fmt::Result {
    let (bytes, handler_bytes) = (stacks.bytes, stacks.handler_bytes);
    writeln!(s, "SECTIONS {{")?;
    writeln!(s, "  .vectors : {{ KEEP(*(.vectors)) }} > {FLASH} : code")?;
    writeln!(s, "  .text : {{ *(.text .text.*) . = ALIGN(8); }} > {FLASH} : code")?;
    writeln!(s, "  .ARM.extab : {{ *(.ARM.extab*) }} > {FLASH} : code")?;
    writeln!(s, "  .ARM.exidx : {{ __exidx_start = .; *(.ARM.exidx*) __exidx_end = .; }} > {FLASH} : code")?;
    writeln!(s, "  .rodata : ALIGN(8) {{\n    *(.rodata .rodata.*)\n    . = ALIGN(4);\n    {} = .;", INIT_ARRAY.0)?;
    s.push_str("    KEEP(*(.preinit_array))\n    KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*) .init_array))\n");
    writeln!(s, "    {} = .;", INIT_ARRAY.1)?;
    s.push_str("    /* What start-up code copies (from, to, bytes) and zeroes (from, bytes). */\n");
    writeln!(s, "    {} = .;", COPY_TABLE.0)?;
    let copied = |name: &str| format!("    LONG(LOADADDR({name})) LONG(ADDR({name})) LONG(SIZEOF({name}))\n");
    let zeroed = |name: &str| format!("    LONG(ADDR({name})) LONG(SIZEOF({name}))\n");
    s.push_str(&copied(".data"));
    if matches!(memory, Memory::Data(_)) {
        s.push_str(&copied(MEMORY_SECTIONS[0]));
    }
    writeln!(s, "    {} = .;\n    {} = .;", COPY_TABLE.1, ZERO_TABLE.0)?;
    s.push_str(&zeroed(".bss"));
    if matches!(memory, Memory::Zero(_)) {
        s.push_str(&zeroed(MEMORY_SECTIONS[1]));
    }
    writeln!(s, "    {} = .;\n    . = ALIGN(8);\n  }} > {FLASH} : code", ZERO_TABLE.1)?;
    if stacks.below {
        s.push_str("  /* At the start of the memory: an overflow leaves it and faults. */\n");
        writeln!(s, "  {STACK_SECTION} (NOLOAD) : ALIGN(8) {{")?;
        writeln!(s, "    {STACK_LIMIT} = .;\n    . += {bytes};\n    {STACK_TOP} = .;")?;
        writeln!(s, "    . += {handler_bytes};\n    {HANDLER_STACK_TOP} = .;\n  }} > {first} : NONE")?;
    }
    let filled = |name: &str, input: &str, memory: &str, segment: &str| {
        format!("  {name} : ALIGN(8) {{ *({input}) . = ALIGN(8); }} > {memory} AT > {FLASH} : {segment}\n")
    };
    let empty = |name: &str, input: &str, memory: &str| {
        format!("  {name} (NOLOAD) : ALIGN(8) {{ *({input}) . = ALIGN(8); }} > {memory} : NONE\n")
    };
    match memory {
        Memory::Data(_) => s.push_str(&filled(MEMORY_SECTIONS[0], ".data.synth_memory", home, "memory")),
        Memory::Zero(_) => s.push_str(&empty(MEMORY_SECTIONS[1], ".bss.synth_memory", home)),
        Memory::None => {}
    }
    s.push_str(&filled(".data", ".data .data.*", first, "data"));
    s.push_str(&empty(".bss", ".bss .bss.* COMMON", first));
    if !stacks.below {
        s.push_str("  /* At the end of the memory, with all that is left of it. */\n");
        let end = format!("ORIGIN({first}) + LENGTH({first})");
        writeln!(s, "  {HANDLER_STACK_TOP} = {end};\n  {STACK_TOP} = {end} - {handler_bytes};")?;
        let data_end = match memory {
            Memory::Zero(_) if home == first => {
                "MAX(ADDR(.bss) + SIZEOF(.bss), ADDR(.memory_zero) + SIZEOF(.memory_zero))"
            }
            _ => "ADDR(.bss) + SIZEOF(.bss)",
        };
        writeln!(s, "  {STACK_LIMIT} = {data_end};")?;
        writeln!(s, "  ASSERT({STACK_TOP} >= {STACK_LIMIT} + {bytes}, \"no room for {bytes} bytes of stack\")")?;
    }
    s.push_str("  .synth.witness 0 : { *(.synth.witness) }\n");
    s.push_str("  /DISCARD/ : { *(.comment .note* .eh_frame*) }\n}\n");
    Ok(())
}

/// What stands in the first line of a generated script before the digest of the rest.
const STAMP: &str = "/* Generated by synth for ";

/// The script as a file: says that it is generated, from what, and what the rest's digest is.
pub fn file(script: &str, board: &str) -> String {
    let rest = format!("/* To change it, edit it and give it with --linker-script. */\n{script}");
    format!("{STAMP}{board}; digest of the rest: {} */\n{rest}", sha256(rest.as_bytes()))
}

/// Whether a file was written by [`file`] and is as it was then.
pub fn is_untouched(text: &str) -> bool {
    let Some((first, rest)) = text.split_once('\n') else {
        return false;
    };
    first.starts_with(STAMP) && first.ends_with(&format!("{} */", sha256(rest.as_bytes())))
}

/// A memory and how much of it an image takes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Use {
    /// Its name.
    pub region: String,
    /// First address.
    pub origin: u32,
    /// Its size.
    pub bytes: u32,
    /// Bytes taken.
    pub used: u64,
}

/// A linked image, as far as a layout is concerned.
pub struct Linked {
    /// Address and size of what is loaded, at its load address.
    loaded: Vec<(u64, u64)>,
    /// Name, address and size of sections.
    sections: Vec<(String, u64, u64)>,
}

impl Linked {
    /// Reads a linked ELF file.
    ///
    /// # Errors
    /// What the object library says.
    pub fn read(elf: &[u8]) -> Result<Linked, object::Error> {
        let file: ElfFile32 = ElfFile32::parse(elf)?;
        let endian = file.endian();
        let headers = file.elf_program_headers().iter().filter(|h| h.p_type(endian) == elf::PT_LOAD);
        let loaded = headers.map(|h| (u64::from(h.p_paddr(endian)), u64::from(h.p_filesz(endian))));
        let mut sections = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            if sh_flags.0 & elf::SHF_ALLOC.0 != 0 {
                sections.push((section.name()?.to_string(), section.address(), section.size()));
            }
        }
        Ok(Linked { loaded: loaded.filter(|(_, bytes)| *bytes > 0).collect(), sections })
    }

    /// Its sizes, if it is linked with the script of [`trial`].
    pub fn sizes(&self) -> Sizes {
        let ends = self.loaded.iter().map(|(at, bytes)| at + bytes);
        let own = |name: &str| name == STACK_SECTION || MEMORY_SECTIONS.contains(&name);
        let data = self.sections.iter().filter(|(name, at, _)| *at >= u64::from(TRIAL_DATA) && !own(name));
        Sizes { flash: ends.max().unwrap_or(0), data: data.map(|(_, _, bytes)| bytes.next_multiple_of(ALIGN)).sum() }
    }

    /// What it takes of each memory.
    pub fn uses(&self, board: &Board, stacks: Stacks) -> Vec<Use> {
        let within =
            |at: u64, origin: u32, bytes: u32| at >= u64::from(origin) && at < u64::from(origin) + u64::from(bytes);
        let regions = board.regions();
        let used = regions.iter().enumerate().map(|(n, (name, origin, bytes))| {
            let loaded = self.loaded.iter().filter(|(at, _)| within(*at, *origin, *bytes)).map(|(_, size)| *size);
            let there =
                self.sections.iter().filter(|(_, at, _)| within(*at, *origin, *bytes)).map(|(_, _, size)| *size);
            let stack = if n == 1 && !stacks.below { stacks.total() } else { 0 };
            let used = if n == 0 { loaded.sum() } else { there.sum::<u64>() + stack };
            Use { region: name.to_string(), origin: *origin, bytes: *bytes, used }
        });
        used.collect()
    }
}
