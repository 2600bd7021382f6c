//! Compares the end of a case by the semantics with its end on the board.

use super::board::Seen;
use super::case::Case;
use super::model::{End, Outcome};
use std::fmt::Write;

/// UsageFault. Source: DDI 0403E, B1.5.2.
const USAGE_FAULT: u32 = 6;
/// CFSR bits of an undefined instruction and of an unaligned access. Source: DDI 0403E, B3.2.15.
const UNDEFINSTR: u32 = 1 << 16;
const UNALIGNED: u32 = 1 << 24;
/// Return to thread mode and the process stack.
const FROM_THREAD: u32 = 0xffff_fffd;
/// xPSR: IT and ICI state, T.
const IT_STATE: u32 = 0x0600_fc00;
const THUMB: u32 = 1 << 24;

/// Where the two ends differ; empty if they agree.
pub fn differences(case: &Case, outcome: &Outcome, seen: &Seen) -> Vec<String> {
    let mut out = Vec::new();
    let mut check = |what: &str, semantics: u32, board: u32| {
        if semantics != board {
            out.push(format!("{what}: semantics {semantics:#010x}, board {board:#010x}"));
        }
    };
    let (cause, pc) = match outcome.end {
        End::Undefined(pc) => (UNDEFINSTR, pc),
        End::Unaligned(pc) => (UNALIGNED, pc),
    };
    check("cause of the end (CFSR)", cause, seen.cfsr);
    check("pc", pc, seen.pc);
    check("exception", USAGE_FAULT, seen.exception);
    check("EXC_RETURN", FROM_THREAD, seen.exc_return);
    if let End::Undefined(_) = outcome.end {
        check("flags NZCV", outcome.nzcv, seen.xpsr >> 28);
        let state = if outcome.in_it { THUMB } else { IT_STATE | THUMB };
        check("IT state and T", THUMB, seen.xpsr & state);
    }
    for (n, (semantics, board)) in outcome.regs.iter().zip(seen.regs).enumerate() {
        if let Some(semantics) = semantics {
            check(&format!("r{n}"), *semantics, board);
        }
    }
    for ((address, semantics), board) in outcome.memory.iter().zip(&seen.memory) {
        if let Some(semantics) = semantics {
            check(&format!("word at {address:#x}"), *semantics, *board);
        }
    }
    if outcome.memory.len() != seen.memory.len() || outcome.memory.len() != case.memory.len() {
        out.push("windows of different sizes".to_string());
    }
    out
}

/// A difference with all that is needed to repeat it.
pub fn describe(case: &Case, differences: &[String]) -> String {
    let mut out = format!("{} at {:#x}\n  code:", case.text, case.address);
    let code = case.linked();
    for byte in code.iter().take(64) {
        let _ = write!(out, " {byte:02x}");
    }
    let _ = write!(out, "{}\n  start: nzcv {:x}", if code.len() > 64 { " ..." } else { "" }, case.nzcv);
    for (n, word) in case.regs.iter().enumerate() {
        let _ = write!(out, " r{n}={word:#x}");
    }
    for (address, words) in case.windows() {
        let _ = write!(out, "\n  memory at {address:#x}: {words:x?}");
    }
    for difference in differences {
        let _ = write!(out, "\n  {difference}");
    }
    out
}
