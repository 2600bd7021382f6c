//! The handler of all exceptions that a host does not handle: says on the console what happened and ends the run.
//!
//! It runs on the handlers' own stack, so that it works when the other one is exhausted.

use super::assembler::{Assembler, Routine, System, Word, imm, r};
use super::console::{Console, EXIT, alu, say, say_word, set, shift, word};
use crate::encode::memory::{Access, access_imm, access_reg};
use crate::encode::operand::{Base, Condition, Imm2, Imm12, LR};
use crate::encode::{AluOp, SetFlags, ShiftOp, UnaryOp, alu_reg, cmp_imm, cmp_reg, mov_reg, tst_imm, tst_reg, unary};
use synth_validator::trap::TrapKind;

/// The handler's symbol.
pub const FAULT: &str = "__synth_fault";
/// The table of the traps' names.
pub const TRAP_NAMES: &str = "__synth_trap_names";
/// Exit status of a trap: this and the kind's number.
pub const STATUS_TRAP: u32 = 128;
/// Exit status of other faults and of exceptions that nobody handles.
pub const STATUS_FAULT: u32 = 255;
/// How far below the stack a fault's address may lie to count as exhausted stack.
const GUARD_BYTES: u32 = 1 << 20;

/// What a frame, registers pushed at once and some words take of the end of a stack.
const LAST_BYTES: u32 = 256;

/// Numbers of the first and last exception that is a fault: HardFault, UsageFault. Source: DDI 0403E, B1.5.2.
const FAULTS: (u32, u32) = (3, 6);
/// Configurable fault status register, and its bits. Source: DDI 0403E, B3.2.15.
const CFSR: u32 = 0xe000_ed28;
const NO_FRAME: u32 = 1 << 12 | 1 << 4; // STKERR, MSTKERR
const UNDEFINSTR: u32 = 1 << 16;
/// Bits of CFSR that say that there is an address, BFARVALID and MMARVALID, with its register, BFAR and MMFAR.
/// Source: DDI 0403E, B3.2.15, B3.2.17, B3.2.18.
const ADDRESSES: [(u32, u32); 2] = [(1 << 15, 0xe000_ed38), (1 << 7, 0xe000_ed34)];
/// Offset of the return address in an exception's frame. Source: DDI 0403E, B1.5.6.
const FRAME_PC: u32 = 24;
/// Bit of EXC_RETURN that tells the process stack from the main stack. Source: DDI 0403E, B1.5.8.
const ON_PROCESS_STACK: u32 = 4;

