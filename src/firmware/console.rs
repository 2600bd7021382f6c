//! Routines of a firmware image that talk to the outside: printing, and the end of a run. A host may call them.

use super::assembler::{Assembler, Routine, System, Word, imm, r};
use crate::board::{Uart, UartKind};
use crate::encode::branch::bx;
use crate::encode::memory::{Access, access_imm, access_reg, adjust_sp, pop, push};
use crate::encode::operand::{Base, Condition, Gpr, Imm2, Imm8, Imm12, LR, PopList, PushList, ShiftAmount};
use crate::encode::{AluOp, SetFlags, ShiftOp, alu_imm, alu_reg, cmp_imm, mov_reg, movs_imm8, shift_imm_s, tst_imm};

/// `void __synth_put_text(const char *)`: prints a text.
pub const PUT_TEXT: &str = "__synth_put_text";
/// `void __synth_put_word(uint32_t)`: prints eight hexadecimal digits.
pub const PUT_WORD: &str = "__synth_put_word";
/// `void __synth_exit(uint32_t)`: ends the run with a status.
pub const EXIT: &str = "__synth_exit";

/// Makes the console ready.
pub(super) const SET_UP: &str = "__synth_console_set_up";

/// Where text goes, and how a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Console {
    /// To a debugger, which also ends the run. Source: Arm, "Semihosting for AArch32 and AArch64".
    Semihosting,
    /// To a serial port; the run ends in sleep.
    Uart(Uart),
}

/// Operation numbers and the reason of an exit. Source: Arm, "Semihosting for AArch32 and AArch64", SYS_WRITE0,
/// SYS_EXIT_EXTENDED, ADP_Stopped_ApplicationExit.
const SYS_WRITE0: u32 = 0x04;
const SYS_EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: u32 = 0x20026;

/// `movs rN, #value`.
pub(super) fn set(a: &mut Assembler, n: u8, value: u32) {
    let low = r(n).low().expect("invariant: a low register");
    a.put(movs_imm8(low, Imm8::new(value).expect("invariant: a byte")));
}

/// `ldr rT, [rN, #offset]` or `str`.
pub(super) fn word(a: &mut Assembler, access: Access, t: u8, n: u8, offset: u32) {
    a.put(access_imm(access, r(t), Base::Reg(r(n)), offset12(offset)));
}

/// The same with a stack word.
pub(super) fn stack_word(a: &mut Assembler, access: Access, t: u8, offset: u32) {
    a.put(access_imm(access, r(t), Base::Sp, offset12(offset)));
}

fn offset12(offset: u32) -> Imm12 {
    Imm12::new(offset).expect("invariant: offsets are small")
}

/// `adds rD, rN, #value` or `subs`, `orrs`, …
pub(super) fn alu(a: &mut Assembler, op: AluOp, d: u8, n: u8, value: u32) {
    a.put(alu_imm(op, SetFlags::Free, r(d), r(n), imm(value)));
}

/// `lsls rD, rM, #amount` or `lsrs`.
pub(super) fn shift(a: &mut Assembler, op: ShiftOp, d: u8, m: u8, amount: u32) {
    a.put(shift_imm_s(op, r(d), r(m), ShiftAmount::new(amount).expect("invariant: 1 to 31")));
}

/// Prints a text of the image.
pub(super) fn say(a: &mut Assembler, text: &str) {
    a.load(0, Word::Text(text.to_string()));
    a.call(PUT_TEXT);
}

/// Prints the word in a register.
pub(super) fn say_word(a: &mut Assembler, n: u8) {
    if n != 0 {
        a.put(mov_reg(r(0), r(n)));
    }
    a.call(PUT_WORD);
}

/// The registers of a list, for `push`.
pub(super) fn saves(registers: &[u8]) -> PushList {
    PushList::new(registers.iter().map(|n| 1 << n).sum()).expect("invariant: a list of registers")
}

/// The registers of a list, for `pop`; 15 is pc.
pub(super) fn restores(registers: &[u8]) -> PopList {
    PopList::new(registers.iter().map(|n| 1 << n).sum()).expect("invariant: a list of registers")
}

