//! What runs from reset to the end: stack, data, the host's constructors, the module's start-up function, the entry, its result.

use super::assembler::{Assembler, Routine, System, imm, r};
use super::console::{Console, EXIT, SET_UP, alu, restores, saves, say, say_word, set, shift, stack_word, word};
use super::fault;
use super::layout::{COPY_TABLE, HANDLER_STACK_TOP, INIT_ARRAY, STACK_TOP, ZERO_TABLE};
use crate::board::Board;
use crate::encode::branch::blx;
use crate::encode::memory::{Access, access_reg, pop, push};
use crate::encode::operand::{Condition, Imm2};
use crate::encode::{AluOp, ShiftOp, UnaryOp, cmp_imm, cmp_reg, unary};
use synth_validator::contract::{SYM_INIT, SYM_RESULTS};
use synth_validator::ir::Type;

/// The reset handler's symbol, which is the image's entry point.
pub const RESET: &str = "Reset_Handler";
/// The vector table's symbol.
pub const VECTORS: &str = "__synth_vectors";
/// Vector table offset register. Source: DDI 0403E, B3.2.5.
const VTOR: u32 = 0xe000_ed08;
/// Registers of the memory protection unit. Source: DDI 0403E, B3.5.4.
const MPU_TYPE: u32 = 0xe000_ed90;
const MPU_CTRL: u32 = 0xe000_ed94;
const MPU_RNR: u32 = 0xe000_ed98;
const MPU_RBAR: u32 = 0xe000_ed9c;
const MPU_RASR: u32 = 0xe000_eda0;
/// MPU_CTRL: privileged code may access what no region covers.
const PRIVDEFENA: u32 = 1 << 2;
/// CONTROL.SPSEL: threads run on the process stack. Source: DDI 0403E, B1.4.4.
const SPSEL: u32 = 1 << 1;
/// Result words that an entry may have.
pub const RESULT_WORDS_MAX: usize = 16;
/// Result words in registers; the others are in memory.
const RESULT_REGISTERS: u32 = 4;

/// What is called when all is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An export of the module: its symbol, its results.
    Export {
        /// Symbol.
        symbol: String,
        /// Result types.
        results: Vec<Type>,
    },
    /// A function of the host: `int symbol(void)`.
    Host {
        /// Symbol.
        symbol: String,
    },
}

impl Entry {
    /// Its symbol.
    pub fn symbol(&self) -> &str {
        match self {
            Entry::Export { symbol, .. } | Entry::Host { symbol } => symbol,
        }
    }
}

/// What start-up code depends on.
#[derive(Clone, Debug)]
pub struct Startup<'a> {
    /// The board.
    pub board: &'a Board,
    /// The console.
    pub console: Console,
    /// The entry.
    pub entry: Entry,
    /// Whether the module has a start-up function.
    pub has_init: bool,
    /// Address and size of what nobody may access, if the core can see to that.
    pub guard: Option<(u32, u32)>,
}

/// Exceptions 2 to 15 by the names that CMSIS gives their handlers; reserved ones are empty. Source: DDI 0403E, B1.5.2.
const EXCEPTIONS: [&str; 14] = [
    "NMI_Handler",
    "HardFault_Handler",
    "MemManage_Handler",
    "BusFault_Handler",
    "UsageFault_Handler",
    "",
    "",
    "",
    "",
    "SVC_Handler",
    "DebugMon_Handler",
    "",
    "PendSV_Handler",
    "SysTick_Handler",
];

impl Startup<'_> {
    /// The vector table: symbols, empty where a word is zero. Source: DDI 0403E, B1.5.3.
    pub fn vectors(&self) -> Vec<String> {
        let first = [HANDLER_STACK_TOP, RESET].map(str::to_string);
        let exceptions = EXCEPTIONS.map(str::to_string);
        let interrupts = (0..self.board.interrupts).map(|n| format!("IRQ{n}_Handler"));
        first.into_iter().chain(exceptions).chain(interrupts).collect()
    }

    /// All routines.
    pub fn routines(&self) -> Vec<Routine> {
        let handled = self.vectors().split_off(2).into_iter().filter(|s| !s.is_empty()).collect();
        let mut routines = vec![self.reset(), fault::handler(&self.console, handled)];
        routines.extend(self.console.routines());
        routines
    }

    /// The reset handler. Source: DDI 0403E, B1.5.5.
    fn reset(&self) -> Routine {
        let mut a = Assembler::default();
        // A debugger or boot loader may come here without the vector table.
        a.load_symbol(0, HANDLER_STACK_TOP);
        a.system(System::MsrMspR0);
        a.load_symbol(0, STACK_TOP);
        a.system(System::MsrPspR0);
        set(&mut a, 0, SPSEL);
        a.system(System::MsrControlR0);
        a.system(System::Isb);
        a.load_number(0, VTOR);
        a.load_symbol(1, VECTORS);
        word(&mut a, Access::Str, 1, 0, 0);
        a.system(System::Dsb);
        if let Some(guard) = self.guard {
            forbid(&mut a, guard);
        }
        copy(&mut a);
        zero(&mut a);
        if self.console.set_up().is_some() {
            a.call(SET_UP);
        }
        constructors(&mut a);
        if self.has_init {
            a.call(SYM_INIT);
        }
        a.call(self.entry.symbol());
        self.end(&mut a);
        a.finish(RESET, Vec::new())
    }

    /// Says the results of an export, and ends the run: its only result of 32 bits, or what the host's function returns,
    /// is the status; else that is 0.
    fn end(&self, a: &mut Assembler) {
        let Entry::Export { results, .. } = &self.entry else {
            return a.call(EXIT);
        };
        if results.is_empty() {
            set(a, 0, 0);
            return a.call(EXIT);
        }
        a.put(push(saves(&[0, 1, 2, 3])));
        say(a, "result:");
        let mut index = 0;
        for result in results {
            say(a, " 0x");
            for n in (index..index + result.words() as u32).rev() {
                if n < RESULT_REGISTERS {
                    stack_word(a, Access::Ldr, 0, 4 * n);
                } else {
                    a.load_symbol(1, SYM_RESULTS);
                    a.load_number(2, 4 * (n - RESULT_REGISTERS));
                    a.put(access_reg(Access::Ldr, r(0), r(1), r(2), Imm2::ZERO));
                }
                say_word(a, 0);
            }
            index += result.words() as u32;
        }
        say(a, self.console.line_end());
        a.put(pop(restores(&[0, 1, 2, 3])));
        if index != 1 {
            set(a, 0, 0);
        }
        a.call(EXIT);
    }
}

