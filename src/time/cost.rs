//! The most cycles that an instruction takes, by core, with memory that never waits and nobody else on the bus.
//!
//! Where the manuals give a range, this is its end. A refill of the pipeline takes 3. Accesses that are not aligned take up to two more
//! transfers. Sources: DDI 0337 (r2p0), section 3.3 (Cortex-M3); DDI 0439, section 3.3 (Cortex-M4).

use crate::compile::Core;
use crate::stack::frame::written;
use synth_validator::arm::insn::{Accumulate, Insn, Long, Op, Reg};
use synth_validator::domain::Width;

/// `P` of the manuals, at most.
const REFILL: u64 = 3;
/// Transfers more than one of a word, and of a halfword, that is not aligned.
const UNALIGNED: [u64; 2] = [2, 1];

/// The most cycles of an instruction; nothing for a core whose manual has no table.
pub fn cycles(core: Core, insn: &Insn) -> Option<u64> {
    let is_m3 = match core {
        Core::CortexM3 => true,
        Core::CortexM4 => false,
        Core::CortexM7 => return None,
    };
    let by_core = |m3, m4| if is_m3 { m3 } else { m4 };
    let transfers = |width: Width| match width {
        Width::Byte => 0,
        Width::Half => UNALIGNED[1],
        Width::Word => UNALIGNED[0],
    };
    let own = match insn.op {
        Op::Multiply { acc: Accumulate::None, .. } => 1,
        Op::Multiply { .. } => by_core(2, 1),
        Op::MultiplyLong { op: Long::Umull | Long::Smull, .. } => by_core(5, 1),
        Op::MultiplyLong { .. } => by_core(7, 1),
        Op::Divide { .. } => 12,
        Op::Load { width, .. } | Op::Store { width, .. } => 2 + transfers(width),
        Op::Dual { .. } => 3,
        Op::Multiple { list, .. } => 1 + u64::from(list.count_ones()),
        Op::TableBranch { .. } => 2,
        _ => 1,
    };
    let branches = matches!(
        insn.op,
        Op::B { .. } | Op::Bl { .. } | Op::Bx { .. } | Op::Blx { .. } | Op::Cbz { .. } | Op::TableBranch { .. }
    );
    let leaves = branches || written(&insn.op) & 1 << Reg::PC.0 != 0;
    Some(own + if leaves { REFILL } else { 0 })
}
