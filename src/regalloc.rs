//! Register allocation: graph coloring, and where registers run out the better of it and of the `regalloc2` crate. Of either answer those
//! steps are left out that put words where they are (`known.rs`).
//!
//! r12 is for parallel moves and expansions; lr is given where the others run out. Whatever the answer is, the final link's proof decides.

mod backtracking;
mod coloring;
mod copies;
mod graph;
mod known;
mod sets;

use crate::error::CompileError;
use crate::frame::OFFSET_MAX;
use crate::machine::{Inst, MachineFunc, Reg};

/// lr, which is given where r0 to r11 are not enough: functions that use them all save it with the others.
const LAST: u8 = 14;
/// More bytes than registers saved and padding take in a frame.
const SAVED_BYTES_MAX: u32 = 64;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A core register.
    Reg(u8),
    /// A spill slot of 4 bytes.
    Slot(u32),
}

/// A step of an allocated block.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The instruction, with core registers.
    Inst(Inst, u32),
    /// A move of the allocator; never from slot to slot.
    Move(Place, Place),
}

/// An allocated function.
#[derive(Clone, Debug)]
pub struct Allocated {
    /// By machine block: its steps.
    pub blocks: Vec<Vec<Step>>,
    /// By machine block: the place of each live virtual register at its start.
    pub live: Vec<Vec<(Reg, Place)>>,
    /// Number of spill slots.
    pub slots: u32,
}

/// Allocates registers. `values` are the virtual registers whose places at block starts are wanted.
///
/// # Errors
/// `Internal` if the machine function is not well formed.
pub fn allocate(machine: &MachineFunc, values: &[Reg], function: u32) -> Result<Allocated, CompileError> {
    improved(machine, values, color(machine, values), function)
}

/// Whether words of the frame or arguments on the stack may be so far off that lr has to compute their addresses.
fn is_frame_far(machine: &MachineFunc, slots: u32) -> bool {
    let offset = |inst: &Inst| if let Inst::LoadIncoming { offset, .. } = inst { *offset } else { 0 };
    let incoming = machine.insts.iter().map(offset).max().unwrap_or(0);
    machine.outgoing_bytes + 4 * slots + incoming + SAVED_BYTES_MAX > OFFSET_MAX
}

/// Allocates by coloring, if that goes.
pub fn color(machine: &MachineFunc, values: &[Reg]) -> Option<Allocated> {
    coloring::allocate(machine, values)
}

/// The better one of a coloring, if there is one, and of the other allocator's answer, which is asked for only if registers run out.
///
/// # Errors
/// `Internal` if the machine function is not well formed.
pub fn improved(
    machine: &MachineFunc,
    values: &[Reg],
    colored: Option<Allocated>,
    function: u32,
) -> Result<Allocated, CompileError> {
    let colored = colored.map(|colored| known::without_known(machine, colored));
    let other = || Ok(known::without_known(machine, backtracking::allocate(machine, values, function)?));
    match colored {
        Some(colored) if colored.slots == 0 => Ok(colored),
        Some(colored) => {
            let other = other()?;
            Ok(if cost(machine, &other) < cost(machine, &colored) { other } else { colored })
        }
        None => other(),
    }
}

/// Moves, loads, stores and constants of an allocation, by how often they are likely to be executed.
pub fn cost(machine: &MachineFunc, allocated: &Allocated) -> u64 {
    let added = |step: &&Step| match step {
        Step::Move(..) => true,
        Step::Inst(inst, _) => inst.is_remade(),
    };
    let blocks = machine.blocks.iter().zip(&allocated.blocks);
    blocks.map(|(block, steps)| block.frequency() * steps.iter().filter(added).count() as u64).sum()
}