/// The handler. `symbols`: the exceptions' symbols, which the host may define instead.
pub fn handler(console: &Console, symbols: Vec<String>) -> Routine {
    let mut a = Assembler::default();
    let end = console.line_end();
    let [main_stack, exhausted, other, fault, unexpected, no_frame] = [(); 6].map(|()| a.label());

    // r4: frame. r5: exception. r6: CFSR. r7: EXC_RETURN.
    a.put(mov_reg(r(7), LR));
    a.system(System::MrsR5Ipsr);
    a.system(System::MrsR4Msp);
    a.put(cmp_imm(r(5), imm(FAULTS.0)));
    a.jump_if(Condition::Lo, unexpected);
    a.put(cmp_imm(r(5), imm(FAULTS.1)));
    a.jump_if(Condition::Hi, unexpected);
    a.load_number(6, CFSR);
    word(&mut a, Access::Ldr, 6, 6, 0);
    a.put(tst_imm(r(7), imm(ON_PROCESS_STACK)));
    a.jump_if(Condition::Eq, main_stack);
    a.system(System::MrsR4Psp);

    // The stack is exhausted if the frame lies below it, or at its last words and the fault was an access below it.
    a.load_symbol(0, super::layout::STACK_LIMIT);
    a.put(cmp_reg(r(4), r(0), None));
    a.jump_if(Condition::Lo, exhausted);
    a.put(alu_reg(AluOp::Sub, SetFlags::Free, r(2), r(4), r(0), None));
    a.put(cmp_imm(r(2), imm(LAST_BYTES)));
    a.jump_if(Condition::Hs, main_stack);
    for (valid, register) in ADDRESSES {
        let elsewhere = a.label();
        a.put(tst_imm(r(6), imm(valid)));
        a.jump_if(Condition::Eq, elsewhere);
        a.load_number(1, register);
        word(&mut a, Access::Ldr, 1, 1, 0);
        a.put(cmp_reg(r(1), r(0), None));
        a.jump_if(Condition::Hs, elsewhere);
        a.put(alu_reg(AluOp::Sub, SetFlags::Free, r(2), r(0), r(1), None));
        a.put(cmp_imm(r(2), imm(GUARD_BYTES)));
        a.jump_if(Condition::Ls, exhausted);
        a.bind(elsewhere);
    }

    // A trap is an undefined instruction `udf #kind`.
    a.bind(main_stack);
    a.load_number(0, NO_FRAME);
    a.put(tst_reg(r(6), r(0), None));
    a.jump_if(Condition::Ne, no_frame);
    a.put(tst_imm(r(6), imm(UNDEFINSTR)));
    a.jump_if(Condition::Eq, fault);
    word(&mut a, Access::Ldr, 0, 4, FRAME_PC);
    a.put(access_imm(Access::Ldrh, r(1), Base::Reg(r(0)), Imm12::ZERO));
    shift(&mut a, ShiftOp::Lsr, 2, 1, 8);
    a.put(cmp_imm(r(2), imm(0xde)));
    a.jump_if(Condition::Ne, fault);
    a.put(unary(UnaryOp::Uxtb, r(1), r(1)));
    a.put(cmp_imm(r(1), imm(0)));
    a.jump_if(Condition::Eq, fault);
    a.put(cmp_imm(r(1), imm(TrapKind::ALL.len() as u32)));
    a.jump_if(Condition::Hi, fault);
    a.put(mov_reg(r(5), r(1)));
    say(&mut a, "trap: ");
    a.load_symbol(1, TRAP_NAMES);
    alu(&mut a, AluOp::Sub, 2, 5, 1);
    a.put(access_reg(Access::Ldr, r(0), r(1), r(2), Imm2::new(2).expect("invariant: 2 bits")));
    a.call(super::console::PUT_TEXT);
    say(&mut a, " at 0x");
    word(&mut a, Access::Ldr, 0, 4, FRAME_PC);
    say_word(&mut a, 0);
    say(&mut a, end);
    alu(&mut a, AluOp::Add, 5, 5, STATUS_TRAP);
    a.put(mov_reg(r(0), r(5)));
    a.call(EXIT);

    a.bind(exhausted);
    let kind = TrapKind::CallStackExhausted;
    say(&mut a, &format!("trap: {}, stack pointer 0x", kind.name()));
    say_word(&mut a, 4);
    say(&mut a, end);
    set(&mut a, 0, STATUS_TRAP + kind as u32);
    a.call(EXIT);

    a.bind(fault);
    say(&mut a, "fault at 0x");
    word(&mut a, Access::Ldr, 0, 4, FRAME_PC);
    say_word(&mut a, 0);
    a.jump(other);
    a.bind(no_frame);
    say(&mut a, "fault");
    a.bind(other);
    say(&mut a, ", exception 0x");
    say_word(&mut a, 5);
    say(&mut a, ", CFSR 0x");
    say_word(&mut a, 6);
    for (valid, register) in ADDRESSES {
        let elsewhere = a.label();
        a.put(tst_imm(r(6), imm(valid)));
        a.jump_if(Condition::Eq, elsewhere);
        say(&mut a, ", address 0x");
        a.load_number(0, register);
        word(&mut a, Access::Ldr, 0, 0, 0);
        say_word(&mut a, 0);
        a.bind(elsewhere);
    }
    let ended = a.label();
    a.jump(ended);
    a.bind(unexpected);
    say(&mut a, "unexpected exception 0x");
    say_word(&mut a, 5);
    a.bind(ended);
    say(&mut a, end);
    set(&mut a, 0, STATUS_FAULT);
    a.call(EXIT);
    a.finish(FAULT, symbols)
}

/// The words of [`TRAP_NAMES`], by kind, from 1 on.
pub fn trap_names() -> Vec<Word> {
    TrapKind::ALL.iter().map(|kind| Word::Text(kind.name().to_string())).collect()
}