impl Console {
    /// What ends a line.
    pub fn line_end(&self) -> &'static str {
        match self {
            Console::Semihosting => "\n",
            Console::Uart(_) => "\r\n",
        }
    }

    /// The routine that makes the console ready, if it needs one.
    pub fn set_up(&self) -> Option<Routine> {
        let Console::Uart(uart) = self else {
            return None;
        };
        let mut a = Assembler::default();
        for change in &uart.setup {
            a.load_number(0, change.address);
            word(&mut a, Access::Ldr, 1, 0, 0);
            for (op, bits) in [(AluOp::Bic, change.clear), (AluOp::Orr, change.set)] {
                a.load_number(2, bits);
                a.put(alu_reg(op, SetFlags::Free, r(1), r(1), r(2), None));
            }
            word(&mut a, Access::Str, 1, 0, 0);
            // A peripheral may be used some cycles after its clock is on.
            a.system(System::Dsb);
        }
        let (divisor_at, control_at, control) = match uart.kind {
            // BAUDDIV; CTRL: transmit enable. Source: Arm DDI 0479, APB UART.
            UartKind::Cmsdk => (0x10, 0x08, 1),
            // BRR; CR1: UE and TE. Source: ST RM0090, 30.6.
            UartKind::Stm32 => (0x08, 0x0c, 1 << 13 | 1 << 3),
        };
        a.load_number(0, uart.base);
        for (at, value) in [(divisor_at, uart.divisor()), (control_at, control)] {
            a.load_number(1, value);
            word(&mut a, Access::Str, 1, 0, at);
        }
        a.put(bx(LR));
        Some(a.finish(SET_UP, Vec::new()))
    }

    /// The routines.
    pub fn routines(&self) -> Vec<Routine> {
        self.set_up().into_iter().chain([self.put_text(), put_word(), self.exit()]).collect()
    }

    fn put_text(&self) -> Routine {
        let mut a = Assembler::default();
        match self {
            Console::Semihosting => {
                a.put(mov_reg(r(1), r(0)));
                set(&mut a, 0, SYS_WRITE0);
                a.system(System::BkptSemihosting);
            }
            Console::Uart(uart) => {
                // State word, its bit, on which value of it to wait, data word.
                let (state_at, bit, wait_while, data_at) = match uart.kind {
                    // STATE: transmit buffer full. Source: Arm DDI 0479, APB UART.
                    UartKind::Cmsdk => (0x04, 1, Condition::Ne, 0x00),
                    // SR: TXE. Source: ST RM0090, 30.6.
                    UartKind::Stm32 => (0x00, 1 << 7, Condition::Eq, 0x04),
                };
                a.load_number(1, uart.base);
                let (next, end) = (a.here(), a.label());
                a.put(access_imm(Access::Ldrb, r(2), Base::Reg(r(0)), Imm12::ZERO));
                a.put(cmp_imm(r(2), imm(0)));
                a.jump_if(Condition::Eq, end);
                let wait = a.here();
                word(&mut a, Access::Ldr, 3, 1, state_at);
                a.put(tst_imm(r(3), imm(bit)));
                a.jump_if(wait_while, wait);
                word(&mut a, Access::Str, 2, 1, data_at);
                alu(&mut a, AluOp::Add, 0, 0, 1);
                a.jump(next);
                a.bind(end);
            }
        }
        a.put(bx(LR));
        a.finish(PUT_TEXT, Vec::new())
    }

    fn exit(&self) -> Routine {
        let mut a = Assembler::default();
        match self {
            Console::Semihosting => {
                a.put(adjust_sp(true, offset12(8)));
                stack_word(&mut a, Access::Str, 0, 4);
                a.load_number(0, APPLICATION_EXIT);
                stack_word(&mut a, Access::Str, 0, 0);
                stack_address(&mut a, r(1));
                set(&mut a, 0, SYS_EXIT_EXTENDED);
                a.system(System::BkptSemihosting);
            }
            Console::Uart(_) => {
                a.put(mov_reg(r(4), r(0)));
                say(&mut a, "exit: 0x");
                say_word(&mut a, 4);
                say(&mut a, self.line_end());
            }
        }
        a.system(System::CpsidI);
        let sleep = a.here();
        a.system(System::Wfi);
        a.jump(sleep);
        a.finish(EXIT, Vec::new())
    }
}

/// `add rD, sp, #0`, in the form that the encoder has.
fn stack_address(a: &mut Assembler, d: Gpr) {
    set(a, d.number(), 0);
    a.put(crate::encode::memory::add_sp(d));
}

fn put_word() -> Routine {
    let mut a = Assembler::default();
    a.put(push(saves(&[4, 14])));
    a.put(adjust_sp(true, offset12(16)));
    stack_address(&mut a, r(1));
    set(&mut a, 2, 0);
    let next = a.here();
    shift(&mut a, ShiftOp::Lsr, 3, 0, 28);
    a.put(cmp_imm(r(3), imm(10)));
    let digit = a.label();
    a.jump_if(Condition::Lo, digit);
    alu(&mut a, AluOp::Add, 3, 3, u32::from(b'a' - b'0' - 10));
    a.bind(digit);
    alu(&mut a, AluOp::Add, 3, 3, u32::from(b'0'));
    a.put(access_reg(Access::Strb, r(3), r(1), r(2), Imm2::ZERO));
    shift(&mut a, ShiftOp::Lsl, 0, 0, 4);
    alu(&mut a, AluOp::Add, 2, 2, 1);
    a.put(cmp_imm(r(2), imm(8)));
    a.jump_if(Condition::Lo, next);
    set(&mut a, 3, 0);
    a.put(access_imm(Access::Strb, r(3), Base::Reg(r(1)), offset12(8)));
    a.put(mov_reg(r(0), r(1)));
    a.call(PUT_TEXT);
    a.put(adjust_sp(false, offset12(16)));
    a.put(pop(restores(&[4, 15])));
    a.finish(PUT_WORD, Vec::new())
}
