//! The assumptions that a verdict may rest on: what they say, and what the integrator has to see to. The list is closed.

use serde::Serialize;

/// An assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// Name, without what stands in parentheses behind it.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// What the integrator has to see to, so that it holds.
    pub duty: &'static str,
}

/// All of them, by name.
pub const ASSUMPTIONS: [Assumption; 12] = [
    Assumption {
        name: "A-AAPCS",
        says: "Imported functions and the functions that others put into tables obey the AAPCS: they keep r4 to r11 \
               and sp, return to lr, and take arguments and give results where the procedure call standard says.",
        duty: "Define each import with the signature listed, by a compiler that follows the AAPCS; write assembly so \
               that it does.",
    },
    Assumption {
        name: "A-BOUNDS",
        says: "Every access to linear memory is in range, or faults as a trap does before anything is written, and \
               memory.init reads inside its segment, which was not dropped (only with --bounds none, mpu or mask).",
        duty: "With mpu, set up the memory protection unit so that an access outside of linear memory faults; it \
               cannot see a source of memory.init outside of its segment, nor undo the part of an access of several \
               words that lies inside: show by other means that the module makes none. With none and mask, show that \
               for all accesses.",
    },
    Assumption {
        name: "A-CAPACITY",
        says: "Linear memory does not grow past the contract's capacity, and growing up to it does not fail (only \
               between modules).",
        duty: "Choose --memory-pages so that the module never asks for more.",
    },
    Assumption {
        name: "A-CORE",
        says: "The core executes instructions as the Armv7-M Architecture Reference Manual (DDI 0403E) says, those of \
               the DSP extension too where the contract has it (dsp); single accesses may be unaligned and divisions by \
               zero do not fault.",
        duty: "Use a core of the target that was compiled for, with the DSP extension (Cortex-M4, Cortex-M7) if the \
               contract says so, and look through its errata. Keep what faults use \
               (traps are udf instructions) enabled, CCR.UNALIGN_TRP and CCR.DIV_0_TRP at 0, and linear memory in \
               memory of the type Normal: in others unaligned accesses fault.",
    },
    Assumption {
        name: "A-FRAME",
        says: "Memory below the stack pointer is not part of linear memory. Linear memory, where the host defines it, \
               is 8-aligned, does not overlap other objects, and is zero before the start-up function and above what has \
               been grown into.",
        duty: "Place stack and linear memory apart; align __linear_memory_base to 8 bytes and clear it \
               if the host defines it.",
    },
    Assumption {
        name: "A-HOST",
        says: "Nobody else accesses linear memory, globals, __synth_results or __synth_memory_bytes while a function of \
               the module runs, but in the imports that it calls; an interrupt that calls such a function is somebody \
               else. The size in the latter changes between calls only where the module imports or exports its memory, \
               in pages, up to --memory-pages and the module's maximum. Tables are never written.",
        duty: "Keep interrupt handlers, other threads and DMA out of these objects during calls, or in imports, such \
               as those that lock and unlock interrupts: imports may write memory and globals.",
    },
    Assumption {
        name: "A-LOAD",
        says: "Before the first call every loaded section of the image is at its address with the contents that the \
               file has, the rest of it zero (linked images only).",
        duty: "Flash the image whose digest is listed; let start-up code copy data and clear the rest.",
    },
    Assumption {
        name: "A-NATIVE",
        says: "What the module reads or writes through the host addresses named is memory that the host lets it read \
               or write, and no part of this object but perhaps linear memory, nor of the stack below sp and the \
               argument words on it. It is of the type Normal, keeps what is stored, and is accessed by nobody else \
               while a function of the module runs: no peripheral.",
        duty: "Pass pointers to objects that are alive and as large as the callee takes them to be. Let imported \
               functions access peripherals and what interrupts share: accesses through host addresses may be left \
               out, repeated and joined.",
    },
    Assumption {
        name: "A-PREFIX",
        says: "The host's function for an import is the one whose symbol is the import's with the prefix named in front.",
        duty: "Define imports under these symbols, which are listed, and nothing else.",
    },
    Assumption {
        name: "A-RELOCATED",
        says: "The linker's sections in the module name every number in it that is an address in linear memory; where \
               the host defines __linear_memory_base, it is aligned as they say (only with linear memory based at 0).",
        duty: "Link the module with --emit-relocs and change nothing in it afterwards; align __linear_memory_base if \
               the host defines it.",
    },
    Assumption {
        name: "A-RT",
        says: "The run-time helper named computes what the run-time ABI (IHI 0043) says; __aeabi_ldivmod leaves \
               remainder 0 when it divides the most negative value by -1.",
        duty: "Link a run-time library that does so, such as libgcc or compiler-rt.",
    },
    Assumption {
        name: "A-STACK",
        says: "There is enough stack for every call.",
        duty: "Give the stack at least what is listed for the exports that are called, and what imports, run-time \
               helpers and exception handlers take on top.",
    },
];

/// The assumption with a name as verdicts give it, such as `A-RT(__aeabi_uldivmod)`.
pub fn named(name: &str) -> Option<&'static Assumption> {
    let bare = name.split('(').next().unwrap_or_default();
    ASSUMPTIONS.iter().find(|a| a.name == bare)
}

/// What stands in parentheses behind a name: what the assumption is about. Empty if nothing does.
pub fn about(name: &str) -> &str {
    name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default()
}