/// Forbids all access to an area, of a power of two bytes, by the last region of the memory protection unit, if the core has one;
/// the rest stays as without it. Source: DDI 0403E, B3.5.
fn forbid(a: &mut Assembler, (base, bytes): (u32, u32)) {
    let none = a.label();
    a.load_number(0, MPU_TYPE);
    word(a, Access::Ldr, 1, 0, 0);
    shift(a, ShiftOp::Lsr, 1, 1, 8);
    a.put(unary(UnaryOp::Uxtb, r(1), r(1)));
    a.put(cmp_imm(r(1), imm(0)));
    a.jump_if(Condition::Eq, none);
    alu(a, AluOp::Sub, 1, 1, 1);
    word(a, Access::Str, 1, 0, MPU_RNR - MPU_TYPE);
    // RASR: execute never, access permission 0, log2 of the size less 1, enable.
    let attributes = 1 << 28 | (bytes.trailing_zeros() - 1) << 1 | 1;
    for (register, value) in [(MPU_RBAR, base), (MPU_RASR, attributes), (MPU_CTRL, PRIVDEFENA | 1)] {
        a.load_number(1, value);
        word(a, Access::Str, 1, 0, register - MPU_TYPE);
    }
    a.system(System::Dsb);
    a.system(System::Isb);
    a.bind(none);
}

/// Copies the areas of the copy table: from, to, bytes. All are words.
fn copy(a: &mut Assembler) {
    a.load_symbol(4, COPY_TABLE.0);
    a.load_symbol(5, COPY_TABLE.1);
    let (row, end) = (a.here(), a.label());
    a.put(cmp_reg(r(4), r(5), None));
    a.jump_if(Condition::Hs, end);
    for n in 0..3 {
        word(a, Access::Ldr, n, 4, 4 * u32::from(n));
    }
    alu(a, AluOp::Add, 4, 4, 12);
    words(a, row, |a| {
        a.put(access_reg(Access::Ldr, r(6), r(0), r(3), Imm2::ZERO));
        a.put(access_reg(Access::Str, r(6), r(1), r(3), Imm2::ZERO));
    });
    a.bind(end);
}

/// Zeroes the areas of the zero table: from, bytes.
fn zero(a: &mut Assembler) {
    a.load_symbol(4, ZERO_TABLE.0);
    a.load_symbol(5, ZERO_TABLE.1);
    set(a, 6, 0);
    let (row, end) = (a.here(), a.label());
    a.put(cmp_reg(r(4), r(5), None));
    a.jump_if(Condition::Hs, end);
    word(a, Access::Ldr, 1, 4, 0);
    word(a, Access::Ldr, 2, 4, 4);
    alu(a, AluOp::Add, 4, 4, 8);
    words(a, row, |a| a.put(access_reg(Access::Str, r(6), r(1), r(3), Imm2::ZERO)));
    a.bind(end);
}

/// Does something for each word of an area of r2 bytes, with its offset in r3; then goes on at `then`.
fn words(a: &mut Assembler, then: super::assembler::Label, body: impl Fn(&mut Assembler)) {
    set(a, 3, 0);
    let next = a.here();
    a.put(cmp_reg(r(3), r(2), None));
    a.jump_if(Condition::Hs, then);
    body(a);
    a.put(crate::encode::alu_imm(AluOp::Add, crate::encode::SetFlags::Free, r(3), r(3), imm(4)));
    a.jump(next);
}

/// Calls the functions of the host's init arrays.
fn constructors(a: &mut Assembler) {
    a.load_symbol(4, INIT_ARRAY.0);
    a.load_symbol(5, INIT_ARRAY.1);
    let (next, end) = (a.here(), a.label());
    a.put(cmp_reg(r(4), r(5), None));
    a.jump_if(Condition::Hs, end);
    word(a, Access::Ldr, 0, 4, 0);
    alu(a, AluOp::Add, 4, 4, 4);
    a.put(blx(r(0)));
    a.jump(next);
    a.bind(end);
}
