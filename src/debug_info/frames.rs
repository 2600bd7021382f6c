//! Call frame information: at each instruction, where the caller's stack pointer, its return address and the registers
//! that it wants back are.

use super::{Code, ENCODING, LR, SP};
use crate::branch_relax::Unwind;
use crate::compile::CompiledFunction;
use gimli::Register;
use gimli::write::{Address, CallFrameInstruction, CommonInformationEntry, FrameDescriptionEntry, FrameTable};

/// The call frame information of all code.
pub fn table(all: &[Code<'_>]) -> FrameTable {
    let mut table = FrameTable::default();
    // Instructions are halfwords or two, registers are words and lie below the caller's frame.
    let mut entry = CommonInformationEntry::new(ENCODING, 2, -4, LR);
    entry.add_instruction(CallFrameInstruction::Cfa(SP, 0));
    let cie = table.add_cie(entry);
    for code in all {
        let mut fde = FrameDescriptionEntry::new(Address::Symbol { symbol: code.number, addend: 0 }, code.bytes);
        if let Some(function) = code.function {
            describe(&mut fde, function);
        }
        table.add_fde(cie, fde);
    }
    table
}

fn describe(fde: &mut FrameDescriptionEntry, function: &CompiledFunction) {
    let mut before = Unwind::default();
    for &(at, now) in function.unwind.iter().filter(|(at, _)| (*at as usize) < function.code.len()) {
        if now.cfa_bytes != before.cfa_bytes {
            fde.add_instruction(at, CallFrameInstruction::CfaOffset(now.cfa_bytes as i32));
        }
        if now.is_saved != before.is_saved {
            for &(register, offset) in &function.saved {
                let register = Register(u16::from(register));
                fde.add_instruction(
                    at,
                    match now.is_saved {
                        true => CallFrameInstruction::Offset(register, offset),
                        false => CallFrameInstruction::Restore(register),
                    },
                );
            }
        }
        before = now;
    }
}
